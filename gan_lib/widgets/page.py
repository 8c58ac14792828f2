"""Widgets that live in two homes: in JupyterLab with a kernel, and in a published page without one.

Such a widget does its work in JavaScript. In JupyterLab, anywidget runs the module and keeps its state and the
kernel's the same. In the published page `book/_static/live.js` runs it: the page carries the name of the module,
the state and a still picture, which is all that a printer, a search engine or a reader without JavaScript sees.
"""

import html
import json
from typing import ClassVar

import anywidget

from .modules import bundle, fingerprint, style
from .still import Still, img_tag


class PageWidget(anywidget.AnyWidget):
    """A widget that comes alive in a published page too.

    A subclass sets `_module`, the name of its JavaScript module in this folder, and defines `still`. All its
    synced traits must be fit for JSON, except those named in `_kept_out`, which the page does not get.
    """

    _module: ClassVar[str]
    _kept_out: ClassVar[frozenset[str]] = frozenset({"layout", "tabbable", "tooltip"})

    def __init_subclass__(cls, **kwargs):
        if "_module" in cls.__dict__:
            cls._esm, cls._css = bundle(cls._module), style()
        super().__init_subclass__(**kwargs)

    def still(self) -> Still:
        """Give the picture that stands for the widget where it cannot live; captions are left to the page."""
        raise NotImplementedError(f"{type(self).__name__} has no still(): return Still(image, alt, caption).")

    def page_state(self) -> dict:
        """Give the state that the published page starts from."""
        state = self.get_state()
        return {key: value for key, value in state.items() if key[0] != "_" and key not in self._kept_out}

    def page_files(self) -> list[str]:
        """Give the files that the page fetches, seen from the working folder; the book files them in `_static`."""
        return []

    def page_html(self) -> str:
        """Give the widget as a published page holds it: which module, in which state, and the still picture.

        `data-files` is a note to the book's build, which takes it out of the page.
        """
        module = f"{self._module}.js?v={fingerprint(bundle(self._module))}"
        state, files = (_attribute(value) for value in (self.page_state(), self.page_files()))
        noted = f' data-files="{files}"' if self.page_files() else ""
        image, alt, _ = self.still()
        return f'<div class="live" data-live="{module}" data-state="{state}"{noted}>{img_tag(image, alt)}</div>'

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | {"text/html": self.page_html()}, metadata


def _attribute(value) -> str:
    """Write plain data as JSON in an HTML attribute."""
    return html.escape(json.dumps(value, separators=(",", ":")))

"""What every live widget shares: a picture that stands in for it where no kernel runs.

JupyterLab shows the widget itself: its renderer of widget views comes first (rank -10, HTML has 50).
A published page has no kernel, so it shows the `text/html` beside it: a still, with alternative text.
"""

import base64
import html
import io
from typing import NamedTuple

import ipywidgets
from matplotlib.figure import Figure

NOTE = "Comes alive in Jupyter."


class Still(NamedTuple):
    """A picture of a widget: PNG bytes or a matplotlib figure, alternative text, and a caption."""

    image: bytes | Figure
    alt: str
    caption: str


def png_bytes(image: bytes | Figure) -> bytes:
    """Give the PNG of a matplotlib figure; PNG bytes come back as they are."""
    if isinstance(image, bytes):
        return image
    buffer = io.BytesIO()
    image.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def img_tag(image: bytes | Figure, alt: str) -> str:
    """Give an HTML `<img>` that carries the picture inside it, with its alternative text."""
    data = base64.b64encode(png_bytes(image)).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


class Live(ipywidgets.VBox):
    """A column of widgets that leaves a still picture behind where no kernel runs.

    Subclasses define `still`. Shown as the last expression of a cell, the widget gives both its view and
    the still; the front end takes the view when it can.
    """

    def still(self) -> Still:
        """Give the picture that stands for the widget as it is now."""
        raise NotImplementedError(f"{type(self).__name__} has no still(): return Still(image, alt, caption).")

    def still_html(self) -> str:
        """Give the still as an HTML figure. Alternative text is escaped; the caption may be HTML."""
        image, alt, caption = self.still()
        caption = f'{caption} <span class="live-note">{NOTE}</span>'
        return f'<figure class="live-still">{img_tag(image, alt)}<figcaption>{caption}</figcaption></figure>'

    def _repr_mimebundle_(self, **kwargs) -> dict:
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle["text/html"] = self.still_html()
        return bundle

"""The JavaScript of the widgets: one text for each, the same in JupyterLab and in the published page.

A module may import from its neighbours with `import { a, b } from "./name.js";` on one line or several. JupyterLab
is given a module as text, where such an import would lead nowhere, so a module and what it imports are joined
into one. They then share one scope: a name means one thing in all of them.
"""

import hashlib
import re
from pathlib import Path

HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+)\.js";\n', flags=re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|let|class|function|async)\b)", flags=re.MULTILINE)


def _parts(name: str, seen: dict[str, str]) -> dict[str, str]:
    """Give the text of a module after those of the modules it imports, by name, each once."""
    if name not in seen:
        text = (HERE / f"{name}.js").read_text(encoding="utf-8")
        for needed in _IMPORT.findall(text):
            _parts(needed, seen)
        seen[name] = _IMPORT.sub("", text)
    return seen


def bundle(name: str) -> str:
    """Join a module of this folder and all that it imports; only its own names are exported."""
    *inner, last = _parts(name, {}).values()
    return "\n".join([*(_EXPORT.sub("", text) for text in inner), last])


def style() -> str:
    """Give the style sheet that all widgets share."""
    return (HERE / "widgets.css").read_text(encoding="utf-8")


def fingerprint(text: str) -> str:
    """Give eight hexadecimal digits that change with the text: put into its address, no stale copy is served."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]

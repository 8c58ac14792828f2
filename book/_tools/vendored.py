"""What the published book contains that others have made: version, licence, home, size, and the licence's text.

    python book/_tools/vendored.py [FOLDER]    # the list for the pages in FOLDER, _build/html when it is not given

The build puts this list into the page `colophon` and the texts of the licences into `_static/licences`, so neither
can be out of date; a test fails when a file of `_static` is neither in the list nor the book's own.
"""

import html
import re
import shutil
import sys
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"


class Vendored(NamedTuple):
    """Something that others have made: `files` are patterns within `_static`, most of them brought by the theme.

    `version` is a regular expression that finds the version in the first of the files; without one it is that of
    the installed distribution `brought_by`, which then brings its licence too. `within` is true for what stands
    inside files that are counted elsewhere.
    """

    name: str
    licence: str
    home: str
    files: tuple[str, ...]
    brought_by: str = ""
    version: str = ""
    within: bool = False

    def version_in(self, static):
        if not self.version:
            return distribution(self.brought_by).version
        return re.search(self.version, (static / self.files[0]).read_text("utf-8"))[1]

    def licence_text(self):
        """Give the file with the licence: kept here, or that of the installed distribution."""
        kept = STATIC / "licences" / self.licence_name
        if kept.exists():
            return kept
        found = distribution(self.brought_by)
        names = [file for file in found.files if re.fullmatch(r"(LICENSE|COPYING)(\.\w+)?", file.name)]
        return Path(found.locate_file(names[0]))

    @property
    def licence_name(self):
        return f"{self.name.lower().replace(' ', '-')}.txt"


THEME_CSS = "styles/pydata-sphinx-theme.css"
VENDORED = [
    Vendored("MathJax", "Apache-2.0", "https://www.mathjax.org", ("vendor/mathjax/tex-chtml-full.js", "vendor/*"),
             version=r'VERSION="([\d.]+)"'),
    Vendored("Sphinx", "BSD-2-Clause", "https://www.sphinx-doc.org",
             ("basic.css", "doctools.js", "documentation_options.js", "language_data.js", "searchtools.js",
              "sphinx_highlight.js", "styles/theme.css", "file.png", "minus.png", "plus.png"), "sphinx"),
    Vendored("PyData Sphinx Theme", "BSD-3-Clause", "https://pydata-sphinx-theme.readthedocs.io",
             (THEME_CSS, "scripts/pydata-sphinx-theme.js"), "pydata-sphinx-theme"),
    Vendored("Sphinx Book Theme", "BSD-3-Clause", "https://sphinx-book-theme.readthedocs.io",
             ("styles/sphinx-book-theme.css", "scripts/sphinx-book-theme.js", "inline/*"), "sphinx-book-theme"),
    Vendored("Bootstrap", "MIT", "https://getbootstrap.com",
             ("scripts/bootstrap.js.LICENSE.txt", "scripts/bootstrap.js"),
             version=r"Bootstrap v([\d.]+)"),
    Vendored("Popper", "MIT", "https://popper.js.org", ("scripts/bootstrap.js",), version=r"()", within=True),
    Vendored("Font Awesome", "MIT", "https://fontawesome.com", (THEME_CSS,), version=r"Font Awesome Free ([\d.]+)",
             within=True),
    Vendored("MyST-NB", "BSD-3-Clause", "https://myst-nb.readthedocs.io", ("mystnb.*.css",), "myst-nb"),
    Vendored("Sphinx Copybutton", "MIT", "https://sphinx-copybutton.readthedocs.io",
             ("copybutton.css", "copybutton.js", "copybutton_funcs.js", "copy-button.svg", "check-solid.svg"),
             "sphinx-copybutton"),
    Vendored("clipboard.js", "MIT", "https://clipboardjs.com", ("clipboard.min.js",),
             version=r"clipboard\.js v([\d.]+)"),
    Vendored("Pygments", "BSD-2-Clause", "https://pygments.org", ("pygments.css",), "pygments"),
    Vendored("Accessible Pygments", "BSD-3-Clause", "https://github.com/Quansight-Labs/accessible-pygments",
             ("pygments.css",), "accessible-pygments", within=True),
]  # fmt: skip
OURS = (
    "widgets/*",
    "weights/*",
    "runs/*",
    "licences/*",
)  # and all that lies in book/_static itself, except vendor/


def parts_of(static):
    """Give every vendored thing with its files in a built `_static`."""
    names = [path.relative_to(static).as_posix() for path in sorted(static.rglob("*")) if path.is_file()]
    return {part: [name for name in names if any(fnmatch(name, p) for p in part.files)] for part in VENDORED}


def unaccounted(static):
    """Give the files of a built `_static` that are neither listed as vendored nor the book's own."""
    listed = {name for names in parts_of(static).values() for name in names}
    listed |= {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if "vendor" not in path.parts}
    names = [path.relative_to(static).as_posix() for path in sorted(static.rglob("*")) if path.is_file()]
    return [name for name in names if name not in listed and not any(fnmatch(name, p) for p in OURS)]


def rows(static):
    """Give the rows of the list: name, version, licence, home, number of files, their bytes."""
    for part, names in parts_of(static).items():
        size = sum((static / name).stat().st_size for name in names)
        yield part, part.version_in(static), len(names), size


def as_html(static, address):
    """Give the list as an HTML table; `address` is where `_static` is, as seen from the page."""
    body = ""
    for part, version, count, size in rows(static):
        what = (
            "inside a file above" if part.within else f"{size / 1000:,.0f} kB in {count} file{'s' * (count > 1)}"
        )
        body += (
            f'<tr><td><a href="{part.home}">{html.escape(part.name)}</a> {version}</td>'
            f'<td><a href="{address}/licences/{part.licence_name}">{part.licence}</a></td><td>{what}</td></tr>\n'
        )
    head = "<tr><th>what</th><th>licence</th><th>in this site</th></tr>"
    return f'<table class="table"><thead>{head}</thead>\n<tbody>\n{body}</tbody></table>'


def write_licences(static):
    """Put the text of every licence into `_static/licences`."""
    folder = static / "licences"
    folder.mkdir(exist_ok=True)
    for part in VENDORED:
        shutil.copyfile(part.licence_text(), folder / part.licence_name)


def main(folder=ROOT / "_build" / "html"):
    for part, version, count, size in rows(Path(folder) / "_static"):
        print(f"{part.name:20} {version:8} {part.licence:13} {size / 1000:8.1f} kB  {count:3} files  {part.home}")


if __name__ == "__main__":
    main(*sys.argv[1:])

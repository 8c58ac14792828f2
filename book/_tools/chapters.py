"""Sphinx extension: notebooks to download and to check, live widgets, stills, times, bars in docstrings."""

import base64
import hashlib
import html
import json
import re
import shutil
from pathlib import Path

import nbformat
from myst_nb.core.execute.direct import NotebookClientDirect
from sphinx import builders
from sphinx.errors import ExtensionError

from gan_lib.weights import FOLDER
from gan_lib.widgets import modules


def keep_executed(app):
    """Keep every notebook just as it ran in `executed`: the page's own copy has lost its glued numbers."""
    folder = Path(app.outdir).parent / "executed"
    folder.mkdir(parents=True, exist_ok=True)
    run = NotebookClientDirect.start_client

    def run_and_keep(client):
        run(client)
        nbformat.write(client.notebook, folder / f"{client.path.stem}.ipynb")

    NotebookClientDirect.start_client = run_and_keep


def share_out(app, config):
    """Read every page in a process of its own, and say of an extension that does not say so that this is safe.

    Sphinx would give each process a run of pages in their order, and most of the long chapters to one of them.
    """
    builders.make_chunks = lambda pages, processes, maxbatch=10: [[page] for page in pages]
    app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True  # it counts when all pages are read


SHORT_BUT_SLOW = ("playground", "run")  # little to read, and a long training


def longest_first(app, env, pages):
    """Begin with the longest chapters, so that no process waits for a last long one: Sphinx takes from the end."""
    pages.sort(key=lambda page: (Path(page).name in SHORT_BUT_SLOW, Path(env.doc2path(page)).stat().st_size))


RECORDS = """\
# What this chapter reads from `runs` comes with gan_lib: put it beside this notebook, as it is beside the book's.
from gan_lib.records import copy_records

copy_records("runs")"""


def travelling(notebook):
    """Give a notebook that runs wherever gan_lib is installed: what it reads beside itself, it brings first."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if any('"runs/' in cell.source for cell in code):
        first = notebook.cells.index(code[0])
        notebook.cells.insert(first, nbformat.v4.new_code_cell(RECORDS, id="records"))
    return notebook


def offer_notebook(app, pagename, templatename, context, doctree):
    """Put the executed notebook of a chapter where the theme's download button looks for it."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if executed.exists():
        target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(travelling(nbformat.read(executed, as_version=4)), target)
        context["ipynb_source"] = f"{pagename}.ipynb"


def put_out_widgets(app):
    """Write the widgets' modules, each with all that it imports, and their style sheet into `_static`."""
    folder = Path(app.outdir) / "_static" / "widgets"
    folder.mkdir(parents=True, exist_ok=True)
    for module in modules.HERE.glob("*.js"):
        (folder / module.name).write_text(modules.bundle(module.stem), encoding="utf-8")
    (folder / "widgets.css").write_text(modules.style(), encoding="utf-8")


def load_widgets(app, pagename, templatename, context, doctree):
    """Let a page that holds live widgets, and no other, load what brings them to life."""
    needed = dict.fromkeys(re.findall(r'data-live="([^"]+)"', context.get("body") or ""))
    if needed:
        app.add_js_file("live.js", type="module", **{"async": "async"})  # not behind all other scripts
        app.add_css_file("widgets/widgets.css")
        folder = context["pathto"]("_static/widgets", resource=True)
        context["metatags"] += "".join(f'<link rel="modulepreload" href="{folder}/{name}">\n' for name in needed)


def put_out_files(app, pagename, templatename, context, doctree):
    """Put the files that a page's widgets fetch into `_static`, by their path beside the chapter."""
    here, static = Path(app.srcdir, pagename).parent, Path(app.outdir) / "_static"

    def put_out(found):
        for name in json.loads(html.unescape(found[1])):
            (static / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(here / name, static / name)
        return ""

    if "body" in context:
        context["body"] = re.sub(r' data-files="([^"]*)"', put_out, context["body"])


def file_weights(app, pagename, templatename, context, doctree):
    """Put the weights that a page's widgets will fetch into `_static/weights`, and no others."""
    asked = r"&quot;file&quot;:&quot;([\w-]+)\.(\w{8})\.safetensors"
    for name, key in set(re.findall(asked, context.get("body") or "")):
        weights = (FOLDER / f"{name}.safetensors").read_bytes()
        if not hashlib.sha256(weights).hexdigest().startswith(key):
            raise ExtensionError(f"{pagename} was executed with other weights of {name!r} than there are now.")
        target = Path(app.outdir) / "_static" / "weights" / f"{name}.{key}.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(weights)


def file_stills(app, pagename, templatename, context, doctree):
    """Move the pictures that stand inside a page's text into files, fetched only where they come into view."""

    def filed(found):
        picture = base64.b64decode(found[1])
        name = f"_images/still-{hashlib.sha256(picture).hexdigest()[:12]}.png"
        path = Path(app.outdir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        return f'loading="lazy" src="{context["pathto"](name, resource=True)}"'

    if "body" in context:
        context["body"] = re.sub(r'(?<= )src="data:image/png;base64,([^"]+)"', filed, context["body"])


def drop_widget_states(app, pagename, templatename, context, doctree):
    """Leave out the states of widgets: a page has no kernel and shows their still pictures."""
    scripts = context["script_files"]
    states = "application/vnd.jupyter.widget"
    scripts[:] = [s for s in scripts if not str(getattr(s, "attributes", {}).get("type")).startswith(states)]


def keep_times(app, exception):
    """Write the seconds that every chapter ran to chapter_times.json, beside the HTML."""
    metadata = getattr(app.env, "nb_metadata", {})
    times = {
        Path(page).name: found["exec_data"]["runtime"] for page, found in metadata.items() if "exec_data" in found
    }
    (Path(app.outdir).parent / "chapter_times.json").write_text(json.dumps(times, indent=1))


def read_bars(app, what, name, obj, options, lines):
    """Let |x| in a docstring be an absolute value: to reStructuredText it would be a substitution."""
    lines[:] = [line.replace("|", "\\|") for line in lines]


def setup(app):
    app.connect("config-inited", share_out)
    app.connect("env-before-read-docs", longest_first)
    app.connect("builder-inited", keep_executed)
    app.connect("builder-inited", put_out_widgets)
    app.connect("html-page-context", offer_notebook, priority=400)  # before the theme makes its buttons
    app.connect("html-page-context", load_widgets)
    app.connect("html-page-context", put_out_files)
    app.connect("html-page-context", file_weights)
    app.connect("html-page-context", file_stills)
    app.connect("html-page-context", drop_widget_states, priority=900)  # after myst_nb has put them in
    app.connect("build-finished", keep_times)
    app.connect("autodoc-process-docstring", read_bars, priority=400)  # before numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}

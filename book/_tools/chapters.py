"""Sphinx extension: notebooks to download and to check, times of the chapters, and bars in docstrings."""

import json
import shutil
from pathlib import Path

import nbformat
from myst_nb.core.execute.direct import NotebookClientDirect


def keep_executed(app):
    """Keep every notebook just as it ran in `executed`: the page's own copy has lost its glued numbers."""
    folder = Path(app.outdir).parent / "executed"
    folder.mkdir(parents=True, exist_ok=True)
    run = NotebookClientDirect.start_client

    def run_and_keep(client):
        run(client)
        nbformat.write(client.notebook, folder / f"{client.path.stem}.ipynb")

    NotebookClientDirect.start_client = run_and_keep


def offer_notebook(app, pagename, templatename, context, doctree):
    """Put the executed notebook of a chapter where the theme's download button looks for it."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if executed.exists():
        target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(executed, target)
        context["ipynb_source"] = f"{pagename}.ipynb"


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
    app.connect("builder-inited", keep_executed)
    app.connect("html-page-context", offer_notebook, priority=400)  # before the theme makes its buttons
    app.connect("html-page-context", drop_widget_states, priority=900)  # after myst_nb has put them in
    app.connect("build-finished", keep_times)
    app.connect("autodoc-process-docstring", read_bars, priority=400)  # before numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}

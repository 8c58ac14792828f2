"""JupyterLab in a real browser, for the tests of the widgets with a kernel."""

import os
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import nbformat
import pytest


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab on an empty folder: its `address` and its `folder`."""
    folder = tmp_path_factory.mktemp("lab")
    home = {f"JUPYTER_{name}_DIR": str(folder / ".home") for name in ("CONFIG", "RUNTIME")}
    options = [
        "--no-browser",
        "--allow-root",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, "--LabApp.news_url=", "--expose-app-in-browser"],
        stderr=subprocess.PIPE, text=True, cwd=folder, env=os.environ | home | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    for line in server.stderr:
        if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/", line):
            break
    threading.Thread(target=server.stderr.read, daemon=True).start()  # or its pipe would fill
    yield SimpleNamespace(address=found[0], folder=folder)
    server.terminate()
    server.wait(timeout=30)


class Notebook:
    """A notebook that is open in JupyterLab; the errors of its page are kept in `faults`."""

    def __init__(self, lab, context, name, cells):
        self.folder = lab.folder
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, lab.folder / name)
        self.page, self.faults = context.new_page(), []
        self.page.set_default_timeout(120_000)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(
            f"{lab.address}lab/workspaces/{name.partition(chr(46))[0]}/tree/{name}"
        )  # with nothing else open
        self.cells = self.page.locator(".jp-CodeCell")
        self.cells.nth(len(cells) - 1).wait_for()
        indicator = "document.querySelector('.jp-Notebook-ExecutionIndicator')"
        self.page.wait_for_function(f"{indicator}?.dataset.status === 'idle'")

    def run(self, index):
        """Run the cell of a number; a key that was pressed before JupyterLab listened is pressed again."""
        prompt = self.cells.nth(index).locator(".jp-InputPrompt").first
        before = prompt.inner_text()
        for _ in range(30):
            self.cells.nth(index).locator(".cm-content").click(position={"x": 5, "y": 5})
            self.page.keyboard.press("Control+Enter")
            self.page.wait_for_timeout(500)
            if prompt.inner_text() != before:
                return

    def show(self, index, selector):
        """Run the cell of a number and give the widget that it shows."""
        from playwright.sync_api import TimeoutError

        widget = self.page.locator(selector).first
        for _ in range(3):  # a cell that ran before JupyterLab's widget manager was there shows nothing
            self.run(index)
            try:
                widget.wait_for(timeout=40_000)
                break
            except TimeoutError:
                seen = self.page.locator(".jp-Notebook").inner_text()
        assert widget.is_visible(), seen
        assert self.page.locator(".live, .live-still").count() == 0  # the widget, not what stands for it in a page
        return widget

    def printed(self, words):
        """Wait for an output that has these words, and give it."""
        said = self.page.locator(".jp-OutputArea-output", has_text=words).last
        said.wait_for()
        return said.inner_text().strip()


@pytest.fixture
def notebook(lab, chromium):
    """Open a notebook in JupyterLab: from its name and its cells, a `Notebook`."""
    contexts = []

    def opened(name, cells):
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 2000}))
        return Notebook(lab, contexts[-1], name, cells)

    yield opened
    for context in contexts:
        context.close()

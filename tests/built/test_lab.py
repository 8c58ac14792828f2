"""Widgets in JupyterLab, in a real browser with a real kernel."""

import json
import os
import re
import subprocess
import sys
import threading

import nbformat
import pytest

CELLS = [
    "from gan_lib.widgets import Playground\nplayground = Playground(width=8, seed=3)\nplayground",
    "playground.r1 = 0.3\nplayground.running = True",
    "playground.running = False",
    "generator, discriminator = playground.players()\n"
    "print('players', playground.steps, sum(w.numel() for w in generator.parameters()), playground.objective)",
]

FACES = [  # any generator: here fresh ones of the report's make, which no page could run
    "import torch\nfrom gan_lib.networks import ReportGenerator\nfrom gan_lib.widgets import FaceSampler\n"
    "torch.manual_seed(0)\nsampler = FaceSampler(ReportGenerator(latent_size=32), seed=1, count=5)\nsampler",
    "sampler.seed, sampler.face = 3, 2.5",
    "print('sampler', sampler.seed, sampler.face, sampler.shift, sampler.image.sum().item())",
]


def write_notebook(path, cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a folder with the notebooks; gives its address."""
    folder = tmp_path_factory.mktemp("lab")
    write_notebook(folder / "play.ipynb", CELLS)
    write_notebook(folder / "faces.ipynb", FACES)
    home = {f"JUPYTER_{name}_DIR": str(folder / ".home") for name in ("CONFIG", "RUNTIME")}
    options = [
        "--no-browser",
        "--allow-root",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    options += ["--LabApp.news_url=", "--expose-app-in-browser"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options], stderr=subprocess.PIPE, text=True, cwd=folder,
        env=os.environ | home | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    for line in server.stderr:
        if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/", line):
            break
    threading.Thread(target=server.stderr.read, daemon=True).start()  # or its pipe would fill
    yield found[0]
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture
def notebook(lab, chromium):
    """Open a notebook of so many cells: its page, and a function that runs the cell of a number."""
    contexts = []

    def opened(name, count):
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 1000}))
        page = contexts[-1].new_page()
        page.faults = []
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(f"{lab}lab/tree/{name}?reset")  # without the notebook of the test before
        cells = page.locator(".jp-CodeCell")
        cells.nth(count - 1).wait_for()
        page.wait_for_function(
            "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
        )

        def run(index):
            cells.nth(index).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")

        return page, run

    yield opened
    for context in contexts:
        context.close()


def test_the_playground_is_alive_both_ways_with_a_kernel(notebook):
    page, run = notebook("play.ipynb", len(CELLS))
    run(0)
    widget = page.locator(".gan-play").first
    widget.wait_for()
    assert page.locator(".jp-OutputArea img").count() == 0  # the widget, not its still
    widget.get_by_label("Objective").select_option("hinge")
    run(1)
    page.wait_for_function("document.querySelector('.gan-play').playground.game.steps > 10")
    assert page.evaluate("document.querySelector('.gan-play').playground.settings.r1") == 0.3
    assert "#playground" not in page.url
    run(2)
    page.wait_for_function("!document.querySelector('.gan-play').playground.running")
    steps = page.evaluate("document.querySelector('.gan-play').playground.game.steps")
    run(3)
    said = page.locator(".jp-OutputArea-output", has_text="players").last
    said.wait_for()
    assert said.inner_text().split() == ["players", str(steps), "114", "hinge"]
    theme = "document.body.dataset.jpThemeLight"
    assert json.loads(page.evaluate(theme)) is True and page.faults == []


def test_the_sampler_shows_the_faces_of_the_kernel(notebook):
    page, run = notebook("faces.ipynb", len(FACES))
    the = "document.querySelector('.gan-faces').sampler"
    run(0)
    widget = page.locator(".gan-faces").first
    widget.wait_for()
    assert page.locator(".jp-OutputArea img").count() == 0  # the widget, not its still
    page.wait_for_function(f"{the}.drawn > 0")
    run(1)
    page.wait_for_function(f"{the}.settings.seed === 3 && {the}.settings.face === 2.5")
    drawn = page.evaluate(f"{the}.drawn")
    widget.get_by_role("slider", name="Move").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{the}.drawn > {drawn} && !{the}.drawing")
    pixels = page.evaluate(
        "(() => { const c = document.querySelector('.gan-face');"
        " return [...c.getContext('2d').getImageData(0, 0, 64, 64).data]; })()"
    )
    colours = sum(value for index, value in enumerate(pixels) if index % 4 < 3)
    assert widget.get_by_role("radio").count() == 5 and "#sampler" not in page.url
    page.wait_for_timeout(500)  # what the slider says is on its way to Python
    run(2)
    said = page.locator(".jp-OutputArea-output", has_text="sampler 3").last
    said.wait_for()
    assert said.inner_text().split() == ["sampler", "3", "2.5", "0.2", str(colours)]
    assert page.faults == []

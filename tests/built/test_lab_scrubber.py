"""The run scrubber in JupyterLab, in a real browser with a real kernel that is busy with the very run."""

import nbformat
from playwright.sync_api import TimeoutError
from test_lab import lab  # noqa: F401, the fixture

CELLS = [
    "from dataclasses import replace\n"
    "from pathlib import Path\n"
    "from gan_lib.data import drawn_faces\n"
    "from gan_lib.runs import record_run\n"
    "from gan_lib.training import RECIPES, TrainingState, train\n"
    "from gan_lib.widgets import RunScrubber\n"
    "recipe = replace(RECIPES['report'], latent_size=8, batch_size=4, steps=100_000)\n"
    "state, faces = TrainingState(recipe), drawn_faces(16)\n"
    "records = record_run(train(recipe, faces, state), state, faces, 'my-run', grids=range(0, 100_000, 4))\n"
    "next(records)\n"
    "scrubber = RunScrubber('my-run')\n"
    "scrubber",
    "for record in records:\n    if Path('stop').exists():\n        break\nprint('stopped after', state.step)",
    "scrubber.step = 4\nprint('at', scrubber.step, scrubber.faces.shape)",
]
SCRUBBER = "document.querySelector('.gan-scrub').scrubber"


def put(page, lab, name, kind, content):  # noqa: F811
    """Write a file into JupyterLab's folder, as its file browser would."""
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "_xsrf")
    said = {"type": kind, "format": "json" if kind == "notebook" else "text", "content": content}
    answer = page.request.put(f"{lab}api/contents/{name}", data=said, headers={"X-XSRFToken": token})
    assert answer.ok, answer.text()


def test_it_follows_a_run_that_keeps_the_kernel_busy(lab, chromium):  # noqa: F811
    context = chromium.new_context(viewport={"width": 1280, "height": 1400})
    page, faults = context.new_page(), []
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{lab}lab")
    page.locator(".jp-Launcher").first.wait_for()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    put(page, lab, "follow.ipynb", "notebook", notebook)
    page.goto(f"{lab}lab/tree/follow.ipynb")
    cells = page.locator(".jp-CodeCell")
    cells.nth(len(CELLS) - 1).wait_for()
    page.wait_for_function("document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'")

    def run(index):
        prompt = cells.nth(index).locator(".jp-InputPrompt").first
        before = prompt.inner_text()
        for _ in range(30):
            cells.nth(index).locator(".cm-content").click(position={"x": 5, "y": 5})
            page.keyboard.press("Control+Enter")
            page.wait_for_timeout(500)
            if prompt.inner_text() != before:
                return

    widget = page.locator(".gan-scrub")
    for _ in range(3):  # a cell that ran before JupyterLab's widget manager was there shows nothing
        run(0)
        try:
            widget.wait_for(timeout=40_000)
            break
        except TimeoutError:
            seen = page.locator(".jp-Notebook").inner_text()
    assert widget.is_visible(), seen
    page.locator(".gan-frame img[alt*='after 0 steps']").wait_for()
    run(1)
    page.wait_for_function(f"{SCRUBBER}.steps.length > 3 && {SCRUBBER}.index === {SCRUBBER}.steps.length - 1")
    assert "going on" in widget.locator(".gan-counter").inner_text()
    widget.get_by_role("slider").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.locator(".gan-frame img[alt*='after 4 steps']").wait_for()  # sent although the cell runs
    seen = page.evaluate(f"{SCRUBBER}.steps.length")
    page.wait_for_function(f"{SCRUBBER}.steps.length > {seen}")
    assert page.evaluate(f"{SCRUBBER}.model.get('step')") == 4  # who looks back is left alone
    assert cells.nth(1).locator(".jp-OutputArea-output").count() == 0  # it does run
    page.keyboard.press("End")
    put(page, lab, "stop", "file", "")
    page.locator(".jp-OutputArea-output", has_text="stopped after").wait_for()
    run(2)
    page.locator(".jp-OutputArea-output", has_text="at 4 (64, 3, 64, 64)").wait_for()
    page.wait_for_function(f"{SCRUBBER}.model.get('step') === 4")
    page.locator(".gan-frame img[alt*='after 4 steps']").wait_for()
    assert faults == []
    context.close()

"""The explorers in JupyterLab, in a real browser with a real kernel: what either side sets reaches the other."""

import nbformat
from test_lab import lab  # noqa: F401, the fixture

CELLS = [
    "from gan_lib.data import drawn_faces\nfrom gan_lib.widgets import ConvolutionExplorer\n"
    "explorer = ConvolutionExplorer(drawn_faces(3), relu=True)\nexplorer",
    "explorer.preset, explorer.face, explorer.at = 'blur', 2, [3, 4]",
    "print('explorer', explorer.preset, explorer.kernel[1][1], explorer.pool, list(explorer.stages))",
    "from gan_lib.widgets import Upsampling\nwidget = Upsampling()\nwidget",
    "widget.stride, widget.phase = 3, 7",
    "print('widget', widget.phase, len(widget.kernel), *widget.ways['subpixel'].shape)",
]


def put_notebook(page, lab, name):  # noqa: F811
    """Write a notebook into JupyterLab's folder, as its file browser would."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "_xsrf")
    said = {"type": "notebook", "format": "json", "content": notebook}
    answer = page.request.put(f"{lab}api/contents/{name}", data=said, headers={"X-XSRFToken": token})
    assert answer.ok, answer.text()


def test_both_explorers_are_alive_both_ways_with_a_kernel(lab, chromium):  # noqa: F811
    context = chromium.new_context(viewport={"width": 1280, "height": 2400})
    page, faults = context.new_page(), []
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{lab}lab")
    page.locator(".jp-Launcher").first.wait_for()
    put_notebook(page, lab, "explorers.ipynb")
    page.goto(f"{lab}lab/tree/explorers.ipynb")
    cells = page.locator(".jp-CodeCell")
    cells.nth(len(CELLS) - 1).wait_for()
    page.wait_for_function("document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'")

    def run(index):
        cells.nth(index).locator(".cm-content").click()
        page.keyboard.press("Control+Enter")

    def printed(word):
        said = page.locator(".jp-OutputArea-output", has_text=word).last
        said.wait_for()
        return said.inner_text().strip()

    run(0)
    widget = page.locator(".gan-convolution")
    widget.wait_for()
    assert page.locator(".jp-OutputArea img").count() == 0  # the widget, not its still
    run(1)
    page.wait_for_function("document.querySelector('.gan-convolution').explorer.model.get('at')[1] === 4")
    assert widget.get_by_role("button", name="blur", exact=True).get_attribute("aria-pressed") == "true"
    assert widget.get_by_role("button", name="Face 2").get_attribute("aria-pressed") == "true"
    widget.get_by_role("checkbox", name="Pooling").check()
    widget.get_by_label("Kernel, row 2, column 2", exact=True).fill("3")
    run(2)
    assert printed("explorer your own") == "explorer your own 3.0 True ['convolution', 'ReLU', 'pooling']"
    run(3)
    widget = page.locator(".gan-upsampling")
    widget.wait_for()
    run(4)
    page.wait_for_function("document.querySelector('.gan-upsampling').explorer.model.get('phase') === 7")
    widget.get_by_role("button", name="4×4", exact=True).click()
    widget.get_by_role("button", name="2, 2", exact=True).click()
    run(5)
    assert printed("widget 8") == "widget 8 4 36 36" and faults == []
    context.close()

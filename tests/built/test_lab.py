"""Widgets in JupyterLab, in a real browser with a real kernel: what is set on either side reaches the other."""

import pytest

pytestmark = pytest.mark.xdist_group("lab")  # they share one JupyterLab

PLAY = [
    "from gan_lib.widgets import Playground\nplayground = Playground(width=8, seed=3)\nplayground",
    "playground.r1 = 0.3\nplayground.running = True",
    "playground.running = False",
    "generator, discriminator = playground.players()\n"
    "print('players', playground.steps, sum(w.numel() for w in generator.parameters()), playground.objective)",
]
FACES = [  # any generator: here a fresh one of the report's make, which no page could run
    "import torch\nfrom gan_lib.networks import ReportGenerator\nfrom gan_lib.widgets import FaceSampler\n"
    "torch.manual_seed(0)\nsampler = FaceSampler(ReportGenerator(latent_size=32), seed=1, count=5)\nsampler",
    "sampler.seed, sampler.face = 3, 2.5",
    "print('sampler', sampler.seed, sampler.face, sampler.shift, sampler.image.sum().item())",
]
EXPLORERS = [
    "from gan_lib.data import drawn_faces\nfrom gan_lib.widgets import ConvolutionExplorer\n"
    "explorer = ConvolutionExplorer(drawn_faces(3), relu=True)\nexplorer",
    "explorer.preset, explorer.face, explorer.at = 'blur', 2, [3, 4]",
    "print('explorer', explorer.preset, explorer.kernel[1][1], explorer.pool, list(explorer.stages))",
    "from gan_lib.widgets import Upsampling\nwidget = Upsampling()\nwidget",
    "widget.stride, widget.phase = 3, 7",
    "print('widget', widget.phase, len(widget.kernel), *widget.ways['subpixel'].shape)",
]
FOLLOWED = [
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


def test_the_playground(notebook):
    lab, the = notebook("play.ipynb", PLAY), "document.querySelector('.gan-play').playground"
    lab.show(0, ".gan-play").get_by_label("Objective").select_option("hinge")
    lab.run(1)
    lab.page.wait_for_function(f"{the}.game.steps > 10")
    assert lab.page.evaluate(f"{the}.settings.r1") == 0.3
    assert "#playground" not in lab.page.url
    lab.run(2)
    lab.page.wait_for_function(f"!{the}.running")
    steps = lab.page.evaluate(f"{the}.game.steps")
    lab.run(3)
    assert lab.printed("players").split() == ["players", str(steps), "114", "hinge"]
    assert lab.page.evaluate("document.body.dataset.jpThemeLight") == "true" and lab.faults == []


def test_the_sampler_shows_the_faces_of_the_kernel(notebook):
    lab, the = notebook("faces.ipynb", FACES), "document.querySelector('.gan-faces').sampler"
    widget = lab.show(0, ".gan-faces")
    lab.page.wait_for_function(f"{the}.drawn > 0")
    lab.run(1)
    lab.page.wait_for_function(f"{the}.settings.seed === 3 && {the}.settings.face === 2.5")
    drawn = lab.page.evaluate(f"{the}.drawn")
    widget.get_by_role("slider", name="Move").focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.wait_for_function(f"{the}.drawn > {drawn} && !{the}.drawing")
    pixels = lab.page.evaluate(
        "(() => { const c = document.querySelector('.gan-face');"
        " return [...c.getContext('2d').getImageData(0, 0, 64, 64).data]; })()"
    )
    colours = sum(value for index, value in enumerate(pixels) if index % 4 < 3)
    assert widget.get_by_role("radio").count() == 5 and "#sampler" not in lab.page.url
    lab.page.wait_for_timeout(500)  # what the slider says is on its way to Python
    lab.run(2)
    assert lab.printed("sampler 3").split() == ["sampler", "3", "2.5", "0.2", str(colours)]
    assert lab.faults == []


def test_both_explorers(notebook):
    lab, the = notebook("explorers.ipynb", EXPLORERS), "document.querySelector('.gan-{}').explorer.model"
    widget = lab.show(0, ".gan-convolution")
    lab.run(1)
    lab.page.wait_for_function(f"{the.format('convolution')}.get('at')[1] === 4")
    assert widget.get_by_role("button", name="blur", exact=True).get_attribute("aria-pressed") == "true"
    assert widget.get_by_role("button", name="Face 2").get_attribute("aria-pressed") == "true"
    widget.get_by_role("checkbox", name="Pooling").check()
    widget.get_by_label("Kernel, row 2, column 2", exact=True).fill("3")
    lab.run(2)
    assert lab.printed("explorer your own") == "explorer your own 3.0 True ['convolution', 'ReLU', 'pooling']"
    widget = lab.show(3, ".gan-upsampling")
    lab.run(4)
    lab.page.wait_for_function(f"{the.format('upsampling')}.get('phase') === 7")
    widget.get_by_role("button", name="4×4", exact=True).click()
    widget.get_by_role("button", name="2, 2", exact=True).click()
    lab.run(5)
    assert lab.printed("widget 8") == "widget 8 4 36 36" and lab.faults == []


def test_the_scrubber_follows_a_run_that_keeps_the_kernel_busy(notebook):
    lab, the = notebook("follow.ipynb", FOLLOWED), "document.querySelector('.gan-scrub').scrubber"
    page, widget = lab.page, lab.show(0, ".gan-scrub")
    page.locator(".gan-frame img[alt*='after 0 steps']").wait_for()
    lab.run(1)
    page.wait_for_function(f"{the}.steps.length > 3 && {the}.index === {the}.steps.length - 1")
    assert "going on" in widget.locator(".gan-counter").inner_text()
    widget.get_by_role("slider").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.locator(".gan-frame img[alt*='after 4 steps']").wait_for()  # sent although the cell runs
    seen = page.evaluate(f"{the}.steps.length")
    page.wait_for_function(f"{the}.steps.length > {seen}")
    assert page.evaluate(f"{the}.model.get('step')") == 4  # who looks back is left alone
    assert lab.cells.nth(1).locator(".jp-OutputArea-output").count() == 0  # it does run
    page.keyboard.press("End")
    (lab.folder / "stop").touch()
    lab.printed("stopped after")
    lab.run(2)
    lab.printed("at 4 (64, 3, 64, 64)")
    page.wait_for_function(f"{the}.model.get('step') === 4")
    page.locator(".gan-frame img[alt*='after 4 steps']").wait_for()
    assert lab.faults == []

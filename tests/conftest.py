"""What several test files need."""

import json
import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from browser import chromium_path

from gan_lib import RECIPES, TrainingState
from gan_lib.data import Faces


@pytest.fixture
def noise_faces() -> Faces:
    """Forty images of noise: enough to run a training loop, nothing to learn."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 64, 64), dtype=np.uint8)
    return Faces(pixels, source="noise")


@pytest.fixture
def tiny():
    """The report's recipe with a small latent and batch, so that a step takes a moment."""
    return replace(RECIPES["report"], latent_size=8, batch_size=8, steps=6, precision="32-true")


@pytest.fixture
def averaged(tiny):
    """A state whose generator would draw white, and whose average does not."""
    state = TrainingState(replace(tiny, ema_half_life=16))
    state.generator.conv2.bias.data.fill_(99.0)
    return state


@pytest.fixture(scope="module")
def one_thread():
    """Use one thread: tensors this small gain nothing from a second, and wait for it on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def unavailable(what: str, how: str):
    """Skip a test for want of a tool; where everything must be tested, that is a failure."""
    sentence = f"needs {what}, and there is none: {how}"
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window, driven by Playwright."""
    if not (path := chromium_path()):
        unavailable(
            "Chromium",
            "apt-get install chromium (or, quicker, chromium-headless-shell), or brew install --cask chromium",
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def node():
    """Where Node is."""
    return shutil.which("node") or unavailable("Node", "apt-get install nodejs, or brew install node")


@pytest.fixture(scope="module")
def node_with(tmp_path_factory, node):
    """From the texts of modules by name: a function that evaluates an expression of JavaScript.

    All that the modules export is in scope, and `input` is what is passed.
    """

    def made(texts):
        folder = tmp_path_factory.mktemp("node")
        for name, text in texts.items():
            (folder / f"{name}.mjs").write_text(text, encoding="utf-8")
        imports = "".join(f'import * as {name} from "./{name}.mjs";\n' for name in texts)

        def run(expression, **given):
            code = (
                f'{imports}import {{ readFileSync }} from "node:fs";\n'
                f"const input = JSON.parse(readFileSync(0)); Object.assign(globalThis, {', '.join(texts)});\n"
                f"console.log(JSON.stringify({expression}));"
            )
            (folder / "run.mjs").write_text(code, encoding="utf-8")
            ran = subprocess.run(
                [node, "run.mjs"], cwd=folder, input=json.dumps(given), capture_output=True, text=True
            )
            assert ran.returncode == 0, ran.stderr
            return json.loads(ran.stdout)

        return run

    return made

"""What several test files need."""

import os
import shutil

import numpy as np
import pytest

from gan_lib import RECIPES
from gan_lib.data import Faces


@pytest.fixture
def noise_faces() -> Faces:
    """Forty images of noise: enough to run a training loop, nothing to learn."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 64, 64), dtype=np.uint8)
    return Faces(pixels, source="noise")


@pytest.fixture
def tiny():
    """The report's recipe with a small latent and batch, so that a step takes a moment."""
    from dataclasses import replace

    return replace(RECIPES["report"], latent_size=8, batch_size=8, steps=6, precision="32-true")


def unavailable(what: str, how: str):
    """Skip a test for want of a tool; where everything must be tested, that is a failure."""
    sentence = f"needs {what}, and there is none: {how}"
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window, driven by Playwright."""
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    if not (path := next(found, None)):
        unavailable("Chromium", "apt-get install chromium, or brew install --cask chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def node():
    """Where Node is."""
    return shutil.which("node") or unavailable("Node", "apt-get install nodejs, or brew install node")

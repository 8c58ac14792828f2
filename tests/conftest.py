"""What several test files need."""

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

"""The explorer of chapter 4, driven from Python; its arithmetic against SciPy and NumPy."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from traitlets import TraitError

from gan_lib.widgets.convolution import KERNELS, OWN, ConvolutionExplorer, filter_stages, shown

FACES = np.random.default_rng(0).integers(0, 256, (5, 3, 16, 16), dtype=np.uint8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-4, 4, width=32), min_size=9, max_size=9), st.integers(0, 4))
def test_stages_are_those_of_scipy_and_numpy(numbers, face):
    image, kernel = FACES[face] / 255, np.reshape(numbers, (3, 3))
    expected = np.stack([ndimage.correlate(colour, kernel, mode="nearest") for colour in image])
    stages = filter_stages(torch.tensor(image, dtype=torch.float32), kernel, relu=True, pool=True)
    assert list(stages) == ["convolution", "ReLU", "pooling"]
    np.testing.assert_allclose(stages["convolution"], expected, atol=1e-5)
    np.testing.assert_allclose(stages["ReLU"], np.maximum(expected, 0), atol=1e-5)
    blocks = np.maximum(expected, 0).reshape(3, 8, 2, 8, 2)
    np.testing.assert_allclose(stages["pooling"], blocks.max(axis=(2, 4)), atol=1e-5)


def test_presets_keep_the_brightness_or_remove_it():
    flat = torch.full((3, 9, 9), 0.6)
    for name, total in {"edges": 0.0, "blur": 1.0, "sharpen": 1.0, "emboss": 1.0}.items():
        inside = filter_stages(flat, KERNELS[name])["convolution"][:, 1:-1, 1:-1]
        torch.testing.assert_close(inside, torch.full((3, 7, 7), 0.6 * total), atol=1e-6, rtol=0)


def test_signed_responses_are_shown_around_mid_grey():
    response = torch.tensor([-0.25, 0.0, 0.25]).expand(3, 1, 3)
    np.testing.assert_allclose(shown(response, KERNELS["edges"])[0, :, 0], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(shown(response.relu(), KERNELS["edges"])[0, :, 0], [0, 0, 0.25])
    np.testing.assert_allclose(shown(response, KERNELS["blur"])[0, :, 0], [0, 0, 0.25])


def controls(explorer):
    """The widgets a reader sees, by description."""
    choices, grid = explorer.children[0].children
    found = {child.description: child for child in choices.children[:2]}
    return found | {box.description: box for box in choices.children[2].children}, grid.children


def picture(explorer):
    data = re.search(r'base64,([^"]+)"', explorer.children[1].value)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_each_control_changes_the_picture_and_the_attributes():
    explorer = ConvolutionExplorer(FACES)
    named, cells = controls(explorer)
    seen = [picture(explorer)]
    for name, value in {"Kernel": "blur", "Face": 3, "ReLU": True, "2×2 max pooling": True}.items():
        named[name].value = value
        seen.append(picture(explorer))
    cells[4].value = 9.0
    seen.append(picture(explorer))
    assert (explorer.face, explorer.relu, explorer.pool) == (3, True, True)
    assert all(a.shape != b.shape or (a != b).any() for a, b in zip(seen, seen[1:], strict=False))


def test_the_preset_follows_the_numbers_and_the_numbers_the_preset():
    explorer = ConvolutionExplorer(FACES, preset="sharpen")
    named, cells = controls(explorer)
    assert [cell.value for cell in cells] == [0, -1, 0, -1, 5, -1, 0, -1, 0]
    cells[4].value = 4.0
    assert explorer.preset == named["Kernel"].value == OWN
    np.testing.assert_array_equal(explorer.kernel, [[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    cells[4].value = 5.0
    assert explorer.preset == named["Kernel"].value == "sharpen"
    explorer.kernel = KERNELS["emboss"]
    assert explorer.preset == "emboss"
    named["Kernel"].value = "blur"
    assert [cell.value for cell in cells] == list(np.ravel(KERNELS["blur"]))


def test_the_stages_belong_to_the_face_on_view():
    explorer = ConvolutionExplorer(FACES, preset="blur", face=2, pool=True)
    expected = [ndimage.correlate(c / 255, np.array(KERNELS["blur"]), mode="nearest") for c in FACES[2]]
    np.testing.assert_allclose(explorer.stages["convolution"], expected, atol=1e-6)
    assert explorer.stages["pooling"].shape == (3, 8, 8)


def test_the_still_says_what_it_shows():
    explorer = ConvolutionExplorer(FACES, face=1, relu=True)
    bundle = explorer._repr_mimebundle_()
    assert 'alt="Face 1 convolved with the kernel edges' in bundle["text/html"]
    assert "then ReLU" in bundle["text/html"] and "then pooling" not in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_other_kernels_and_presets_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"shape \(2, 2\); give three rows of three numbers"):
        filter_stages(torch.zeros(3, 8, 8), [[1, 2], [3, 4]])
    with pytest.raises(TraitError, match="blur"):
        ConvolutionExplorer(FACES, preset="wobble")

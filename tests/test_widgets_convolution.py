"""The explorer of chapter 4, driven from Python; its arithmetic against SciPy and NumPy."""

import base64
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from traitlets import TraitError

from gan_lib.widgets.convolution import KERNELS, OWN, PRESETS, ConvolutionExplorer, filter_stages, shown

FACES = np.random.default_rng(0).integers(0, 256, (5, 3, 16, 16), dtype=np.uint8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-4, 4, width=32), min_size=25, max_size=25), st.sampled_from((3, 5)), st.integers(0, 4))
def test_stages_are_those_of_scipy_and_numpy(numbers, size, face):
    image, kernel = FACES[face] / 255, np.reshape(numbers[: size**2], (size, size))
    expected = np.stack([ndimage.correlate(colour, kernel, mode="nearest") for colour in image])
    stages = filter_stages(torch.tensor(image, dtype=torch.float32), kernel, relu=True, pool=True)
    assert list(stages) == ["convolution", "ReLU", "pooling"]
    np.testing.assert_allclose(stages["convolution"], expected, atol=1e-5)
    np.testing.assert_allclose(stages["ReLU"], np.maximum(expected, 0), atol=1e-5)
    blocks = np.maximum(expected, 0).reshape(3, 8, 2, 8, 2)
    np.testing.assert_allclose(stages["pooling"], blocks.max(axis=(2, 4)), atol=1e-5)


def test_presets_keep_the_brightness_or_remove_it():
    flat = torch.full((3, 9, 9), 0.6)
    totals = {"edges": 0.0, "blur": 1.0, "sharpen": 1.0, "emboss": 1.0, "wide edges": 0.0, "wide blur": 1.0}
    assert totals.keys() == PRESETS.keys()
    for name, total in totals.items():
        inside = filter_stages(flat, PRESETS[name])["convolution"][:, 1:-1, 1:-1]
        torch.testing.assert_close(inside, torch.full((3, 7, 7), 0.6 * total), atol=1e-6, rtol=0)


def test_signed_responses_are_shown_around_mid_grey():
    response = torch.tensor([-0.25, 0.0, 0.25]).expand(3, 1, 3)
    np.testing.assert_allclose(shown(response, KERNELS["edges"])[0, :, 0], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(shown(response.relu(), KERNELS["edges"])[0, :, 0], [0, 0, 0.25])
    np.testing.assert_allclose(shown(response, KERNELS["blur"])[0, :, 0], [0, 0, 0.25])


def test_the_preset_follows_the_numbers_and_the_numbers_the_preset():
    explorer = ConvolutionExplorer(FACES, preset="sharpen")
    assert explorer.kernel == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    explorer.kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    assert explorer.preset == OWN
    explorer.kernel = KERNELS["emboss"]
    assert explorer.preset == "emboss"
    explorer.preset = "wide blur"
    assert explorer.kernel == [[0.04] * 5] * 5
    explorer.preset = OWN
    assert explorer.kernel == [[0.04] * 5] * 5
    assert ConvolutionExplorer(FACES, kernel=np.eye(3)).preset == OWN


def test_the_browser_may_send_a_kernel_alone():
    explorer = ConvolutionExplorer(FACES)
    explorer.set_state({"kernel": [list(row) for row in KERNELS["blur"]], "at": [0, 15]})
    assert explorer.preset == "blur" and explorer.at == [0, 15]


def test_the_stages_belong_to_the_face_on_view():
    explorer = ConvolutionExplorer(FACES, preset="blur", face=2, pool=True)
    expected = [ndimage.correlate(c / 255, np.array(KERNELS["blur"]), mode="nearest") for c in FACES[2]]
    np.testing.assert_allclose(explorer.stages["convolution"], expected, atol=1e-6)
    assert explorer.stages["pooling"].shape == (3, 8, 8)
    explorer.face, explorer.relu = 3, True
    assert list(explorer.stages) == ["convolution", "ReLU", "pooling"]
    assert not explorer.stages["pooling"].equal(ConvolutionExplorer(FACES, face=2, pool=True).stages["pooling"])


def test_the_page_gets_the_faces_but_not_all_of_a_large_collection():
    explorer = ConvolutionExplorer(np.tile(FACES, (4, 1, 1, 1)), at=[3, 4])
    state = explorer.page_state()
    assert state["shape"] == [12, 16] and state["at"] == [3, 4] and "preset" not in state
    assert zlib.decompress(base64.b64decode(state["faces"])) == np.tile(FACES, (3, 1, 1, 1))[:12].tobytes()


def test_the_still_says_what_it_shows():
    explorer = ConvolutionExplorer(FACES, face=1, relu=True)
    bundle = explorer._repr_mimebundle_()[0]
    assert 'alt="Face 1 convolved with the kernel edges' in bundle["text/html"]
    assert "then ReLU" in bundle["text/html"] and "then pooling" not in bundle["text/html"]
    assert 'data-live="convolution.js?v=' in bundle["text/html"] and "data:image/png" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_other_kernels_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"shape \(2, 2\); give three rows of three numbers"):
        filter_stages(torch.zeros(3, 8, 8), [[1, 2], [3, 4]])
    with pytest.raises(TraitError, match="give 3×3 or 5×5 numbers between"):
        ConvolutionExplorer(FACES, kernel=np.eye(4))


@pytest.mark.parametrize("faces", [FACES / 255, FACES[0], FACES[..., :9], FACES.transpose(0, 2, 3, 1)])
def test_pictures_of_another_kind_are_refused(faces):
    with pytest.raises(ValueError, match=rf"Faces are {faces.dtype} of shape .*; give uint8 of shape \(N, 3"):
        ConvolutionExplorer(faces)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"preset": "wobble"}, "blur"),
        ({"face": 5}, "there are 5, numbered from 0"),
        ({"at": [0, 16]}, "from 0 to 15"),
        ({"kernel": [[float("nan")] * 3] * 3}, "kernel is"),
        ({"kernel": "edges"}, "kernel is"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(bad, says):
    with pytest.raises(TraitError, match=says):
        ConvolutionExplorer(FACES, **bad)
    explorer = ConvolutionExplorer(FACES)
    with pytest.raises(TraitError, match=says):
        for name, value in bad.items():
            setattr(explorer, name, value)

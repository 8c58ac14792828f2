"""The upsampling widget from Python: its ways against the library's own layer, and the settings it takes."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close
from traitlets import TraitError

from gan_lib.layers import UpsampleConv2d, subpixel_weight
from gan_lib.widgets import Upsampling
from gan_lib.widgets.upsampling import SIDE, coats, fold, named_kernel, picture, transposed, ways, white_becomes


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_the_identity_holds_for_every_size_and_stride(size, stride):
    torch.manual_seed(size)
    results = ways(torch.rand(7, 7), torch.randn(size, size), stride)
    assert {tuple(result.shape) for result in results.values()} == {(7 * stride, 7 * stride)}
    assert_close(results["subpixel"], results["resize"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [3, 5])
def test_resize_convolution_is_the_librarys_layer(size):
    image, kernel = torch.rand(6, 6), torch.randn(size, size)
    assert_close(fold(kernel, 2)[:, None], subpixel_weight(kernel[None, None]))
    layer = UpsampleConv2d(1, 1, kernel_size=size, path="plain")
    layer.load_state_dict({"weight": kernel[None, None], "bias": torch.zeros(1)})
    assert_close(ways(image, kernel)["resize"], layer(image[None, None])[0, 0])


def test_the_transposed_way_is_that_of_the_chapter():
    image, kernel = torch.rand(6, 6), torch.randn(3, 3)
    chapter = F.conv_transpose2d(image[None, None], 4 * kernel[None, None], stride=2, padding=1, output_padding=1)
    assert_close(transposed(image, kernel, 2), chapter[0, 0])


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_coats_are_even_where_the_size_is_a_multiple_of_the_stride(size, stride):
    counts = coats(size, stride)
    assert counts.sum() == size**2 and (len(counts.unique()) == 1) == (size % stride == 0)
    white = white_becomes(named_kernel("equal", size), stride)
    assert_close(white, counts * stride**2 / size**2)


def test_a_tent_of_three_or_four_leaves_white_even_and_one_of_five_does_not():
    spread = {size: white_becomes(named_kernel("tent", size), 2).std().item() for size in (2, 3, 4, 5)}
    assert max(spread[2], spread[3], spread[4]) < 1e-6 < 0.05 < spread[5]


def test_pictures_and_kernels_by_name():
    for name in ("face", "flat", "one", "slope"):
        small = picture(name)
        assert small.shape == (SIDE, SIDE) and small.min() >= 0 and small.max() <= 1
    assert picture("one").sum() == 1 and picture("flat").std() == 0
    assert picture("slope")[0].diff().min() > 0
    for name in ("equal", "tent"):
        assert named_kernel(name, 5).sum().item() == pytest.approx(1)


def test_the_widget_computes_with_what_it_is_set_to():
    widget = Upsampling(picture="one", kernel=np.arange(16).reshape(4, 4), stride=3, phase=8)
    assert_close(widget.ways, ways(picture("one"), torch.arange(16.0).reshape(4, 4), 3))
    widget.stride = 2
    assert widget.phase == 3 and widget.ways["resize"].shape == (2 * SIDE, 2 * SIDE)
    own = Upsampling(face=np.eye(SIDE))
    assert own.image.equal(torch.eye(SIDE))


def test_the_still_says_what_it_shows():
    assert "grid, since its pixels get 1, 2, 4 coats" in Upsampling().alt
    assert "grid" not in Upsampling(kernel=named_kernel("equal", 4)).alt
    html = Upsampling().page_html()
    assert 'data-live="upsampling.js?v=' in html and "data:image/png" in html


@pytest.mark.parametrize(
    "bad",
    [{"picture": "cat"}, {"kernel": np.eye(6)}, {"kernel": [[1e9] * 3] * 3}, {"stride": 1}, {"phase": 4}]
    + [{"phase": 9, "stride": 3}, {"face": np.eye(8)}, {"face": 2 * np.eye(SIDE)}],
    ids=str,
)
def test_what_cannot_be_is_refused(bad):
    with pytest.raises(TraitError):
        Upsampling(**bad)

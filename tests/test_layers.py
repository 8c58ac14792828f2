"""The sub-pixel identity, held against PyTorch's own interpolate and conv2d."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from gan_lib.layers import UpsampleConv2d, phase_taps, subpixel_weight

SIZES = st.sampled_from([3, 5, 7])
SMALL = st.integers(1, 5)


def torch_reference(images, weight, bias):
    doubled = F.interpolate(images, scale_factor=2, mode="nearest")
    return F.conv2d(doubled, weight, bias, padding=weight.shape[-1] // 2)


@settings(max_examples=60, deadline=None)
@given(k=SIZES, batch=SMALL, inputs=SMALL, outputs=SMALL, height=st.integers(1, 9), width=st.integers(1, 9))
def test_outputs_and_gradients_agree_with_pytorch(k, batch, inputs, outputs, height, width):
    torch.manual_seed(k + 10 * height + 100 * width)
    layer = UpsampleConv2d(inputs, outputs, k).double()
    images = torch.randn(batch, inputs, height, width, dtype=torch.float64, requires_grad=True)
    leaves = (images, layer.weight, layer.bias)
    ours, theirs = layer(images), torch_reference(images, layer.weight, layer.bias)
    probe = torch.randn_like(theirs)
    torch.testing.assert_close(ours, theirs)
    our_gradients = torch.autograd.grad(ours, leaves, probe)
    their_gradients = torch.autograd.grad(theirs, leaves, probe)
    for mine, reference in zip(our_gradients, their_gradients, strict=True):
        torch.testing.assert_close(mine, reference)


@pytest.mark.parametrize("k", [3, 5, 7])
def test_both_paths_take_the_weights_of_a_plain_convolution(k):
    plain = torch.nn.Conv2d(4, 6, k, padding=k // 2)
    images = torch.randn(2, 4, 8, 8)
    for path in ("subpixel", "plain"):
        layer = UpsampleConv2d(4, 6, k, path=path)
        layer.load_state_dict(plain.state_dict())
        torch.testing.assert_close(
            layer(images), plain(F.interpolate(images, scale_factor=2)), rtol=1e-5, atol=1e-5
        )


def test_a_5x5_kernel_folds_as_the_design_says():
    phase0, phase1 = phase_taps(5)
    assert [row.nonzero().flatten().tolist() for row in phase0] == [[0, 1], [2, 3], [4]]
    assert [row.nonzero().flatten().tolist() for row in phase1] == [[0], [1, 2], [3, 4]]


@pytest.mark.parametrize("k", [3, 5, 7, 9])
def test_folding_loses_no_tap(k):
    weight = torch.randn(2, 3, k, k, dtype=torch.float64)
    folded = subpixel_weight(weight).view(2, 4, 3, -1)
    expected = weight.sum((2, 3))[:, None].expand(2, 4, 3)
    torch.testing.assert_close(folded.sum(-1), expected)


@pytest.mark.parametrize(
    ("options", "word"), [({"kernel_size": 4}, "kernel_size is 4"), ({"path": "fast"}, "'fast'")]
)
def test_what_cannot_be_is_refused_with_a_sentence(options, word):
    with pytest.raises(ValueError, match=word):
        UpsampleConv2d(1, 1, **options)

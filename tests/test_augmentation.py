"""Augmentation: what it may do to an image, how often, and that gradients pass."""

import pytest
import torch
from scipy.stats import kstest

from gan_lib.augmentation import augment, cut_hole, shift_colours, shift_image


def rng():
    return torch.Generator().manual_seed(0)


def images(count=200, side=16):
    return torch.rand(count, 3, side, side, generator=rng()) * 2 - 1


def test_probability_zero_gives_the_images_back_and_draws_no_number():
    x, random = images(), rng()
    before = random.get_state()
    assert augment(x, 0.0, random) is x
    assert torch.equal(random.get_state(), before)


def test_each_image_is_distorted_with_the_probability():
    x = images(2000, 8)
    untouched = (augment(x, 0.2, rng()) == x).flatten(1).all(1).float().mean()
    assert abs(untouched - 0.8**3) < 0.03  # three distortions, each on its own


def test_a_shift_moves_every_pixel_alike_and_fills_with_grey():
    x = images(50)
    shifted = shift_image(x, rng())
    for before, after in zip(x, shifted, strict=True):
        moves = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
        assert any(torch.equal(after, _moved(before, *move)) for move in moves)
    assert not torch.equal(shifted, x)


def _moved(image, down, right):
    """The image moved by slices, mid-grey where nothing comes from."""
    side = image.shape[-1]
    result = torch.zeros_like(image)
    rows = [i for i in range(side) if 0 <= i + down < side]
    columns = [i for i in range(side) if 0 <= i + right < side]
    for i in rows:
        result[:, i, columns] = image[:, i + down][:, [c + right for c in columns]]
    return result


def test_a_hole_is_a_square_of_half_the_side_cut_by_the_rim():
    holes = cut_hole(torch.ones(300, 3, 16, 16), rng()) == 0
    for hole in holes[:, 0]:
        rows, columns = hole.any(1).sum(), hole.any(0).sum()
        assert hole.sum() == rows * columns and 4 <= rows <= 8 and 4 <= columns <= 8
    assert (holes[:, :1] == holes).all()


def test_a_hole_lies_anywhere():
    holes = cut_hole(torch.ones(4000, 1, 16, 16), rng()) == 0
    cut = [sum(i in range(c - 4, c + 4) for c in range(17)) / 17 for i in range(16)]
    expected = torch.outer(*torch.tensor([cut, cut]))
    torch.testing.assert_close(holes[:, 0].float().mean(0), expected, atol=0.03, rtol=0)


def test_colours_shift_alike_in_the_whole_image():
    x = images(20)
    shifted = shift_colours(x, rng())
    for before, after in zip(x, shifted, strict=True):  # an affine map of colours fits each image exactly
        pixels = torch.cat([before.flatten(1), torch.ones(1, 256)]).T
        solution = torch.linalg.lstsq(pixels, after.flatten(1).T).solution
        torch.testing.assert_close(pixels @ solution, after.flatten(1).T, atol=1e-4, rtol=0)


def test_colours_shift_as_far_as_the_paper_says():
    x = images(2000, 8)
    y = shift_colours(x, torch.Generator().manual_seed(1))
    grey, shifted = x.mean(1), y.mean(1)
    contrast = shifted.std((1, 2)) / grey.std((1, 2))
    saturation = (y - shifted[:, None]).std((1, 2, 3)) / (x - grey[:, None]).std((1, 2, 3)) / contrast
    brightness = (shifted - grey).mean((1, 2))
    for found, low, width in ((brightness, -0.5, 1), (saturation, 0, 2), (contrast, 0.5, 1)):
        assert kstest(found, "uniform", (low, width)).pvalue > 1e-3


@pytest.mark.parametrize("distort", [shift_colours, shift_image, cut_hole])
def test_gradients_agree_with_finite_differences(distort):
    x = images(2, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: distort(x, rng()), x)


def test_the_same_random_state_distorts_alike():
    assert torch.equal(augment(images(), 0.5, rng()), augment(images(), 0.5, rng()))

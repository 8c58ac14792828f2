"""Objectives against PyTorch's own losses, penalties against finite differences in float64."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gan_lib.losses import OBJECTIVES, r1_penalty, r2_penalty, wgan_gp_penalty

NAMES = {"minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"}


@pytest.fixture
def logits():
    random = torch.Generator().manual_seed(1)
    return torch.randn(2, 16, generator=random, dtype=torch.float64) * 3


def test_the_table_has_the_six():
    assert set(OBJECTIVES) == NAMES
    assert all(name == objective.name for name, objective in OBJECTIVES.items())


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_cross_entropy_is_pytorchs_over_the_whole_batch(name, logits):
    real, fake = logits
    labels = torch.cat([torch.ones(16), torch.zeros(16)]).double()
    expected = F.binary_cross_entropy_with_logits(torch.cat([real, fake]), labels)
    torch.testing.assert_close(OBJECTIVES[name].discriminator(real, fake), expected)


def test_the_formula_of_the_report_and_what_its_log_shows(logits):
    real, fake = logits
    probability = torch.sigmoid(fake)
    torch.testing.assert_close(OBJECTIVES["minimax"].generator(real, fake), (1 - probability).log().mean())
    torch.testing.assert_close(OBJECTIVES["non-saturating"].generator(real, fake), -probability.log().mean())


def test_least_squares_hinge_and_wasserstein_against_pytorchs_losses(logits):
    real, fake = logits
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    squares, hinge, wasserstein = (OBJECTIVES[n] for n in ("least-squares", "hinge", "wasserstein"))
    expected = (F.mse_loss(real, ones) + F.mse_loss(fake, zeros)) / 2
    torch.testing.assert_close(squares.discriminator(real, fake), expected)
    torch.testing.assert_close(squares.generator(real, fake), F.mse_loss(fake, ones) / 2)
    margin = F.multi_margin_loss(torch.stack([real, zeros], 1), torch.zeros(16, dtype=torch.long)) * 2
    other = F.multi_margin_loss(torch.stack([-fake, zeros], 1), torch.zeros(16, dtype=torch.long)) * 2
    torch.testing.assert_close(hinge.discriminator(real, fake), margin + other)
    torch.testing.assert_close(wasserstein.discriminator(real, fake), (fake - real).mean())
    for objective in (hinge, wasserstein):
        torch.testing.assert_close(objective.generator(real, fake), -fake.mean())


def test_relativistic_pairs_against_pytorchs_logsigmoid(logits):
    real, fake = logits
    pairs = OBJECTIVES["relativistic"]
    torch.testing.assert_close(pairs.discriminator(real, fake), -F.logsigmoid(real - fake).mean())
    torch.testing.assert_close(pairs.generator(real, fake), -F.logsigmoid(fake - real).mean())
    assert pairs.pairs


def test_a_discriminator_that_shrugs_pays_log_two():
    shrug = torch.zeros(4, dtype=torch.float64)
    for name in ("minimax", "non-saturating", "relativistic"):
        assert OBJECTIVES[name].discriminator(shrug, shrug).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_stays_finite_and_keeps_a_gradient_at_extreme_logits(name):
    fake = torch.full((4,), -200.0, requires_grad=True)
    loss = OBJECTIVES[name].generator(torch.full((4,), 200.0), fake)
    (gradient,) = torch.autograd.grad(loss, fake)
    assert torch.isfinite(loss) and torch.isfinite(gradient).all()
    assert (gradient.abs().sum() > 0.5) == (name != "minimax")  # which saturates: that is its trouble


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double()


def finite_gradient_norms(critic, images, step=1e-6):
    """Norm of each image's input gradient by central differences, pixel by pixel."""
    columns = []
    for pixel in range(images[0].numel()):
        nudge = torch.zeros_like(images).flatten(1)
        nudge[:, pixel] = step
        nudge = nudge.view_as(images)
        with torch.no_grad():
            columns.append((critic(images + nudge) - critic(images - nudge)) / (2 * step))
    return torch.stack(columns, 1).norm(dim=1)


@pytest.mark.parametrize("penalty", [r1_penalty, r2_penalty])
def test_r1_and_r2_are_half_the_mean_squared_slope(penalty, critic):
    images = torch.randn(5, 3, 2, 2, dtype=torch.float64)
    expected = finite_gradient_norms(critic, images).square().mean() / 2
    torch.testing.assert_close(penalty(critic, images), expected, rtol=1e-6, atol=1e-9)


def test_wgan_gp_looks_at_points_between(critic):
    real, fake = torch.randn(2, 5, 3, 2, 2, dtype=torch.float64)
    mix = torch.rand(5, 1, 1, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    between = mix * real + (1 - mix) * fake
    expected = (finite_gradient_norms(critic, between) - 1).square().mean()
    ours = wgan_gp_penalty(critic, real, fake, torch.Generator().manual_seed(3))
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("penalty", [r1_penalty, lambda d, x: wgan_gp_penalty(d, x, -x, torch.Generator())])
def test_the_penalties_teach_the_discriminator(penalty, critic):
    """Their gradient with respect to a weight is that of finite differences."""
    images = torch.randn(5, 3, 2, 2, dtype=torch.float64)
    weight = critic[1].weight
    (gradient,) = torch.autograd.grad(penalty(critic, images), weight)
    step, ends = 1e-5, []
    for sign in (1, -1):
        with torch.no_grad():
            weight[0, 0] += sign * step
        ends.append(penalty(critic, images).item())
        with torch.no_grad():
            weight[0, 0] -= sign * step
    assert gradient[0, 0].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("penalty", [r1_penalty, r2_penalty, lambda d, x: wgan_gp_penalty(d, x, x)])
def test_a_penalty_reaches_no_generator_and_leaves_its_images_alone(penalty, critic):
    weight, plain = torch.ones(3, 2, 2, dtype=torch.float64, requires_grad=True), torch.rand(5, 3, 2, 2).double()
    penalty(critic, weight * plain).backward()
    assert weight.grad is None
    penalty(critic, plain)
    assert not plain.requires_grad


def test_a_penalty_is_computed_in_float32_under_autocast():
    critic = nn.Sequential(nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0))
    images = torch.randn(5, 3, 2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        inside = r1_penalty(critic, images)
    torch.testing.assert_close(inside, r1_penalty(critic, images), rtol=1e-6, atol=0)

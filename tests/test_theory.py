"""The theory held against closed forms, numerical integration, automatic differentiation and plain PyTorch."""

import math

import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr
from torch.nn import functional as F

from gan_lib import theory
from gan_lib.losses import OBJECTIVES, r1_penalty

LOG2 = math.log(2)

pytestmark = pytest.mark.usefixtures("one_thread")


def tensor(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def gaussians(shift, std=1.0):
    x = torch.linspace(-14, 14, 4001, dtype=torch.float64)
    p, q = (
        torch.distributions.Normal(mean, scale).log_prob(x).exp() for mean, scale in ((0.0, 1.0), (shift, std))
    )
    return x, p, q, float(x[1] - x[0])


weights = st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(any)


def normalised(numbers):
    return tensor(*numbers) / sum(numbers)


# --- Divergences -----------------------------------------------------------------------------------------


def test_coins_with_known_divergences():
    fair, two_headed = tensor(0.5, 0.5), tensor(1.0, 0.0)
    assert theory.jensen_shannon(two_headed, fair).item() == pytest.approx(0.75 * math.log(4 / 3))
    assert theory.kullback_leibler(two_headed, fair).item() == pytest.approx(LOG2)
    assert theory.kullback_leibler(fair, two_headed).item() == math.inf
    assert theory.total_variation(two_headed, fair).item() == 0.5
    assert theory.cross_entropy(fair, fair).item() == pytest.approx(LOG2)


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, 1.0, 1.5])
def test_shifted_uniforms(shift):
    x = torch.linspace(0, 3, 3001, dtype=torch.float64)[:-1] + 0.0005
    p, q = ((low < x) & (x < low + 1) for low in (0.0, shift))
    cell, gone = 0.001, min(shift, 1.0)
    assert theory.jensen_shannon(p.double(), q.double(), cell).item() == pytest.approx(gone * LOG2, abs=1e-9)
    assert theory.total_variation(p.double(), q.double(), cell).item() == pytest.approx(gone, abs=1e-9)


@pytest.mark.parametrize(("shift", "std"), [(0.0, 1.0), (1.0, 1.0), (3.0, 0.5), (-2.0, 1.7)])
def test_gaussians_against_the_closed_form_and_quadrature(shift, std):
    _, p, q, cell = gaussians(shift, std)
    closed = math.log(std) + (1 + shift**2) / (2 * std**2) - 0.5
    assert theory.kullback_leibler(p, q, cell).item() == pytest.approx(closed, abs=1e-6)

    one, other = scipy.stats.norm(0, 1).pdf, scipy.stats.norm(shift, std).pdf

    def surprise(x):
        middle = (one(x) + other(x)) / 2
        return (rel_entr(one(x), middle) + rel_entr(other(x), middle)) / 2

    integral = scipy.integrate.quad(surprise, -14, 14, points=[0, shift], limit=200)[0]
    assert theory.jensen_shannon(p, q, cell).item() == pytest.approx(integral, abs=1e-7)


@pytest.mark.parametrize("shift", [0.3, 1.0, 4.0])
def test_total_variation_of_equally_wide_gaussians(shift):
    _, p, q, cell = gaussians(shift)
    closed = math.erf(shift / (2 * math.sqrt(2)))
    assert theory.total_variation(p, q, cell).item() == pytest.approx(closed, abs=1e-5)
    assert theory.best_accuracy(p, q, cell).item() == pytest.approx(scipy.stats.norm.cdf(shift / 2), abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(weights, weights)
def test_orders_and_limits(first, second):
    p, q = normalised(first), normalised(second)
    js, tv = theory.jensen_shannon(p, q).item(), theory.total_variation(p, q).item()
    assert js == pytest.approx(theory.jensen_shannon(q, p).item(), abs=1e-12)
    assert -1e-12 <= tv**2 / 2 <= js + 1e-12  # Pinsker, through the mixture
    assert js <= tv * LOG2 + 1e-12  # Lin 1991, theorem 3


# --- The value of the game -------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(weights, weights, st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_no_discriminator_beats_the_formula(first, second, other):
    p, q = normalised(first), normalised(second)
    best = theory.value(theory.optimal_discriminator(p, q), p, q).item()
    assert theory.value(tensor(*other), p, q).item() <= best + 1e-12
    assert best == pytest.approx(theory.best_value(p, q).item(), abs=1e-9)


def test_discriminator_where_nothing_falls_says_one_half():
    d = theory.optimal_discriminator(tensor(0.0, 1.0, 0.0), tensor(0.0, 0.0, 1.0))
    assert d.tolist() == [0.5, 1.0, 0.0]
    assert theory.value(d, tensor(0.0, 1.0, 0.0), tensor(0.0, 0.0, 1.0)).item() == 0.0


def test_value_of_a_shrug_and_its_estimate_from_samples():
    p, q = tensor(0.2, 0.8), tensor(0.7, 0.3)
    assert theory.value(tensor(0.5, 0.5), p, q).item() == pytest.approx(-math.log(4))
    logits = tensor(-0.4, 1.1)
    draw = torch.Generator().manual_seed(0)
    real, fake = (logits[torch.multinomial(w, 200_000, True, generator=draw)] for w in (p, q))
    assert theory.sample_value(real, fake).item() == pytest.approx(
        theory.value(logits.sigmoid(), p, q).item(), abs=5e-3
    )


def test_sample_value_is_the_training_loss_and_stays_finite():
    real, fake = torch.randn(64, dtype=torch.float64), torch.randn(64, dtype=torch.float64)
    expected = -F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    expected -= F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    torch.testing.assert_close(theory.sample_value(real, fake), expected)
    assert theory.sample_value(tensor(-1e4), tensor(1e4)).item() == -2e4


def test_gradient_of_the_value_is_that_of_the_proof():
    p, q = tensor(0.2, 0.5, 0.3), tensor(0.6, 0.1, 0.3)
    logits = tensor(-1.0, 0.3, 2.0).requires_grad_()
    (gradient,) = torch.autograd.grad(theory.value(logits.sigmoid(), p, q), logits)
    d = logits.detach().sigmoid()
    torch.testing.assert_close(gradient, p * (1 - d) - q * d)


# --- The bound from an accuracy --------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(weights, weights, st.lists(st.booleans(), min_size=3, max_size=3))
def test_no_verdict_breaks_the_bound(first, second, says_real):
    p, q = normalised(first), normalised(second)
    verdict = tensor(*says_real)
    accuracy = ((p * verdict).sum() + (q * (1 - verdict)).sum()).item() / 2
    bound = theory.total_variation_bound(min(max(accuracy, 0.0), 1.0))
    assert bound <= theory.total_variation(p, q).item() + 1e-12


def test_bound_of_the_report_and_of_a_finite_sample():
    assert theory.total_variation_bound(0.75) == 0.5
    assert theory.total_variation_bound(0.4) == 0.0
    margin = (0.5 - theory.total_variation_bound(0.75, count=256)) / 2
    assert math.exp(-2 * 256 * margin**2) == pytest.approx(0.05)  # Hoeffding's own statement
    with pytest.raises(ValueError, match="75 %"):
        theory.total_variation_bound(75)
    with pytest.raises(ValueError, match="count is 0"):
        theory.total_variation_bound(0.9, 0)
    with pytest.raises(ValueError, match="risk 0"):
        theory.total_variation_bound(0.9, 10, risk=0)


def test_an_unknown_method_is_a_sentence():
    with pytest.raises(ValueError, match="method is 'newton'; choose one of simultaneous"):
        theory.trajectory(theory.bilinear(), (1, 1), 0.1, 3, "newton")


def test_finite_bound_fails_no_more_often_than_it_says():
    accuracy, count = 0.75, 256
    margin = (1 - theory.total_variation_bound(1.0, count)) / 2
    failures = scipy.stats.binom.sf(math.ceil((accuracy + margin) * count) - 1, count, accuracy)
    assert 0 < failures <= 0.05


# --- Small games -----------------------------------------------------------------------------------------

POINT = tensor(0.7, -1.3)


def test_bilinear_field_is_the_gradient_of_its_value():
    w = POINT.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(1.5 * w[0] * w[1], w)
    torch.testing.assert_close(theory.bilinear(1.5)(POINT), gradient * tensor(-1.0, 1.0))


@pytest.mark.parametrize("objective", ["non-saturating", "minimax"])
@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_dirac_field_is_the_gradient_of_the_losses_that_networks_train_on(objective, gamma):
    theta, psi = (number.clone().reshape(1).requires_grad_() for number in POINT)
    real = torch.zeros(1, dtype=torch.float64)
    goal = OBJECTIVES[objective]
    # the batch's cross-entropy is a mean over both halves: half of −V
    d_loss = 2 * goal.discriminator(psi * real, psi * theta.detach())
    d_loss = d_loss + gamma * r1_penalty(lambda x: psi * x.flatten(), real[:, None])
    g_loss = goal.generator(psi * real, psi.detach() * theta)
    down = [torch.autograd.grad(loss, number)[0] for loss, number in ((g_loss, theta), (d_loss, psi))]
    field = theory.dirac_gan(gamma, saturating=objective == "minimax")
    torch.testing.assert_close(field(POINT), -torch.cat(down))


def test_fields_and_steps_work_on_many_points_at_once():
    points = torch.randn(4, 5, 2, dtype=torch.float64)
    for step in theory.STEPS.values():
        for field in (theory.bilinear(), theory.dirac_gan(0.5)):
            torch.testing.assert_close(step(field, points, 0.1)[2, 3], step(field, points[2, 3], 0.1))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_bilinear_eigenvalues_against_algebra(rate):
    game = theory.bilinear()
    sizes = {method: theory.step_eigenvalues(game, rate, method).abs() for method in theory.STEPS}
    torch.testing.assert_close(sizes["simultaneous"], tensor(1, 1) * math.sqrt(1 + rate**2))
    torch.testing.assert_close(sizes["alternating"], tensor(1.0, 1.0))
    torch.testing.assert_close(sizes["extragradient"], tensor(1, 1) * math.sqrt(1 - rate**2 + rate**4))


def test_bilinear_paths_grow_turn_and_shrink():
    game, rate = theory.bilinear(), 0.2
    radius = {m: theory.trajectory(game, (1, 0), rate, 50, m).norm(dim=1) for m in theory.STEPS}
    torch.testing.assert_close(radius["simultaneous"][-1], (tensor(1 + rate**2) ** 25)[0])
    assert (radius["extragradient"].diff() < 0).all()
    theta, psi = theory.trajectory(game, (1, 0), rate, 50, "alternating").T
    kept = theta**2 + psi**2 + rate * theta * psi
    torch.testing.assert_close(kept, torch.ones_like(kept))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 3.0])
def test_dirac_eigenvalues_against_the_paper(gamma):
    found = torch.linalg.eigvals(theory.jacobian(theory.dirac_gan(gamma)))
    root = torch.sqrt(torch.tensor(gamma**2 / 4 - 0.25, dtype=torch.complex128))  # lemma 4.1, f'(0) = 1/2
    for wanted in (-gamma / 2 + root, -gamma / 2 - root):
        assert (found - wanted).abs().min() < 1e-7


@pytest.mark.parametrize("method", list(theory.STEPS))
def test_measured_eigenvalues_agree_with_the_computed_ones(method):
    game = theory.dirac_gan(0.4)
    path = theory.trajectory(game, (1e-3, 1e-3), 0.2, 60, method)
    measured, computed = (e[e.imag.argsort()] for e in (
        theory.measured_eigenvalues(path), theory.step_eigenvalues(game, 0.2, method)
    ))  # fmt: skip
    torch.testing.assert_close(measured, computed, atol=1e-5, rtol=0)


def test_r1_makes_the_dirac_gan_converge_and_without_it_does_not():
    free = theory.trajectory(theory.dirac_gan(), (1, 0), 0.2, 1000).norm(dim=1)
    held = theory.trajectory(theory.dirac_gan(0.5), (1, 0), 0.2, 1000).norm(dim=1)
    assert free[-100:].min() > 0.8
    assert held[-1] < 1e-9


def test_non_saturating_dirac_gan_shrinks_as_its_proof_says():
    field, w = theory.dirac_gan(saturating=False), torch.randn(100, 2, dtype=torch.float64)
    logit = w[:, 0] * w[:, 1]
    torch.testing.assert_close((field(w) * w).sum(1), -logit * torch.tanh(logit / 2))

"""GANs on the plane: distributions by their geometry, the loop against plain PyTorch, modes by construction."""

import math

import pytest
import torch
from torch.nn import functional as F

from gan_lib import figures, theory
from gan_lib.losses import OBJECTIVES
from gan_lib.toy import (
    DISTRIBUTIONS,
    Coverage,
    coverage,
    gaussian,
    generate,
    grid,
    mlp,
    players,
    ring,
    spiral,
    train_toy,
    verdicts,
)

pytestmark = pytest.mark.usefixtures("one_thread")


# --- Distributions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(DISTRIBUTIONS))
def test_points_are_seeded_and_lie_in_the_plane_shown(name):
    distribution = DISTRIBUTIONS[name]
    points = distribution.sample(2000, seed=3)
    assert points.shape == (2000, 2) and points.dtype == torch.float32
    assert torch.equal(points, distribution.sample(2000, seed=3))
    assert not torch.equal(points, distribution.sample(2000, seed=4))
    assert (points.abs() < 2.5).all(1).float().mean() > 0.97
    assert points.std(0).min() > 0.5  # spread over the plane in both directions


def test_a_generator_goes_on_where_a_seed_starts_again():
    source = torch.Generator().manual_seed(0)
    assert not torch.equal(ring().sample(5, source), ring().sample(5, source))


def test_ring_and_grid_have_their_modes_where_they_should():
    modes = ring(8, radius=2.0).modes
    torch.testing.assert_close(modes.norm(dim=1), torch.full((8,), 2.0))
    torch.testing.assert_close(modes.sum(0), torch.zeros(2), atol=1e-5, rtol=0)
    assert torch.pdist(modes).min().item() == pytest.approx(4 * math.sin(math.pi / 8), abs=1e-5)
    assert len(grid(5).modes) == 25 and torch.pdist(grid(5).modes).min() == 1.0


def test_heaps_are_gaussian_and_of_equal_weight():
    made = ring(8, spread=0.1)
    points = made.sample(40_000)
    distance, which = torch.cdist(points, made.modes).min(1)
    assert distance.square().mean().item() == pytest.approx(2 * 0.1**2, rel=0.03)
    shares = which.bincount(minlength=8) / len(points)
    torch.testing.assert_close(shares, torch.full((8,), 1 / 8), atol=0.01, rtol=0)


def test_spiral_is_as_dense_outside_as_inside():
    points = spiral(turns=1.5, spread=0.0).sample(40_000)
    radius = points.norm(dim=1)
    angle = torch.atan2(points[:, 1], points[:, 0])
    turns = radius / 2 * 1.5
    torch.testing.assert_close((turns * 2 * math.pi).sin(), angle.sin(), atol=2e-3, rtol=0)
    # the length of an Archimedean arm grows as radius squared, but for its core
    assert (radius < math.sqrt(2)).float().mean().item() == pytest.approx(0.5, abs=0.02)


# --- Players ---------------------------------------------------------------------------------------------


def test_players_have_the_shapes_they_say_and_leave_the_random_state_alone():
    before = torch.get_rng_state()
    generator, discriminator = players(latent=3, width=5, depth=2, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    points = generate(generator, 7)
    assert points.shape == (7, 2) and discriminator(points).shape == (7,)
    assert sum(w.numel() for w in generator.parameters()) == (3 * 5 + 5) + (5 * 5 + 5) + (5 * 2 + 2)
    again, _ = players(latent=3, width=5, depth=2, seed=1)
    assert torch.equal(points, generate(again, 7))
    assert not torch.equal(points, generate(players(latent=3, width=5, depth=2, seed=2)[0], 7))


def test_mlp_is_the_formula():
    net = mlp(2, 4, 3)
    x = torch.randn(6, 2)
    hidden = F.leaky_relu(x @ net[0].weight.T + net[0].bias, 0.2)
    torch.testing.assert_close(net(x), hidden @ net[2].weight.T + net[2].bias)


def test_verdicts_are_laid_out_lowest_row_first():
    def leans_right_and_steeply_up(points):
        return 0.1 * points[:, 0] + points[:, 1]

    seen = verdicts(leans_right_and_steeply_up, limit=2.0, size=5)
    assert seen[0, 0] < seen[0, 4] < seen[2, 2] == 0.5 < seen[4, 0] < seen[4, 4]


# --- Training --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_one_step_is_the_one_written_by_hand(objective):
    generator, discriminator = players(width=8, seed=0)
    by_hand = players(width=8, seed=0)
    # Gradient descent without Adam, which would hide the size of a gradient
    options = dict(batch_size=16, seed=5, r1=0.1, learning_rate=1.0, optimizer="sgd")
    record = next(train_toy(generator, discriminator, ring(), objective, **options))

    g, d = by_hand
    goal, source = OBJECTIVES[objective], torch.Generator().manual_seed(5)
    d_optimizer, g_optimizer = (torch.optim.SGD(net.parameters(), 1.0) for net in (d, g))
    real = ring().sample(16, source)
    fake = g(torch.randn(16, 2, generator=source))
    at_real = real.clone().requires_grad_()
    slope = torch.autograd.grad(d(at_real).sum(), at_real, create_graph=True)[0]
    d_loss = goal.discriminator(d(real), d(fake.detach()))
    verdict = torch.cat([d(real) > 0, d(fake) < 0]).float().mean().item()
    (d_loss + 0.1 * slope.square().sum(1).mean() / 2).backward()
    d_optimizer.step()
    g_loss = goal.generator(d(real), d(fake))
    g_loss.backward()
    g_optimizer.step()

    for net, expected in ((generator, g), (discriminator, d)):
        torch.testing.assert_close(net.state_dict(), expected.state_dict(), rtol=1e-4, atol=1e-5)
    assert record == pytest.approx((1, d_loss.item(), g_loss.item(), verdict))


def test_a_generator_without_a_rate_stands_still():
    generator, discriminator = players(width=8)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    list(train_toy(generator, discriminator, ring(), steps=3, g_learning_rate=0.0, optimizer="sgd"))
    torch.testing.assert_close(dict(generator.state_dict()), before, rtol=0, atol=0)


def test_least_squares_has_its_border_between_its_labels():
    *_, last = train_toy(*players(width=32), ring(), "least-squares", steps=150, g_learning_rate=0.0)
    assert last.d_loss < 0.05 and last.d_accuracy > 0.95


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": "wgan"}, "objective is 'wgan'; choose one of minimax"),
        ({"optimizer": "rmsprop"}, "optimizer is 'rmsprop'; choose one of adam"),
        ({"d_steps": 0}, "d_steps is 0; it must be 1 or more"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence(options, words):
    with pytest.raises(ValueError, match=words):
        next(train_toy(*players(width=8), ring(), **options))


def test_a_gan_learns_a_gaussian():
    target = gaussian(mean=(1.0, -0.5), spread=0.5)
    generator, discriminator = players(width=32)
    for record in train_toy(
        generator, discriminator, target, steps=300, batch_size=128, learning_rate=2e-3, r1=1.0
    ):
        last = record
    points = generate(generator, 2000, seed=1)
    torch.testing.assert_close(points.mean(0), torch.tensor([1.0, -0.5]), atol=0.2, rtol=0)
    torch.testing.assert_close(points.std(0), torch.tensor([0.5, 0.5]), atol=0.2, rtol=0)
    assert last.step == 300 and abs(last.d_loss - math.log(2)) < 0.1


# --- Counting modes --------------------------------------------------------------------------------------


def test_coverage_counts_what_was_put_there():
    target = ring(8, spread=0.1)
    near, far = target.modes + 0.1, torch.tensor([[0.0, 0.0], [0.1, 0.0]])
    points = torch.cat([near[:3].repeat(10, 1), near[3:4], far])  # 10, 10, 10 and 1 points, and 2 nowhere
    seen = coverage(points, target)
    assert seen.counts.tolist() == [10, 10, 10, 1, 0, 0, 0, 0]
    assert seen.quality == pytest.approx(31 / 33)
    assert seen.covered == 4  # a fair share is 33 / 8, and a single point is a quarter of it
    assert coverage(points, target, least=0.5).covered == 3


def test_coverage_of_the_truth_and_of_one_heap():
    target = ring(8, spread=0.1)
    truth = coverage(target.sample(4000), target)
    assert truth.covered == 8
    assert truth.quality == pytest.approx(1 - math.exp(-4.5), abs=0.005)  # a Rayleigh radius within 3 σ
    one = target.modes[2] + 0.1 * torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    assert coverage(one, target).covered == 1
    assert isinstance(truth, Coverage)


def test_no_points_are_a_sentence():
    with pytest.raises(ValueError, match="no points to count"):
        coverage(torch.zeros(0, 2), ring())


def test_a_curve_has_no_modes_to_count():
    with pytest.raises(ValueError, match="spiral has no modes"):
        coverage(torch.zeros(3, 2), spiral())


# --- Figures ---------------------------------------------------------------------------------------------


def test_planes_show_every_point_and_tint_what_the_police_is_sure_of():
    clouds, real = [torch.zeros(4, 2), torch.ones(3, 2)], torch.full((5, 2), 2.0)
    sure = torch.tensor([[0.0, 0.5], [0.5, 1.0]])
    panels = figures.planes(clouds, ["one", "two"], real, [sure, sure], columns=1).axes
    for axes, cloud, title in zip(panels, clouds, ("one", "two"), strict=True):
        drawn = [torch.tensor(points.get_offsets().data) for points in axes.collections]
        torch.testing.assert_close(drawn, [real.double(), cloud.double()])
        assert axes.get_title() == title
        (image,) = axes.images
        alpha = image.get_array()[..., 3]
        assert alpha[0, 1] == alpha[1, 0] == 0 < alpha[0, 0] == alpha[1, 1]
        assert image.origin == "lower" and (image.get_array()[0, 0, :3] != image.get_array()[1, 1, :3]).any()


def test_phase_plane_draws_unit_arrows_along_the_field_and_whole_paths():
    field = theory.bilinear()
    path = theory.trajectory(field, (1.0, 0.0), 0.2, 10)
    (axes,) = figures.phase_plane(field, {"a path": path}).axes
    (quiver,) = axes.collections
    at, arrows = torch.tensor(quiver.XY), torch.tensor(quiver.U + 1j * quiver.V)
    arrows = torch.view_as_real(arrows)
    torch.testing.assert_close(arrows, F.normalize(field(at), dim=1), atol=1e-6, rtol=0)
    drawn = {line.get_label(): torch.tensor(line.get_xydata()) for line in axes.lines}
    torch.testing.assert_close(drawn["a path"], path)

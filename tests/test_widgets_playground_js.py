"""The playground's arithmetic, in JavaScript, held against PyTorch: the same start, the same points, 200 steps."""

import pytest
import torch
from torch.testing import assert_close

from gan_lib import theory, toy
from gan_lib.losses import OBJECTIVES
from gan_lib.widgets import Playground, modules

BATCH, STEPS = 32, 200
PLAY = """
export function play({ settings, weights, batches, steps }) {
  const game = new Game({ ...settings, seed: 0, data: "ring" }), losses = [];
  game.generator.weights.set(weights.generator);
  game.discriminator.weights.set(weights.discriminator);
  let next = 0;
  game.noise = () => {
    game.real.set(batches[next].real);
    game.latents.set(batches[next++].noise);
  };
  for (let i = 0; i < steps; i++) {
    game.step();
    losses.push([game.dLoss, game.gLoss]);
  }
  const { generator, discriminator } = game;
  const reached = { generator: [...generator.weights], discriminator: [...discriminator.weights] };
  return { losses, steps: game.steps, ...reached };
}
"""

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def javascript(node_with):
    """Run an expression in JavaScript: `input` is what is passed, all of toygan.js is in scope."""
    texts = {name: modules.bundle(name) for name in ("addresses", "playsettings")}
    return node_with({"toygan": modules.bundle("toygan") + PLAY, **texts})


def flat(net):
    return torch.cat([weight.detach().flatten() for weight in net.parameters()])


def batches_of(distribution, count, dtype):
    """The batches that `train_toy` will draw, and a distribution that gives them in the wanted precision."""
    source = torch.Generator().manual_seed(3)
    batches = []
    for _ in range(count):
        real = distribution.sample(BATCH, source)
        batches.append({"real": real, "noise": torch.randn(BATCH, 2, generator=source)})
    drawn = toy.Distribution("drawn", lambda n, source: distribution.draw(n, source).to(dtype))
    return batches, drawn


def both_ways(javascript, width=16, **given):
    """Play 200 steps in JavaScript and in PyTorch; give the largest differences of weights and of losses.

    Both in float64: in float32 a sum beside the kink of a leaky ReLU may fall on its other side; PyTorch itself
    then differs by 1e-3 after 200 steps.
    """
    dtype = torch.float64
    settings = {"objective": "non-saturating", "optimizer": "adam", "r1": 0.0, "r2": 0.0} | given
    rates = {"sgd": 0.05, "momentum": 0.02, "adam": 1e-3}[settings["optimizer"]]
    d_steps = settings.pop("d_steps", 1)
    batches, drawn = batches_of(toy.ring(8, spread=0.1), STEPS * d_steps, dtype)
    generator, discriminator = (net.to(dtype) for net in toy.players(width=width, seed=5))
    weights = {"generator": flat(generator).tolist(), "discriminator": flat(discriminator).tolist()}
    generator = torch.nn.Sequential(_Cast(dtype), *generator)
    found = javascript(
        "play(input)",
        settings=settings
        | {"dSteps": d_steps, "dLearningRate": rates, "gLearningRate": rates / 2}
        | {"width": width, "batchSize": BATCH},
        weights=weights,
        batches=[{key: points.flatten().tolist() for key, points in batch.items()} for batch in batches],
        steps=STEPS,
    )
    records = toy.train_toy(
        generator, discriminator, drawn, steps=STEPS, batch_size=BATCH, learning_rate=rates,
        g_learning_rate=rates / 2, seed=3, d_steps=d_steps, **settings,
    )  # fmt: skip
    losses = torch.tensor([[record.d_loss, record.g_loss] for record in records])
    moved = (flat(discriminator) - torch.tensor(weights["discriminator"], dtype=dtype)).abs().max()
    assert found["steps"] == STEPS and moved > 0.02
    differences = [
        flat(net).double() - torch.tensor(found[name], dtype=torch.float64)
        for name, net in (("generator", generator), ("discriminator", discriminator))
    ]
    return torch.cat(differences).abs().max().item(), (losses - torch.tensor(found["losses"])).abs().max().item()


class _Cast(torch.nn.Module):
    """Noise is drawn in float32; the players of these tests compute in float64."""

    in_features = 2

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, noise):
        return noise.to(self.dtype)


@pytest.mark.parametrize("optimizer", list(toy.OPTIMIZERS))
@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_200_steps_are_those_of_pytorch(javascript, objective, optimizer):
    weights, losses = both_ways(javascript, objective=objective, optimizer=optimizer, r1=0.3, r2=0.1)
    assert weights < 1e-5 and losses < 1e-5


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"r1": 1.0},
        {"r2": 1.0},
        {"d_steps": 3, "r1": 0.1},
        {"width": 8},
        {"width": 13},
        {"width": 64, "r1": 3.0},
    ],
    ids=str,
)
def test_each_setting_means_what_it_means_in_pytorch(javascript, settings):
    weights, losses = both_ways(javascript, **settings)
    assert weights < 1e-5 and losses < 1e-5


def test_the_objectives_are_those_of_the_library(javascript):
    assert javascript("Object.keys(OBJECTIVES)") == list(OBJECTIVES)
    assert sorted(javascript("Object.keys(OPTIMIZERS)")) == sorted(toy.OPTIMIZERS)


def test_divergence_and_coverage_are_those_of_the_library(javascript):
    ring = toy.ring(8, spread=0.1)
    real, fake = ring.sample(2000, seed=1), ring.sample(500, seed=2) * torch.tensor([1.0, 0.4]) * 1.6
    found = javascript(
        "(([p, q]) => ({ p: [...p], q: [...q], js: jensenShannon(p, q),"
        " seen: coverage(input.fake, distribution('ring')) }))"
        "([histogram(input.real), histogram(input.fake)])",
        real=real.flatten().tolist(),
        fake=fake.flatten().tolist(),
    )
    p, q = (torch.tensor(found[key], dtype=torch.float64) for key in "pq")
    torch.testing.assert_close(p.sum(), torch.ones((), dtype=torch.float64))
    edges = torch.linspace(-3, 3, 31, dtype=torch.float64)
    counted = torch.histogramdd(torch.stack([fake[:, 1], fake[:, 0]], 1).double(), [edges, edges]).hist / len(fake)
    torch.testing.assert_close(q[:-1].reshape(30, 30), counted, atol=2.5 / len(fake), rtol=0)  # points on an edge
    assert 0 < q[-1] < 0.5
    assert found["js"] == pytest.approx(theory.jensen_shannon(p, q).item(), abs=1e-12)
    seen = toy.coverage(fake, ring)
    assert found["seen"]["counts"] == seen.counts.tolist() and found["seen"]["covered"] == seen.covered
    assert found["seen"]["quality"] == pytest.approx(seen.quality)
    assert javascript("jensenShannon([1, 0], [0, 1])") == pytest.approx(torch.tensor(2.0).log().item())


@pytest.mark.parametrize("name", ["ring", "grid", "moons", "spiral", "gaussian"])
def test_points_come_from_the_librarys_distributions(javascript, name):
    """Drawn with other chance, so the two clouds are compared: cell by cell of a coarse grid."""
    expected = toy.DISTRIBUTIONS[name]
    if name in ("ring", "gaussian"):
        expected = {"ring": toy.ring(8, spread=0.1), "gaussian": toy.gaussian((1.0, -0.5), 0.5)}[name]
    code = f"[...samplePoints(distribution('{name}'), randomSource(4), new Float64Array(80000))]"
    found = torch.tensor(javascript(code)).reshape(-1, 2)
    shares = [
        torch.histogramdd(cloud, [torch.linspace(-3, 3, 16)] * 2).hist / len(cloud)
        for cloud in (found, expected.sample(40_000))
    ]
    assert (shares[0] - shares[1]).abs().max() < 0.01
    assert theory.total_variation(*shares) < 0.04


def test_chance_is_seeded_even_and_normal(javascript):
    code = (
        "((s) => [...Array(40000)].map(() => input.normal ? s.normal() : s.uniform()))(randomSource(input.seed))"
    )
    draws = {(seed, normal): torch.tensor(javascript(code, seed=seed, normal=normal))
             for seed, normal in ((0, False), (1, False), (0, True))}  # fmt: skip
    assert torch.equal(draws[0, False], torch.tensor(javascript(code, seed=0, normal=False)))
    assert not torch.equal(draws[0, False], draws[1, False])
    assert (draws[0, False].histc(10, 0, 1) / 4000 - 1).abs().max() < 0.06
    normal = draws[0, True]
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    assert abs((normal.abs() < 1).float().mean() - 0.6827) < 0.01


# --- Settings --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def usual(javascript):
    widget = Playground()
    return {name: getattr(widget, name) for name in javascript("Object.keys(KINDS)")}


def test_an_address_keeps_every_setting(javascript, usual):
    assert javascript("writeSettings(input, input, KINDS)", **usual) == ""
    drawn = [[-3.0, 3.0], [0.5, -0.25]]
    changed = dict(data="own", objective="hinge", optimizer="sgd", r1=0.3, r2=1e-7, d_steps=3, width=64, seed=9,
                   d_learning_rate=0.1, g_learning_rate=0.003, points=drawn)  # fmt: skip
    assert set(changed) == set(usual)
    text = javascript("writeSettings(input.changed, input.usual, KINDS)", changed=changed, usual=usual)
    found = javascript("readSettings(input.text, KINDS)", text=text)
    points = torch.tensor(found["settings"].pop("points"))
    assert found["problem"] == "" and usual | found["settings"] | {"points": drawn} == changed
    assert_close(points, torch.tensor(drawn), atol=3 / 255, rtol=0)  # a byte for each coordinate


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": "cat"}, {"r1": -1}, {"r1": "0.3"}, {"width": 16.5}, {"seed": 2**31}, {"d_steps": None},
        {"hat": 1}, {"points": [[0, 4]]}, {"points": [[0]]}, {"points": [5]}, {"points": "00"},
        {"points": [[0, 0]] * 401}, {"points": [[None, "2"]]},
    ],
)  # fmt: skip
def test_settings_from_python_are_taken_where_they_fit(javascript, wrong):
    assert javascript("accepted(input)", d_learning_rate=0.1, **wrong) == {"dLearningRate": 0.1}


def test_inner_and_outer_names_are_each_others(javascript, usual):
    assert javascript("outerNames(innerNames(input))", **usual) == usual

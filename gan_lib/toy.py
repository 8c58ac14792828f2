"""GANs on the plane: distributions of points, small players, a short training loop, counting modes."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_lib.losses import OBJECTIVES, r1_penalty, r2_penalty

# --- Distributions ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Distribution:
    """Points on the plane that a GAN can learn.

    Those of this module, but for `gaussian`, lie within about [−2.5, 2.5]².

    Attributes
    ----------
    name : str
    draw : callable (count, torch.Generator) -> Tensor of shape (count, 2)
        Where the points come from.
    modes : Tensor of shape (K, 2) or None
        Centres of its heaps, where it has any.
    spread : float
        Standard deviation of a heap, or of the noise around a curve.
    """

    name: str
    draw: Callable[[int, torch.Generator], Tensor]
    modes: Tensor | None = None
    spread: float = 0.0

    def sample(self, count: int, seed: int | torch.Generator = 0) -> Tensor:
        """Draw float32 points of shape (count, 2), the same ones for the same seed."""
        if not isinstance(seed, torch.Generator):
            seed = torch.Generator().manual_seed(int(seed))
        return self.draw(count, seed)


def heaps(name: str, modes: Tensor, spread: float) -> Distribution:
    """Give round Gaussian heaps of equal weight around `modes`, of shape (K, 2)."""

    def draw(count: int, source: torch.Generator) -> Tensor:
        which = torch.randint(len(modes), (count,), generator=source)
        return modes[which] + spread * torch.randn(count, 2, generator=source)

    return Distribution(name, draw, modes, spread)


def ring(modes: int = 8, radius: float = 2.0, spread: float = 0.05) -> Distribution:
    """Give `modes` heaps on a circle: the classic test for mode collapse."""
    angle = torch.arange(modes) * (2 * math.pi / modes)
    return heaps("ring", radius * torch.stack([angle.cos(), angle.sin()], 1), spread)


def grid(side: int = 5, half_width: float = 2.0, spread: float = 0.05) -> Distribution:
    """Give side × side heaps on a square lattice."""
    line = torch.linspace(-half_width, half_width, side)
    return heaps("grid", torch.cartesian_prod(line, line), spread)


def gaussian(mean: tuple[float, float] = (0.0, 0.0), spread: float = 1.0) -> Distribution:
    """Give one round heap."""
    return heaps("gaussian", torch.tensor([mean]), spread)


def curve(name: str, points: Callable[[Tensor], Tensor], spread: float) -> Distribution:
    """Give points spread evenly in t over a curve `points(t)`, t in [0, 1], with Gaussian noise around it."""

    def draw(count: int, source: torch.Generator) -> Tensor:
        t = torch.rand(count, generator=source)
        return points(t) + spread * torch.randn(count, 2, generator=source)

    return Distribution(name, draw, spread=spread)


def moons(spread: float = 0.08) -> Distribution:
    """Give two half circles that hook into each other."""

    def points(t: Tensor) -> Tensor:
        side = torch.where(t < 0.5, 1.0, -1.0)
        angle = 2 * math.pi * (t % 0.5)
        return torch.stack([1.5 * angle.cos() - 0.75 * side, side * (1.5 * angle.sin() - 0.45)], 1)

    return curve("moons", points, spread)


def spiral(turns: float = 1.5, spread: float = 0.05) -> Distribution:
    """Give one arm that winds outwards to radius 2."""

    def points(t: Tensor) -> Tensor:
        radius = (0.01 + 0.99 * t).sqrt()  # as many points to the length of arm everywhere
        angle = 2 * math.pi * turns * radius
        return 2 * (radius * torch.stack([angle.cos(), angle.sin()])).T

    return curve("spiral", points, spread)


#: The distributions of this module as they are by default, by name: "ring", "grid", "gaussian", "moons", "spiral".
DISTRIBUTIONS = {made.name: made for made in (ring(), grid(), gaussian(), moons(), spiral())}

# --- Players ---------------------------------------------------------------------------------------------


def mlp(*sizes: int) -> nn.Sequential:
    """Give dense layers of the given sizes with leaky ReLUs between them: (N, first) -> (N, last)."""
    layers: list[nn.Module] = []
    for wide, narrow in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(wide, narrow), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def players(
    latent: int = 2, width: int = 64, depth: int = 2, seed: int = 0
) -> tuple[nn.Sequential, nn.Sequential]:
    """Make a generator (N, latent) -> (N, 2) and a discriminator (N, 2) -> logits (N,).

    Parameters
    ----------
    latent : int, default=2
        Numbers of noise that the generator starts from.
    width, depth : int, default=64, 2
        Neurons in a hidden layer, and how many hidden layers.
    seed : int, default=0
        Fixes the weights; PyTorch's own random state is left as it was, a GPU's too.
    """
    hidden = [width] * depth
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return mlp(latent, *hidden, 2), mlp(2, *hidden, 1).append(nn.Flatten(0))


def generate(generator: nn.Sequential, count: int, seed: int = 0) -> Tensor:
    """Draw points of shape (count, 2) from a generator made by `players`, without gradients."""
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return generator(torch.randn(count, generator[0].in_features, generator=source))


def verdicts(discriminator: nn.Module, limit: float = 3.0, size: int = 81) -> Tensor:
    """Give D's probability of "real" over the square [−limit, limit]²: (size, size), lowest row first."""
    line = torch.linspace(-limit, limit, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    with torch.no_grad():
        return discriminator(torch.stack([x, y], -1).reshape(-1, 2)).sigmoid().reshape(size, size)


# --- Training --------------------------------------------------------------------------------------------

#: Optimisers by name: "adam", "momentum" (gradient descent with a momentum of 0.9) and "sgd" (without).
OPTIMIZERS = {
    "adam": lambda weights, rate, betas: torch.optim.Adam(weights, rate, betas, fused=True),
    "momentum": lambda weights, rate, betas: torch.optim.SGD(weights, rate, momentum=0.9),
    "sgd": lambda weights, rate, betas: torch.optim.SGD(weights, rate),
}


class ToyRecord(NamedTuple):
    """One step: its number, from 1; both losses, penalties left out; D's accuracy on the batch, 0 to 1."""

    step: int
    d_loss: float
    g_loss: float
    d_accuracy: float


def train_toy(
    generator: nn.Sequential,
    discriminator: nn.Sequential,
    distribution: Distribution,
    objective: str = "non-saturating",
    steps: int = 1000,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    g_learning_rate: float | None = None,
    betas: tuple[float, float] = (0.5, 0.99),
    r1: float = 0.0,
    r2: float = 0.0,
    seed: int = 0,
    optimizer: str = "adam",
    d_steps: int = 1,
) -> Iterator[ToyRecord]:
    """Train two players in turns, D first, and yield a record after every step.

    Parameters
    ----------
    generator, discriminator : nn.Sequential
        From `players`; trained in place.
    distribution : Distribution
        The real points.
    objective : str, default="non-saturating"
        A key of `gan_lib.losses.OBJECTIVES`.
    steps, batch_size : int, default=1000, 256
        Steps of G, and real points (and as many generated ones) in each.
    learning_rate, betas : float, pair of float, default=1e-3, (0.5, 0.99)
        Adam's, for both players.
    g_learning_rate : float, optional
        The generator's, where it is to differ.
    r1, r2 : float, default=0.0
        Weights of the gradient penalties on real and on generated points.
    seed : int, default=0
        Fixes the points and the noise.
    optimizer : str, default="adam"
        A key of `OPTIMIZERS`: Adam, gradient descent with a momentum of 0.9 (`betas` unused), or without.
    d_steps : int, default=1
        Steps of D, each on points of its own, for each step of G.

    Raises
    ------
    ValueError
        For an unknown objective or optimizer, or fewer than one step of D.
    """
    for name, value, table in (("objective", objective, OBJECTIVES), ("optimizer", optimizer, OPTIMIZERS)):
        if value not in table:
            raise ValueError(f"{name} is {value!r}; choose one of {', '.join(table)}.")
    if d_steps < 1:
        raise ValueError(f"d_steps is {d_steps}; it must be 1 or more.")
    goal = OBJECTIVES[objective]
    source = torch.Generator().manual_seed(seed)
    make = OPTIMIZERS[optimizer]
    d_optimizer = make(discriminator.parameters(), learning_rate, betas)
    g_rate = learning_rate if g_learning_rate is None else g_learning_rate
    g_optimizer = make(generator.parameters(), g_rate, betas)
    for step in range(1, steps + 1):
        for _ in range(d_steps):
            real = distribution.sample(batch_size, source)  # (N, 2)
            fake = generator(torch.randn(batch_size, generator[0].in_features, generator=source))  # (N, 2)

            real_logits, fake_logits = discriminator(torch.cat([real, fake.detach()])).split(batch_size)
            d_loss = goal.discriminator(real_logits, fake_logits)
            penalty = r1 * r1_penalty(discriminator, real) if r1 else 0.0
            penalty += r2 * r2_penalty(discriminator, fake) if r2 else 0.0
            update(d_optimizer, d_loss + penalty)

        with torch.no_grad():  # only losses of pairs look at the real ones again
            real_again = discriminator(real) if goal.pairs else real_logits
        g_loss = goal.generator(real_again, discriminator(fake))
        update(g_optimizer, g_loss)

        accuracy = sum(goal.accuracies(real_logits, fake_logits)) / 2
        yield ToyRecord(step, d_loss.item(), g_loss.item(), accuracy)


def update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Take one step down the loss with the optimiser's own parameters, and touch no others' gradients."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = gradient
    optimizer.step()


# --- Counting modes --------------------------------------------------------------------------------------


class Coverage(NamedTuple):
    """How well points cover the modes: modes covered, share of points near a mode, points near each (K,)."""

    covered: int
    quality: float
    counts: Tensor


def coverage(points: Tensor, distribution: Distribution, reach: float = 3.0, least: float = 0.1) -> Coverage:
    """Count the modes that generated points cover.

    Parameters
    ----------
    points : Tensor of shape (N, 2)
        Generated points.
    distribution : Distribution
        One that has modes (`ring`, `grid`, `gaussian`).
    reach : float, default=3.0
        A point is near a mode within this many standard deviations of it.
    least : float, default=0.1
        A mode is covered when at least this share of its fair share of all points is near it.

    Raises
    ------
    ValueError
        If the distribution has no modes to count, or there are no points.

    References
    ----------
    Srivastava et al. 2017, "VEEGAN", section 4.1 (reach of three standard deviations).
    """
    if distribution.modes is None:
        raise ValueError(f"The {distribution.name} has no modes to count; take a ring, a grid or a gaussian.")
    if not len(points):
        raise ValueError("There are no points to count; give some of shape (N, 2).")
    distance, nearest = torch.cdist(points, distribution.modes).min(1)
    near = nearest[distance <= reach * distribution.spread]
    counts = near.bincount(minlength=len(distribution.modes))
    fair = len(points) / len(distribution.modes)
    return Coverage(int((counts >= least * fair).sum()), len(near) / len(points), counts)

"""Training: a recipe, one step of each player, and the loop that yields a record a step."""

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from operator import index
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .augmentation import augment
from .data import Faces, to_float
from .losses import OBJECTIVES, r1_penalty, r2_penalty, wgan_gp_penalty
from .memory import keep_freed_memory
from .networks import NETWORKS

__all__ = [
    "LADDER", "RECIPES", "Batches", "NotFiniteError", "Recipe", "Record", "StopRequest", "TrainingState",
    "discriminator_step", "frozen", "generator_step", "gradient_norm", "latents_from_seed", "make_fabric",
    "mirror_half", "penalties", "sample", "train",
]  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, but for the faces themselves.

    Parameters
    ----------
    network : str, default="report"
        A key of `gan_lib.networks.NETWORKS`.
    objective : str, default="non-saturating"
        A key of `gan_lib.losses.OBJECTIVES`.
    latent_size : int, default=4096
        Dimensions of the noise.
    steps : int, default=4746
        By default the report's six epochs of 791 batches.
    batch_size : int, default=256
        An even number from 4 up. For D half of the images are real and half generated. For G all are generated,
        or half as many where the objective compares pairs.
    epoch_steps : int, default=791
        Batches that count as an epoch; 0 means one pass over the faces.
    learning_rate : float, default=2e-4
        Of Adam, for both players.
    learning_rate_end : float, optional
        Where it falls to, along half a cosine. By default it stays.
    betas : pair of float, default=(0.5, 0.999)
        Adam's memories, from 0 to below 1; a short first one calms a game that rotates.
    r1, r2 : float, default=0.0
        γ of the penalties on real and on generated images.
    wgan_gp : float, default=0.0
        λ of the Wasserstein gradient penalty.
    penalty_every : int, default=1
        Steps between penalties, which then count as many times as much.
    penalty_end : float, default=1.0
        Share of γ and λ that is left at the end: little is known early, much later.
    flip : bool, default=True
        Mirror half of the real faces: a mirrored face is a face.
    augment : float, default=0.0
        Probability of each distortion of what D sees, from 0 to 1; see `gan_lib.augmentation.augment`.
    ema_half_life : int, default=0
        Of G's averaged weights, in images shown; 0 keeps no average.
    ema_ramp : float, default=0.05
        The half-life is at most this share of the images shown so far; with 0 it is the same throughout.
    precision : {"auto", "32-true", "bf16-mixed"}, default="auto"
        "auto" takes bfloat16 where the device is fast at it.
    seed : int, default=0
        Of weights, noise, order and flips.

    Raises
    ------
    ValueError
        When a value makes no sense; the sentence names it.
    """

    network: str = "report"
    objective: str = "non-saturating"
    latent_size: int = 4096
    steps: int = 4746
    batch_size: int = 256
    epoch_steps: int = 791
    learning_rate: float = 2e-4
    learning_rate_end: float | None = None
    betas: tuple[float, float] = (0.5, 0.999)
    r1: float = 0.0
    r2: float = 0.0
    wgan_gp: float = 0.0
    penalty_every: int = 1
    penalty_end: float = 1.0
    flip: bool = True
    augment: float = 0.0
    ema_half_life: int = 0
    ema_ramp: float = 0.05
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self):
        for kind in fields(self):
            if kind.type is int:
                self._take(kind.name, index, "a whole number")
            elif kind.type is float or (kind.name == "learning_rate_end" and self.learning_rate_end is not None):
                self._take(kind.name, float, "a number")
        self._take("betas", lambda betas: tuple(map(float, betas)), "two numbers from 0 to below 1")
        for name, table in (("network", NETWORKS), ("objective", OBJECTIVES)):
            if getattr(self, name) not in table:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(table)}.")
        if self.batch_size < 4 or self.batch_size % 2:
            raise ValueError(
                f"batch_size is {self.batch_size}; it must be even and 4 or more, half real and half generated."
            )
        for name in ("latent_size", "steps"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above zero.")
        for name in ("learning_rate", "r1", "r2", "wgan_gp", "penalty_end", "ema_ramp"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be zero or more, and finite.")
        for name in ("epoch_steps", "ema_half_life", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be zero or more.")
        if not 0 <= self.augment <= 1:
            raise ValueError(f"augment is {self.augment}; it is a probability, from 0 to 1.")
        if self.penalty_every < 1:
            raise ValueError(f"penalty_every is {self.penalty_every}; it must be 1 (every step) or more.")
        if self.learning_rate_end is not None and not 0 <= self.learning_rate_end < math.inf:
            raise ValueError(f"learning_rate_end is {self.learning_rate_end}; it must be zero or more, or None.")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas is {self.betas}; two numbers from 0 to below 1 are needed.")
        if self.precision not in ("auto", "32-true", "bf16-mixed"):
            raise ValueError(f'precision is {self.precision!r}; choose "auto", "32-true" or "bf16-mixed".')

    def _take(self, name: str, convert: Callable, wanted: str) -> None:
        """Convert a field to a plain Python value, or raise ValueError."""
        try:
            object.__setattr__(self, name, convert(getattr(self, name)))
        except (TypeError, ValueError):
            raise ValueError(f"{name} is {getattr(self, name)!r}; it must be {wanted}.") from None

    def at(self, step: int) -> "Recipe":
        """The recipe as it holds for one step, counted from 0: rates and penalties as far as they have fallen.

        Where penalties are paid every k-th step only, they are zero on the others and k times as large on it.
        """
        fallen = (1 - math.cos(math.pi * min(step / self.steps, 1))) / 2  # from 0 to 1
        end = self.learning_rate if self.learning_rate_end is None else self.learning_rate_end
        due = self.penalty_every if step % self.penalty_every == 0 else 0
        share = due * (1 + fallen * (self.penalty_end - 1))
        return replace(
            self,
            learning_rate=self.learning_rate + fallen * (end - self.learning_rate),
            learning_rate_end=None,
            **{name: share * getattr(self, name) for name in ("r1", "r2", "wgan_gp")},
        )


# The ladder from the report's GAN to a modern one: each rung changes one thing of the rung above it, but for "r1",
# where batch norm has to go for the penalty to mean what it says and Adam forgets faster. All show the
# discriminator 32 real images a step, so that equal steps are an equal budget, and one that two cores can pay.
_LADDER_START = Recipe(steps=600, batch_size=64, epoch_steps=0)
_LADDER = {
    "latent-128": dict(latent_size=128),
    "conv-discriminator": dict(network="report-conv"),
    "r1": dict(network="plain-conv", r1=2.0, penalty_every=8, betas=(0.0, 0.99)),
    "relativistic": dict(objective="relativistic", r2=2.0),
    "ema": dict(ema_half_life=10_000),
    "augmented": dict(augment=0.3),
    "residual": dict(network="modern"),
}
_OBJECTIVES_ASIDE = {
    "least-squares": dict(objective="least-squares"),
    "hinge": dict(objective="hinge"),
    "wasserstein": dict(objective="wasserstein", r1=0.0, wgan_gp=10.0),
}


def _ladder() -> dict[str, Recipe]:
    """The rungs by name, then the other objectives on the networks of the rung "r1"."""
    rungs = {"report-short": _LADDER_START}
    for name, change in _LADDER.items():
        rungs[name] = replace(list(rungs.values())[-1], **change)
    return rungs | {name: replace(rungs["r1"], **change) for name, change in _OBJECTIVES_ASIDE.items()}


#: The eleven recipes of the chapter "Repairing the GAN", by name, 600 steps of 64 images each: "report-short",
#: "latent-128", "conv-discriminator", "r1", "relativistic", "ema", "augmented", "residual"; and beside them
#: "least-squares", "hinge", "wasserstein".
LADDER = _ladder()

#: All recipes by name: "report" (the defaults of `Recipe`), "report-formula" (with the objective as the report
#: writes it), those of `LADDER`, and the two that made the library's generators, "faces" and "drawn-faces".
RECIPES = {
    "report": Recipe(),
    "report-formula": Recipe(objective="minimax"),
    **LADDER,
    "faces": Recipe(
        network="modern-conv", objective="relativistic", latent_size=128, steps=5500, batch_size=128,
        epoch_steps=0, learning_rate=4e-4, learning_rate_end=1e-4, betas=(0.0, 0.99), r1=2.0, r2=2.0,
        penalty_every=8, penalty_end=0.25, augment=0.3, ema_half_life=20_000,
    ),
}  # fmt: skip
# Of drawn faces there are as many as wanted, so that none has to be augmented; and they are simpler.
RECIPES["drawn-faces"] = replace(RECIPES["faces"], steps=1800, batch_size=64, augment=0.0, ema_half_life=10_000)


@dataclass(frozen=True)
class Record:
    """What one step measured. `str` gives the report's line.

    Attributes
    ----------
    step : int
        From 1.
    epoch, batch : int
        As the report counts them: epochs from 0, batches from 1 within their epoch.
    d_loss, g_loss : float
        Of the objective, without penalties.
    d_accuracy_real, d_accuracy_fake : float
        Share of real images called real and of generated ones called generated, from 0 to 1; see the `border` of
        `gan_lib.losses.Objective`.
    d_grad_norm, g_grad_norm : float
        Euclidean norm of the player's whole gradient, penalties included.
    images_per_second : float
        The recipe's batch size over the seconds that the step took.
    """

    step: int
    epoch: int
    batch: int
    d_loss: float
    d_accuracy_real: float
    d_accuracy_fake: float
    g_loss: float
    d_grad_norm: float
    g_grad_norm: float
    images_per_second: float

    @property
    def d_accuracy(self) -> float:
        """Share of the whole batch, half real and half generated, that D judged rightly."""
        return (self.d_accuracy_real + self.d_accuracy_fake) / 2

    def __str__(self) -> str:
        return (
            f"{self.epoch} {self.batch} [D loss: {self.d_loss:.6f}, acc.: {100 * self.d_accuracy:.2f}%] "
            f"[G loss: {self.g_loss:.6f}]"
        )


class NotFiniteError(ArithmeticError):
    """A loss or a gradient is infinite or not a number, so that going on would spoil the weights."""


class TrainingState:
    """The two players, their optimizers, the averaged generator, the random numbers and the step.

    Parameters
    ----------
    recipe : Recipe
        Which networks to build; its seed decides their first weights and all the noise to come.
    device : str or torch.device, default="cpu"
        Where they live.

    Attributes
    ----------
    recipe : Recipe
    generator, discriminator : nn.Module
        The players being trained.
    g_optimizer, d_optimizer : torch.optim.Adam
        Theirs.
    ema : nn.Module or None
        The generator with averaged weights, where the recipe keeps one.
    step : int
        Steps taken.
    """

    def __init__(self, recipe: Recipe, device: str | torch.device = "cpu"):
        self.recipe = recipe
        make_generator, make_discriminator = NETWORKS[recipe.network]
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(recipe.seed)  # a GPU's random numbers stay the user's own
            self.generator = make_generator(recipe.latent_size).to(device)
            self.discriminator = make_discriminator().to(device)
        self.average = self._average() if recipe.ema_half_life else None
        self.g_optimizer = self._adam(self.generator)
        self.d_optimizer = self._adam(self.discriminator)
        self.random = torch.Generator(device).manual_seed(recipe.seed)
        self.step = 0

    def _average(self) -> AveragedModel:
        return AveragedModel(self.generator, multi_avg_fn=self._decay, use_buffers=True)

    def _decay(self, averaged: list[Tensor], current: list[Tensor], updates: Tensor) -> None:
        """Move the averaged weights toward the current ones, slowly once many images have been shown."""
        shown = (self.step + 1) * self.recipe.batch_size
        half_life = min(self.recipe.ema_half_life, self.recipe.ema_ramp * shown) or self.recipe.ema_half_life
        get_ema_multi_avg_fn(0.5 ** (self.recipe.batch_size / half_life))(averaged, current, updates)

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        recipe = self.recipe
        return torch.optim.Adam(network.parameters(), recipe.learning_rate, recipe.betas, fused=True)

    @property
    def ema(self) -> nn.Module | None:
        """The averaged generator, or None."""
        return self.average.module if self.average else None

    @property
    def sampler(self) -> nn.Module:
        """The generator to draw faces with: the averaged one where there is one."""
        return self.ema or self.generator

    @property
    def device(self) -> torch.device:
        """Where the players live."""
        return self.random.device

    def latents(self, count: int) -> Tensor:
        """The next `count` rows of noise, standard normal, of shape (count, latent_size)."""
        shape = (count, self.recipe.latent_size)
        return torch.randn(shape, generator=self.random, device=self.device)


class Batches:
    """Endless shuffled passes over the faces; batch `i` is the same whenever it is asked for.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, 3, S, S)
        In memory or memory-mapped.
    size : int
        Images a batch. Passes follow one another without a gap, so N need not be a multiple of it.
    seed : int
        Decides the order of every pass.
    """

    def __init__(self, images: np.ndarray, size: int, seed: int):
        self.images, self.size, self.seed = images, size, seed
        self._orders: dict[int, np.ndarray] = {}

    def _order(self, number: int) -> np.ndarray:
        if number not in self._orders:
            self._orders = {k: v for k, v in self._orders.items() if k == number - 1}
            self._orders[number] = np.random.default_rng((self.seed, number)).permutation(len(self.images))
        return self._orders[number]

    def __getitem__(self, i: int) -> Tensor:
        """Batch `i` as uint8, of shape (size, 3, S, S)."""
        positions = range(i * self.size, (i + 1) * self.size)
        total = len(self.images)
        rows = [self._order(p // total)[p % total] for p in positions]
        return torch.from_numpy(self.images[rows])


def mirror_half(images: Tensor, random: torch.Generator) -> Tensor:
    """Mirror each image of a batch of shape (N, C, H, W), left to right, with probability one half."""
    chosen = torch.rand(len(images), 1, 1, 1, generator=random, device=images.device) < 0.5
    return torch.where(chosen, images.flip(-1), images)


@contextmanager
def frozen(network: nn.Module):
    """Within this block, gradients pass through the network but not into its parameters."""
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    network.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


def gradient_norm(network: nn.Module) -> Tensor:
    """Euclidean norm of all the network's gradients taken as one vector."""
    return nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])


def require_finite(loss: Tensor, norm: Tensor, player: str) -> None:
    """Raise `NotFiniteError` unless the loss and the gradient's norm are finite numbers."""
    if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
        raise NotFiniteError(f"the {player}'s loss is {loss.item():g} and its gradient's norm {norm.item():g}")


def penalties(
    discriminator: nn.Module, real: Tensor, fake: Tensor, recipe: Recipe, random: torch.Generator | None = None
) -> Tensor | float:
    """The recipe's gradient penalties, weighted and added up; 0.0 when it has none."""
    bare = getattr(discriminator, "module", discriminator)  # without Fabric's reduced precision
    total = 0.0
    if recipe.r1:
        total = total + recipe.r1 * r1_penalty(bare, real)
    if recipe.r2:
        total = total + recipe.r2 * r2_penalty(bare, fake)
    if recipe.wgan_gp:
        total = total + recipe.wgan_gp * wgan_gp_penalty(bare, real, fake, random)
    return total


def discriminator_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer: torch.optim.Optimizer,
    real: Tensor,
    latents: Tensor,
    recipe: Recipe,
    backward: Callable[[Tensor], None] = Tensor.backward,
    random: torch.Generator | None = None,
) -> dict[str, float]:
    """Teach the discriminator for one step: these are real, those are generated.

    Parameters
    ----------
    generator, discriminator : nn.Module
        Only the discriminator learns.
    optimizer : torch.optim.Optimizer
        The discriminator's.
    real : Tensor of shape (N, 3, S, S)
        Real images in [-1, 1].
    latents : Tensor of shape (N, latent_size)
        Noise for as many generated ones.
    recipe : Recipe
        Names the objective, the penalties and the augmentation, as they hold for this step: give `recipe.at(step)`
        where rates or penalties change in the course of a run.
    backward : callable, default=Tensor.backward
        How to compute gradients of a loss; `Fabric.backward` where Fabric is used.
    random : torch.Generator, optional
        Where the random numbers of the augmentation and of the Wasserstein penalty come from.

    Returns
    -------
    dict
        `d_loss`, `d_accuracy_real`, `d_accuracy_fake`, `d_grad_norm`, named as in `Record`.

    Raises
    ------
    NotFiniteError
        Before the optimizer moves a weight.
    """
    with torch.no_grad():
        fake = generator(latents).float()  # (N, 3, S, S)
    real, fake = augment(real, recipe.augment, random), augment(fake, recipe.augment, random)
    real_logits, fake_logits = discriminator(real), discriminator(fake)  # (N,) each
    objective = OBJECTIVES[recipe.objective]
    loss = objective.discriminator(real_logits, fake_logits)
    optimizer.zero_grad()
    backward(loss + penalties(discriminator, real, fake, recipe, random))
    norm = gradient_norm(discriminator)
    require_finite(loss, norm, "discriminator")
    optimizer.step()
    on_real, on_fake = objective.accuracies(real_logits, fake_logits)
    return {
        "d_loss": loss.item(),
        "d_accuracy_real": on_real,
        "d_accuracy_fake": on_fake,
        "d_grad_norm": norm.item(),
    }


def generator_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer: torch.optim.Optimizer,
    latents: Tensor,
    recipe: Recipe,
    real: Tensor | None = None,
    backward: Callable[[Tensor], None] = Tensor.backward,
    random: torch.Generator | None = None,
) -> dict[str, float]:
    """Teach the generator for one step to have its images called real.

    Parameters
    ----------
    generator, discriminator : nn.Module
        Only the generator learns.
    optimizer : torch.optim.Optimizer
        The generator's.
    latents : Tensor of shape (N, latent_size)
        Noise.
    recipe : Recipe
        Names the objective.
    real : Tensor of shape (N, 3, S, S), optional
        Real images in [-1, 1], for objectives that compare pairs.
    backward : callable, default=Tensor.backward
        As in `discriminator_step`, and so is `random`.

    Returns
    -------
    dict
        `g_loss` and `g_grad_norm`, named as in `Record`.

    Raises
    ------
    NotFiniteError
        Before the optimizer moves a weight.
    ValueError
        When the objective compares pairs and no real images are given.
    """
    objective = OBJECTIVES[recipe.objective]
    if objective.pairs and real is None:
        raise ValueError(f"The {objective.name} objective compares pairs: give generator_step real images too.")
    with frozen(discriminator):
        fake = augment(generator(latents), recipe.augment, random)  # (N, 3, S, S)
        fake_logits = discriminator(fake)  # (N,)
        real_logits = fake_logits.detach()
        if objective.pairs:
            real_logits = discriminator(augment(real, recipe.augment, random))
        loss = objective.generator(real_logits, fake_logits)
        optimizer.zero_grad()
        backward(loss)
    norm = gradient_norm(generator)
    require_finite(loss, norm, "generator")
    optimizer.step()
    return {"g_loss": loss.item(), "g_grad_norm": norm.item()}


@dataclass
class StopRequest:
    """Set by Ctrl-C, an interrupted notebook cell or SIGTERM; read between two steps.

    A second one is for whoever listened before: the step may hang, or the run lie forgotten in a variable.
    """

    asked: bool = False
    previous: dict = field(default_factory=dict)

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self._ask)
        return self

    def _ask(self, number, frame):
        if self.asked:
            signal.signal(number, self.previous[number])
            signal.raise_signal(number)
        self.asked = True

    def __exit__(self, *error):
        if threading.current_thread() is threading.main_thread():
            for number, handler in self.previous.items():
                signal.signal(number, handler)


def fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 numbers in hardware, so that using them pays."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def make_fabric(recipe: Recipe, device: torch.device):
    """The Lightning Fabric that a recipe asks for: one device, and bf16 where it pays."""
    from lightning_fabric import Fabric

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would announce the precision on stderr
    precision = recipe.precision
    if precision == "auto":
        precision = "bf16-mixed" if fast_bf16(device) else "32-true"
    devices = 1 if device.index is None else [device.index]
    return Fabric(accelerator=device.type, devices=devices if device.type == "cuda" else 1, precision=precision)


def check_faces(faces: Faces, recipe: Recipe) -> None:
    """Refuse faces that the recipe cannot train on, with a sentence."""
    if len(faces) < recipe.batch_size // 2:
        raise ValueError(
            f"{len(faces)} faces are too few for batches of {recipe.batch_size}, half of them real; "
            "give more faces or a smaller batch_size."
        )
    if faces.size != 64:
        raise ValueError(
            f"The faces are {faces.size}×{faces.size} and the {recipe.network!r} networks draw 64×64; "
            "prepare the faces with size=64."
        )


def check_state(state: TrainingState, recipe: Recipe) -> None:
    """Raise ValueError when the state's players and averages are not those of the recipe."""
    for name in ("network", "latent_size", "ema_half_life"):
        ours, theirs = getattr(recipe, name), getattr(state.recipe, name)
        differ = bool(ours) != bool(theirs) if name == "ema_half_life" else ours != theirs  # an average, or none
        if differ:
            raise ValueError(
                f"The recipe has {name} {ours!r}, and the state was made with {theirs!r}; make it anew."
            )


def train(
    recipe: Recipe,
    faces: Faces,
    state: TrainingState | None = None,
    folder: str | Path | None = None,
    checkpoint_every: int = 500,
    fabric=None,
) -> Iterator[Record]:
    """Train, and yield a record after every step; the caller prints, draws, saves or stops.

    Ctrl-C, an interrupted notebook cell and SIGTERM end the run after the step in hand; with a folder,
    its checkpoint is saved then too. Simply leaving the loop is a fine way to stop as well; a generator kept in a
    variable saves when it is closed (`run.close()`).

    Parameters
    ----------
    recipe : Recipe
        What to do; training ends when `state.step` reaches `recipe.steps`.
    faces : Faces
        Real faces, 64×64.
    state : TrainingState, optional
        Players to go on with, made by a recipe of the same networks, which then hold what was learned; its recipe
        becomes this one. By default new ones, which only the checkpoints keep.
    folder : path, optional
        Where to save checkpoints (see `gan_lib.checkpoints`). By default nothing is written.
    checkpoint_every : int, default=500
        Steps between checkpoints; one more is saved at the end.
    fabric : lightning_fabric.Fabric, optional
        Devices and precision. By default those of the state and the recipe.

    Yields
    ------
    Record

    Raises
    ------
    NotFiniteError
        When a loss or gradient is not finite: the last checkpoint stays as it was.
    ValueError
        When the faces or the state do not fit the recipe, or the folder holds a later step of another run (a
        `gan_lib.checkpoints.CheckpointError`): nothing is lost.
    """
    check_faces(faces, recipe)
    if checkpoint_every < 1:
        raise ValueError(f"checkpoint_every is {checkpoint_every}; it must be 1 or more.")
    keep_freed_memory()
    state = state or TrainingState(recipe)
    check_state(state, recipe)
    state.recipe = recipe
    fabric = fabric or make_fabric(recipe, state.device)
    real_batches = Batches(faces.images, recipe.batch_size // 2, recipe.seed)
    epoch_steps = recipe.epoch_steps or math.ceil(2 * len(faces) / recipe.batch_size)
    step = _Step(recipe, state, fabric)
    saver = _Saver(state, folder)
    with StopRequest() as stop:
        while state.step < recipe.steps and not stop.asked:
            start = time.perf_counter()
            metrics = step(real_batches[state.step])
            speed = recipe.batch_size / (time.perf_counter() - start)
            epoch, batch = divmod(state.step, epoch_steps)
            state.step += 1
            try:
                yield Record(state.step, epoch, batch + 1, **metrics, images_per_second=speed)
            except GeneratorExit:  # the caller left the loop
                saver.save()
                raise
            if state.step % checkpoint_every == 0:
                saver.save()
        saver.save()


class _Saver:
    """Saves a state where there is a folder, once for each step at most."""

    def __init__(self, state: TrainingState, folder: str | Path | None):
        self.state, self.folder, self.step = state, folder, state.step
        if folder is not None:
            from .checkpoints import check_folder

            check_folder(folder, state)

    def save(self) -> None:
        if self.folder is None or self.step == self.state.step:
            return
        from .checkpoints import save_checkpoint

        save_checkpoint(self.state, self.folder)
        self.step = self.state.step


class _Step:
    """One step of both players, set up once for a run's device and precision."""

    def __init__(self, recipe: Recipe, state: TrainingState, fabric):
        self.recipe, self.state, self.fabric = recipe, state, fabric
        self.generator, self.g_optimizer = fabric.setup(state.generator, state.g_optimizer)
        self.discriminator, self.d_optimizer = fabric.setup(state.discriminator, state.d_optimizer)
        self.generator.train()
        self.discriminator.train()

    def __call__(self, images: Tensor) -> dict[str, float]:
        recipe, state = self.recipe.at(self.state.step), self.state
        for optimizer in (state.g_optimizer, state.d_optimizer):
            optimizer.param_groups[0] |= {"lr": recipe.learning_rate, "betas": recipe.betas}
        real = to_float(images.to(state.device))
        if recipe.flip:
            real = mirror_half(real, state.random)
        players = self.generator, self.discriminator
        backward = self.fabric.backward
        noise = state.latents(len(real))
        try:
            metrics = discriminator_step(*players, self.d_optimizer, real, noise, recipe, backward, state.random)
            pairs = real if OBJECTIVES[recipe.objective].pairs else None
            noise = state.latents(len(real) if pairs is not None else recipe.batch_size)
            metrics |= generator_step(*players, self.g_optimizer, noise, recipe, pairs, backward, state.random)
        except NotFiniteError as error:
            raise NotFiniteError(
                f"Step {state.step + 1} stopped: {error}. The last checkpoint is untouched; "
                "try a smaller learning_rate, a larger r1, or precision='32-true'."
            ) from None
        if state.average:
            state.average.update_parameters(state.generator)
        return metrics


@torch.no_grad()
def sample(generator: nn.Module, latents: Tensor, batch_size: int = 64) -> Tensor:
    """Draw faces, in evaluation mode and without gradients.

    Parameters
    ----------
    generator : nn.Module
        Left in the mode in which it came.
    latents : Tensor of shape (N, latent_size)
        One row of noise for each face; they are brought to where the generator is.
    batch_size : int, default=64
        Faces drawn at a time; more take more memory.

    Returns
    -------
    Tensor of shape (N, 3, 64, 64)
        float32 in [-1, 1].
    """
    mode = generator.training
    latents = latents.to(next(generator.parameters(), latents).device)
    generator.eval()
    try:
        return torch.cat([_draw(generator, rows) for rows in latents.split(batch_size)])
    finally:
        generator.train(mode)


def _draw(generator: nn.Module, latents: Tensor) -> Tensor:
    pays = len(latents) >= 8 and fast_bf16(latents.device)  # for a few faces float32 is faster
    with torch.autocast(latents.device.type, torch.bfloat16, enabled=pays):
        return generator(latents).float()


def latents_from_seed(seed: int, count: int, latent_size: int) -> Tensor:
    """Give standard normal noise of shape (count, latent_size), on the CPU, the same for the same seed.

    Where `latent_size` is a multiple of 16, row i is the same however many rows are asked for.
    """
    return torch.randn(count, latent_size, generator=torch.Generator().manual_seed(seed))


def recipe_from_dict(values: dict) -> Recipe:
    """Build a recipe from plain data, with a sentence for a name it does not know."""
    known = {f.name for f in fields(Recipe)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"A recipe has no {', '.join(unknown)}; its fields are {', '.join(sorted(known))}.")
    return Recipe(**values)

"""The training doctor: names what ails a run, from its records and, where there are some, its samples.

Objectives have losses of different scales. What the doctor looks at is D's *lead*, the same for all: how far its
loss lies below what a shrug costs, as a share of that cost. A lead of 0 is a D that cannot tell, 1 a D without a
fault, and below 0 a D that is fooled more often than a coin.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from .losses import OBJECTIVES
from .runs import read_metrics
from .training import Record

__all__ = ["Finding", "Findings", "diagnose", "diagnose_folder", "read_sheet"]

# What D pays for the same logit everywhere. The critic of "wasserstein" pays nothing, and has no best.
SHRUG = {
    "minimax": math.log(2),
    "non-saturating": math.log(2),
    "relativistic": math.log(2),
    "hinge": 2.0,
    "least-squares": 0.25,
    "wasserstein": 0.0,
}

# Of the curves. The run of 4,746 steps in the book and small healthy ones of every objective keep clear of each.
EXPLODED = 1000  # shrugs: a loss of 1,000 times log 2 says "e⁻⁶⁹³ likely"; healthy: below 30, critics 200
EXPLODED_GRADIENT = 1e6  # healthy norms: below 200, critics 6,000
WINDOW = 20  # steps that are averaged, so that a lucky batch does not count
WON = 0.9  # a lead above this is an accuracy of some 98 %; the book's run gets there for 20 steps at its start
LONG = 100  # steps for which D must lead so, since many a run begins that way
WEAK = 0.03  # a lead never above this; small healthy runs reach 0.2 and more, mostly within 100 steps
TRIED = 50  # steps that a D must have had before it is called weak
SWING = 5  # steps that are averaged when looking for swings, which are quick
ON_TOP, FOOLED = 0.6, -0.2  # leads between which a swing goes; no healthy run went from one to the other and back
ROUNDS, WITHIN = 2, 500  # that many swings within so many steps; healthy runs had none, sick ones 2 to 20
GROWING = 1.5  # later swings are larger than earlier ones by this factor
STILL = 20  # steps at least with a gradient of exactly zero

# Of the samples, against real images where they are given. "Healthy" are the book's run's sheets after step 0.
YOUNG, TRAINED = 100, 500  # steps before which samples, and their colours and patches, are not looked at
LEAST_IMAGES = 16  # fewer say nothing
MOST_IMAGES = 256  # more say no more
COARSE = 8  # images are compared as 8×8 pixels, so that noise does not pass for variety
ALIKE = 0.4  # of the mean distance between real faces; healthy above 0.63, sick below 0.3
USUAL_GREYS = 65.0  # that distance where no real images are given; drawn faces 65, photographs 73
REPEATED = 0.1  # nearest neighbours that near, as a share of the mean distance; real and healthy above 0.3
NOISY = 0.6  # of the real correlation of neighbouring pixels; healthy above 0.8, though their noise is seen
NOISY_ALONE = 0.5  # the same without real images: photographs 0.94, noise 0
FLAT = 4.0  # grey levels: a patch or border with a smaller deviation is of one colour
EXTRA = 0.25  # share of the samples, beyond that of real images, with such a patch or border; leaks give 0.4 to 1
CAST = 1.5  # real standard deviations by which a mean colour is off; healthy below 0.95
BRIGHTER, GAUDIER = 1.35, 1.5  # spread of brightness and of tint to real; healthy 1.1, 1.25; leaks 1.5, 1.6

ADVICE = {
    "not-finite": "go back to a checkpoint before it, with a smaller learning_rate or precision='32-true'; "
    "gradient penalties belong in float32.",
    "explosion": "a learning_rate ten times smaller for both players; β₁ of 0 or 0.5 instead of 0.9; a gradient "
    "penalty (r1) on D, and for 'wasserstein' wgan_gp=10.",
    "no-gradient": "look for what cuts the gradient: .detach(), torch.no_grad(), rounding or clamping in the "
    "forward, requires_grad_(False) never taken back, units that are all dead, or a sigmoid that is full.",
    "discriminator-wins": "the non-saturating objective in place of minimax; a gradient penalty (r1), a lower "
    "learning rate or a smaller network for D; augmented images for both players; and see that the generator "
    "learns at all (its parameters in its optimizer, a learning rate that is not too small).",
    "discriminator-weak": "see that D learns at all (its parameters in its optimizer, not frozen for the "
    "generator's step and never thawed); a higher learning rate for it, a smaller r1, a larger network.",
    "oscillation": "β₁ of 0 or 0.5 instead of 0.9, a smaller learning_rate, a gradient penalty (r1), averaged "
    "weights to sample from (ema_half_life).",
    "collapse": "an earlier checkpoint, then a gradient penalty (r1 and r2), the relativistic objective, larger "
    "batches or a lower learning rate for the generator.",
    "repetition": "what helps against collapse: r1 and r2, the relativistic objective, larger batches; and see "
    "that the latents differ from one another.",
    "noise": "more steps, if there were few; else a D that sees neighbourhoods (convolutions) and learns, and "
    "upsampling by resize and convolution in the generator.",
    "patches": "augment generated images as real ones, in both players' steps, and less often than always.",
    "borders": "augment generated images as real ones, in both players' steps, and less often than always.",
    "colours": "more steps, if there were few; else augment the colours of generated images as those of real "
    "ones, or not at all.",
}


@dataclass(frozen=True)
class Finding:
    """Something wrong with a run.

    Attributes
    ----------
    name : str
        A key of `ADVICE`: "not-finite", "explosion", "no-gradient", "discriminator-wins", "discriminator-weak",
        "oscillation", "collapse", "repetition", "noise", "patches", "borders" or "colours".
    severity : {"serious", "warning"}
        Whether the run is lost as it goes, or worth an eye.
    steps : tuple of int
        The first step and the last at which it was seen; of samples, the run's last step twice.
    sentence : str
        What was seen.
    """

    name: str
    severity: str
    steps: tuple[int, int]
    sentence: str

    @property
    def advice(self) -> str:
        """What to try."""
        return ADVICE[self.name]

    def __str__(self) -> str:
        first, last = self.steps
        when = f"step {last}" if first == last else f"steps {first} to {last}"
        return f"{self.name} ({self.severity}, {when}): {self.sentence}\n    Try: {self.advice}"


class Findings(list[Finding]):
    """What `diagnose` found, the first thing to see to first. Printing it gives the sentences.

    Parameters
    ----------
    found : iterable of Finding
    steps : int
        How many steps were looked at.
    """

    def __init__(self, found: Iterable[Finding], steps: int):
        super().__init__(found)
        self.steps = steps

    def __str__(self) -> str:
        if self:
            return "\n".join(map(str, self))
        return f"Nothing wrong that the doctor can see, over {self.steps} step{'s' * (self.steps != 1)}."

    __repr__ = __str__


@dataclass(frozen=True)
class Curves:
    """The columns of a run that the doctor reads, each of shape (steps,), and the objective."""

    step: np.ndarray
    lead: np.ndarray
    d_loss: np.ndarray
    g_loss: np.ndarray
    d_grad_norm: np.ndarray
    g_grad_norm: np.ndarray
    objective: str

    def until(self, index: int) -> "Curves":
        """The first `index` steps."""
        columns = {name: values[:index] for name, values in vars(self).items() if name != "objective"}
        return Curves(**columns, objective=self.objective)

    def __len__(self) -> int:
        return len(self.step)


def diagnose(
    records: Sequence[Record] | Mapping[str, np.ndarray],
    images=None,
    real=None,
    objective: str = "non-saturating",
) -> Findings:
    """Name what is wrong with a run of training.

    Parameters
    ----------
    records : sequence of Record, or dict of arrays
        What `train` yielded, or `read_metrics` read.
    images : uint8 Tensor or ndarray of shape (N, 3, S, S), optional
        Samples of the generator as it is at the end, 16 or more; 64 are better. They show what curves cannot:
        collapse, repetition and noise, after 100 steps.
    real : Faces, or uint8 Tensor or ndarray of shape (M, 3, S, S), optional
        Real images to compare the samples with, 16 or more. Leaking augmentations are seen only with them,
        after 500 steps, in a run without other findings.
    objective : str, default="non-saturating"
        A key of `gan_lib.losses.OBJECTIVES`. Of "wasserstein" neither D's victory nor swings can be seen, for
        its loss has no scale.

    Returns
    -------
    Findings
        A list of `Finding`, empty for a run that looks healthy.

    Raises
    ------
    ValueError
        For an unknown objective, too few images, or images that are not uint8 of shape (N, 3, S, S).

    Examples
    --------
    >>> from gan_lib import diagnose, read_metrics
    >>> print(diagnose(read_metrics("my-run/metrics.csv")))
    Nothing wrong that the doctor can see, over 4746 steps.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective is {objective!r}; choose one of {', '.join(OBJECTIVES)}.")
    curves = _curves(records, objective)
    found = [*_curve_findings(curves)]
    if images is not None:
        images, real = _pixels(images), None if real is None else _pixels(real)
        last = int(curves.step[-1]) if len(curves) else 0
        if last >= YOUNG:
            found += _seen((collapse, repetition, noise), images, real, last)
        if last >= TRAINED and real is not None and not found:  # of a sick run, colours and patches say nothing
            found += _seen((patches, borders, colours), images, real, last)
    return Findings(sorted(found, key=lambda finding: finding.severity), len(curves))  # "serious" comes first


def _curves(records: Sequence[Record] | Mapping[str, np.ndarray], objective: str) -> Curves:
    names = ("step", "d_loss", "g_loss", "d_grad_norm", "g_grad_norm")
    if not isinstance(records, Mapping):
        records = list(records)
        records = {name: [getattr(record, name) for record in records] for name in names}
    columns = {name: np.asarray(records[name], float) for name in names}
    shrug = SHRUG[objective]
    with np.errstate(invalid="ignore", over="ignore"):
        lead = (shrug - columns["d_loss"]) / (shrug or 1.0)
    return Curves(**columns, lead=lead, objective=objective)


def _curve_findings(curves: Curves) -> Iterator[Finding]:
    """All findings of the curves; what comes after an explosion is its consequence and not looked at."""
    for cause in (not_finite, explosion):
        if finding := cause(curves):
            yield finding
            curves = curves.until(int(np.searchsorted(curves.step, finding.steps[0])))
    for check in (no_gradient, discriminator_wins, discriminator_weak, oscillation):
        if finding := check(curves):
            yield finding


# --- Curves ----------------------------------------------------------------------------------------------


def not_finite(curves: Curves) -> Finding | None:
    """Find a loss or a gradient that is infinite or not a number."""
    columns = ("d_loss", "g_loss", "d_grad_norm", "g_grad_norm")
    bad = {name: ~np.isfinite(getattr(curves, name)) for name in columns}
    steps = curves.step[np.any(list(bad.values()), axis=0)]
    if not len(steps):
        return None
    return Finding(
        "not-finite",
        "serious",
        _span(steps),
        f"{' and '.join(name for name in columns if bad[name].any())} ceased to be a number.",
    )


def explosion(curves: Curves) -> Finding | None:
    """Find losses or gradients that are finite but beyond all measure."""
    losses = np.maximum(np.abs(curves.d_loss), np.abs(curves.g_loss)) / (SHRUG[curves.objective] or 1.0)
    gradients = np.maximum(curves.d_grad_norm, curves.g_grad_norm)
    scale = " times what a shrug costs" if SHRUG[curves.objective] else ""
    steps = curves.step[(losses > EXPLODED) | (gradients > EXPLODED_GRADIENT)]
    if not len(steps):
        return None
    return Finding(
        "explosion",
        "serious",
        _span(steps),
        f"the losses went up to {losses.max():.2g}{scale}, the gradients to a norm of {gradients.max():.2g}.",
    )


def no_gradient(curves: Curves) -> Finding | None:
    """Find a player whose gradient is exactly zero, so that it never moves."""
    half = slice(len(curves) // 2, None)
    if len(curves.step[half]) < STILL:
        return None
    still = []
    if not curves.d_grad_norm[half].any() and curves.lead[half].mean() < WON:  # a D that won may rest
        still.append("the discriminator")
    if not curves.g_grad_norm[half].any():
        still.append("the generator")
    if not still:
        return None
    return Finding(
        "no-gradient",
        "serious",
        _span(curves.step[half]),
        f"the gradient of {' and that of '.join(still)} is exactly zero: it does not move at all.",
    )


def discriminator_wins(curves: Curves) -> Finding | None:
    """Find a D that judges nearly everything rightly for long."""
    lead = _mean(curves.lead, WINDOW)
    first, last = _longest(lead > WON)
    if last - first < LONG or curves.objective == "wasserstein":
        return None
    last += WINDOW - 1  # from windows back to steps
    start, end = (np.median(curves.g_loss[at : at + WINDOW]) for at in (first, last - WINDOW))
    g_loss = f"the generator's loss went from {start:.2f} to {end:.2f}"
    if curves.objective == "minimax":
        share = -np.expm1(np.median(curves.g_loss[first:last]))  # from E log(1 − D(G(z)))
        g_loss = f"the generator's gradient, which under minimax has the factor D(G(z)), was cut to {share:.1%}"
    lasting = lead[-1] > WON
    usual = lead[first : last - WINDOW + 1].mean()
    return Finding(
        "discriminator-wins",
        "serious" if lasting else "warning",
        _span(curves.step[first:last]),
        f"the discriminator hardly ever erred (a lead of {usual:.1%}), and {g_loss}."
        + ("" if lasting else " It has been caught since."),
    )


def discriminator_weak(curves: Curves) -> Finding | None:
    """Find a D that never learned to tell real from generated."""
    if len(curves) < TRIED:
        return None
    best = _mean(curves.lead, WINDOW).max()
    if best > WEAK:
        return None
    return Finding(
        "discriminator-weak",
        "warning",
        _span(curves.step),
        f"the discriminator never told real from generated: its lead was {best:.1%} at best, while the "
        f"generator's loss went from {curves.g_loss[:WINDOW].mean():.2f} to {curves.g_loss[-WINDOW:].mean():.2f}.",
    )


def oscillation(curves: Curves) -> Finding | None:
    """Find players that chase one another: D far ahead, then fooled, then far ahead again."""
    if curves.objective == "wasserstein":
        return None
    rounds = _rounds(_mean(curves.lead, SWING))
    dense = [i for i in range(len(rounds) - ROUNDS + 1) if rounds[i + ROUNDS - 1][0] - rounds[i][0] <= WITHIN]
    if not dense:
        return None
    rounds = rounds[dense[0] : dense[-1] + ROUNDS]
    depths = [depth for _, depth in rounds]
    early, late = (np.mean(part) for part in (depths[: len(depths) // 2], depths[-(len(depths) // 2) :]))
    growing = late > GROWING * early
    return Finding(
        "oscillation",
        "serious" if growing else "warning",
        _span(curves.step[[rounds[0][0], rounds[-1][0]]]),
        f"{len(rounds)} times the discriminator was far ahead and then fooled worse than by a coin; its lead "
        f"fell to {-early:.1f} at first and {-late:.1f} later" + (": the swings grow." if growing else "."),
    )


def _rounds(lead: np.ndarray) -> list[tuple[int, float]]:
    """Each time the lead fell from `ON_TOP` to `FOOLED`: where, and how far below zero it went."""
    rounds, on_top = [], False
    for index, value in enumerate(lead):
        if value > ON_TOP:
            on_top = True
        elif value < FOOLED and on_top:
            rounds.append((index, -value))
            on_top = False
        elif value < FOOLED and rounds:
            rounds[-1] = (rounds[-1][0], max(rounds[-1][1], -value))
    return rounds


def _mean(values: np.ndarray, width: int) -> np.ndarray:
    """Running mean over whole windows of a width, or over everything where there is less."""
    width = max(1, min(width, len(values)))
    return np.convolve(values, np.full(width, 1 / width), "valid") if len(values) else values


def _longest(mask: np.ndarray) -> tuple[int, int]:
    """The longest stretch of True in a mask: its first index and the one after its last."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False]))
    stretches = edges.reshape(-1, 2)
    return tuple(max(stretches, key=lambda pair: pair[1] - pair[0], default=(0, 0)))


def _span(steps: np.ndarray) -> tuple[int, int]:
    return int(steps[0]), int(steps[-1])


# --- Samples ---------------------------------------------------------------------------------------------


def _pixels(images) -> Tensor:
    """Images as float32 of shape (N, 3, S, S), 0 to 255, at most `MOST_IMAGES` of them."""
    images = torch.as_tensor(np.asarray(getattr(images, "images", images)))
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3 or len(images) < LEAST_IMAGES:
        raise ValueError(
            f"images of shape {tuple(images.shape)} and type {images.dtype} were given; at least {LEAST_IMAGES} "
            "of shape (N, 3, S, S) and type uint8 are needed (gan_lib.to_uint8 makes them)."
        )
    return images[:MOST_IMAGES].float()


def _seen(checks: Iterable[Callable], images: Tensor, real: Tensor | None, step: int) -> list[Finding]:
    """The findings of some checks of samples, each named after its check."""
    results = {check.__name__: check(images, real) for check in checks}
    return [Finding(name, seen[0], (step, step), seen[1]) for name, seen in results.items() if seen]


def collapse(images: Tensor, real: Tensor | None) -> tuple[str, str] | None:
    """See whether all samples look nearly the same."""
    distance = _distances(images)[0]
    usual = USUAL_GREYS if real is None else _distances(real)[0]
    if distance > ALIKE * usual:
        return None
    return (
        "serious",
        f"the samples are nearly alike: {distance:.0f} grey levels apart on average; real faces are {usual:.0f}.",
    )


def repetition(images: Tensor, real: Tensor | None) -> tuple[str, str] | None:
    """See whether the samples are a few faces again and again."""
    distance, nearest = _distances(images)
    if distance == 0 or nearest > REPEATED * distance:
        return None
    return (
        "serious",
        f"the samples repeat a few faces: half of them have a twin within {nearest:.1f} grey levels, while the "
        f"mean distance is {distance:.0f}.",
    )


def noise(images: Tensor, real: Tensor | None) -> tuple[str, str] | None:
    """See whether neighbouring pixels have nothing to do with one another."""
    smooth = _smoothness(images)
    if smooth > (NOISY * _smoothness(real) if real is not None else NOISY_ALONE):
        return None
    return (
        "serious",
        f"the samples are noise: neighbouring pixels correlate by {smooth:.2f} only.",
    )


def patches(images: Tensor, real: Tensor) -> tuple[str, str] | None:
    """See whether samples have large patches of one colour that real faces have not, as cutout leaves."""
    side = images.shape[-1] // 4
    return _leak(_one_coloured(images, side), _one_coloured(real, side), "a large patch of one colour", "cutout")


def borders(images: Tensor, real: Tensor) -> tuple[str, str] | None:
    """See whether samples have borders of one colour that real faces have not, as shifts leave."""
    return _leak(_bordered(images), _bordered(real), "an edge of one colour", "translation")


def _leak(ours: float, theirs: float, what: str, cause: str) -> tuple[str, str] | None:
    if ours - theirs < EXTRA:
        return None
    return (
        "warning",
        f"{ours:.0%} of the samples have {what}, and {theirs:.0%} of the real faces: {cause} leaks into them.",
    )


def colours(images: Tensor, real: Tensor) -> tuple[str, str] | None:
    """See whether the samples are tinted, or differ in brightness and colour more than real faces do."""
    (light, tint), (real_light, real_tint) = _tones(images), _tones(real)
    off = max(
        ((ours.mean(0) - theirs.mean(0)).abs() / theirs.std(0)).max().item()
        for ours, theirs in ((light, real_light), (tint, real_tint))
    )
    brighter = (light.std() / real_light.std()).item()
    gaudier = (tint.std(0).norm() / real_tint.std(0).norm()).item()
    if off < CAST and brighter < BRIGHTER and gaudier < GAUDIER:
        return None
    return (
        "warning",
        f"the samples' colours are not those of real faces: their mean is {off:.1f} deviations off, their "
        f"brightness spreads {brighter:.1f} times as far and their tint {gaudier:.1f} times.",
    )


def _distances(images: Tensor) -> tuple[float, float]:
    """Distance of two images in grey levels (root mean square), on average and to the nearest one (median)."""
    coarse = adaptive_avg_pool2d(images, COARSE).flatten(1)
    between = torch.cdist(coarse, coarse) / math.sqrt(coarse.shape[1])
    between.fill_diagonal_(math.inf)
    nearest = between.amin(1).median().item()
    return between[between.isfinite()].mean().item(), nearest


def _smoothness(images: Tensor) -> float:
    """Correlation of pixels with their right neighbours, about each image's mean; 1 for images of one colour."""
    spread = images - images.mean((2, 3), keepdim=True)
    power = spread.square().mean()
    return ((spread[..., 1:] * spread[..., :-1]).mean() / power).item() if power > 0 else 1.0


def _one_coloured(images: Tensor, side: int) -> float:
    """Share of the images with a square of that side whose colour hardly varies."""
    mean, square = (avg_pool2d(values, side, 1) for values in (images, images.square()))
    deviation = (square - mean.square()).clamp_min(0).sqrt().amax(1)  # (N, places, places)
    return (deviation.flatten(1).amin(1) < FLAT).float().mean().item()


def _bordered(images: Tensor) -> float:
    """Share of the images with a band along an edge, 1/32 of the side wide, whose colour hardly varies."""
    width = max(1, images.shape[-1] // 32)
    bands = images[..., :width, :], images[..., -width:, :], images[..., :width], images[..., -width:]
    deviation = torch.stack([band.flatten(2).std(2).amax(1) for band in bands])  # (4, N)
    return (deviation.amin(0) < FLAT).float().mean().item()


def _tones(images: Tensor) -> tuple[Tensor, Tensor]:
    """Each image's brightness (N, 1), and its mean red, green and blue without it (N, 3)."""
    means = images.mean((2, 3))
    light = means.mean(1, keepdim=True)
    return light, means - light


# --- A run's folder --------------------------------------------------------------------------------------


def diagnose_folder(folder: str | Path, real=None) -> Findings:
    """Diagnose the run that `record_run` wrote: its metrics, objective and newest sheet of samples.

    Parameters
    ----------
    folder : path
        Holds `metrics.csv` and `recipe.json`, and sheets in `samples`.
    real : as in `diagnose`, optional

    Raises
    ------
    OSError
        When there are no metrics, or no recipe.
    """
    folder = Path(folder)
    if not (folder / "metrics.csv").is_file():
        raise FileNotFoundError(f"There is no run in {folder}: it holds no metrics.csv.")
    recipe = json.loads((folder / "recipe.json").read_text())["recipe"]
    sheets = sorted((folder / "samples").glob("[0-9]*.*"))
    sheets = [path for path in sheets if path.stem.isdigit() and int(path.stem) >= YOUNG]
    images = read_sheet(sheets[-1]) if sheets else None
    return diagnose(read_metrics(folder / "metrics.csv"), images, real, recipe["objective"])


def read_sheet(path: str | Path, size: int = 64) -> np.ndarray:
    """Cut a sheet of images, edge to edge, into uint8 of shape (N, 3, size, size), row by row."""
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    if pixels.shape[:2] != (rows * size, columns * size) or not pixels.size:
        raise ValueError(
            f"{path} is {pixels.shape[1]}×{pixels.shape[0]} pixels; a sheet is made of images of {size}×{size}."
        )
    cells = pixels.reshape(rows, size, columns, size, 3).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(cells).reshape(-1, 3, size, size)

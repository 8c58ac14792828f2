"""Walking in latent space: paths between latents, directions that mean something, and faces along them.

A generator here is any `nn.Module` with a `latent_size` that maps latents of shape (N, latent_size), standard
normal, to images (N, 3, S, S) in [-1, 1], and whose first layer is linear. A direction is a vector of length 1
and shape (latent_size,); named directions are a dict of them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.functional import normalize

from .checkpoints import CheckpointError, write_safetensors
from .training import latents_from_seed, sample

OPPOSITE = 1e-3  # radians short of π within which no shortest way between two latents can be told
SAME = 1e-4  # what is shorter than this share of a direction is rounding

# --- Paths -----------------------------------------------------------------------------------------------


def lerp(start: Tensor, end: Tensor, t: float | Tensor) -> Tensor:
    """Go from one latent to another in a straight line.

    Half-way between two latents of a Gaussian the line passes nearer the origin than latents ever are: in many
    dimensions they lie close to a sphere of radius √latent_size. `slerp` keeps to it.

    Parameters
    ----------
    start, end : Tensor of shape (…, latent_size)
        Where from and where to.
    t : float or Tensor of any shape
        How far: 0 is the start, 1 the end.

    Returns
    -------
    Tensor of shape t.shape + (…, latent_size)
    """
    start, end, t = _broadcast(start, end, t)
    return start + t * (end - start)


def slerp(start: Tensor, end: Tensor, t: float | Tensor) -> Tensor:
    """Go from one latent to another along the arc between them, at a constant angular speed.

    The length goes evenly from that of the start to that of the end. From the origin or to it, it goes straight.

    Parameters
    ----------
    start, end : Tensor of shape (…, latent_size)
        Where from and where to.
    t : float or Tensor of any shape
        How far: 0 is the start, 1 the end.

    Returns
    -------
    Tensor of shape t.shape + (…, latent_size)

    Raises
    ------
    ValueError
        When a start and its end point in opposite directions, so that every way round is as short.

    References
    ----------
    Shoemake 1985, "Animating rotation with quaternion curves", section 3.3; White 2016, "Sampling generative
    networks", section 2.1.
    """
    start, end, t = _broadcast(start, end, t)
    lengths = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)
    start, end = torch.where(lengths[0] > 0, start, end), torch.where(lengths[1] > 0, end, start)
    start, end = normalize(start, dim=-1), normalize(end, dim=-1)
    angle = 2 * torch.atan2(*((start + sign * end).norm(dim=-1, keepdim=True) for sign in (-1, 1)))
    if (angle > torch.pi - OPPOSITE).any():
        raise ValueError("Two latents point in opposite directions; go by way of a third one.")
    arc = _sine_ratio(1 - t, angle) * start + _sine_ratio(t, angle) * end
    return arc * torch.lerp(*lengths, t)


def _sine_ratio(t: Tensor, angle: Tensor) -> Tensor:
    """Compute sin(t Ω) / sin Ω, which is t for an angle Ω of zero."""
    return t * torch.sinc(t * angle / torch.pi) / torch.sinc(angle / torch.pi)


def _broadcast(start: Tensor, end: Tensor, t: float | Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give start and end one shape, and `t` as many axes of one as that has; all floating."""
    start, end = torch.broadcast_tensors(1.0 * start, 1.0 * end)
    t = torch.as_tensor(t, dtype=start.dtype, device=start.device)
    return start, end, t.reshape(*t.shape, *(1 for _ in start.shape))


def walk(latents: Tensor, frames: int) -> Tensor:
    """Make a closed, smooth loop through the given latents, for a film that has no end.

    Between the points the directions follow a closed Catmull-Rom spline and so do the lengths, each on its own, so
    that frames keep about the points' distance from the origin. (Where the lengths differ much, the spline
    swings a little beyond them.)

    Parameters
    ----------
    latents : Tensor of shape (K, latent_size)
        Two points or more, passed in turn; with two of them the walk goes there and back.
    frames : int
        How many latents to give. Frame `frames * k / K` is point k where that is a whole number, and after the
        last frame comes the first.

    Returns
    -------
    Tensor of shape (frames, latent_size)

    Raises
    ------
    ValueError
        For fewer than two points or less than one frame.

    References
    ----------
    Catmull and Rom 1974, "A class of local interpolating splines".
    """
    if len(latents) < 2 or frames < 1:
        raise ValueError(f"{len(latents)} points and {frames} frames make no walk; give two points and a frame.")
    at = torch.arange(frames, dtype=torch.float64) * len(latents) / frames
    arc = _closed_spline(normalize(latents), at)
    return normalize(arc) * _closed_spline(latents.norm(dim=1, keepdim=True), at)


def _closed_spline(points: Tensor, at: Tensor) -> Tensor:
    """Interpolate points (K, D) at parameters in [0, K), with continuous slopes: (len(at), D)."""
    first = at.floor().long()
    t = (at - first).to(points)[:, None]
    before, start, end, after = (points[(first + shift) % len(points)] for shift in (-1, 0, 1, 2))
    bend = 2 * before - 5 * start + 4 * end - after
    return start + t / 2 * (end - before + t * (bend + t * (3 * (start - end) + after - before)))


def truncate(latents: Tensor, psi: float) -> Tensor:
    """Scale latents toward the mean of the noise, which is the origin.

    With `psi` below 1 the faces are more alike and nearer to what the generator draws for the origin: the price
    of fewer failures is variety, and `psi=0` gives one face. It finds no better faces. In many dimensions
    shrunken latents are such as training never showed, so that very small values often look washed out; and it
    does nothing to a generator that normalises its latents. It is not BigGAN's truncation, which draws anew the
    numbers that are too large, nor StyleGAN's, which scales behind a mapping network.

    Parameters
    ----------
    latents : Tensor of shape (N, latent_size)
        Standard normal.
    psi : float
        From 0 to 1; above 1 exaggerates.

    Returns
    -------
    Tensor of shape (N, latent_size)

    References
    ----------
    Brock et al. 2019, "Large scale GAN training for high fidelity natural image synthesis", section 3.1;
    Karras et al. 2019, "A style-based generator architecture", appendix B.
    """
    return psi * latents


# --- Directions without labels ---------------------------------------------------------------------------


def latent_size_of(generator: nn.Module) -> int:
    """Give how many numbers a generator's latent has: its `latent_size`.

    Raises
    ------
    TypeError
        When it does not say.
    """
    if not hasattr(generator, "latent_size"):
        raise TypeError(
            f"{type(generator).__name__} has no latent_size; set generator.latent_size to the number of "
            "dimensions of its noise."
        )
    return generator.latent_size


def first_layer(generator: nn.Module) -> nn.Linear:
    """Find the linear layer that takes the latents: `generator.dense`, or the first of the right width.

    Raises
    ------
    TypeError
        When the generator has no such layer.
    """
    size = latent_size_of(generator)
    named = [getattr(generator, "dense", None), *generator.modules()]
    for layer in named:
        if isinstance(layer, nn.Linear) and layer.in_features == size:
            return layer
    raise TypeError(
        f"{type(generator).__name__} has no linear layer that takes its {size} latent numbers; "
        "name a layer of yours `dense`, or find directions with attribute_directions."
    )


def sefa(generator: nn.Module, count: int = 8) -> Tensor:
    """Find the directions that the first layer's weight W stretches most: the first eigenvectors of WᵀW.

    Nothing is sampled and no image looked at. Each points to where its largest number is positive.

    Parameters
    ----------
    generator : nn.Module
        With a linear first layer.
    count : int, default=8
        How many; no more than the latent has dimensions.

    Returns
    -------
    Tensor of shape (count, latent_size)
        Of length 1, at right angles, the most stretched first.

    Raises
    ------
    ValueError
        When there are not as many directions.
    TypeError
        When the generator has no `latent_size` or no such layer.

    References
    ----------
    Shen and Zhou 2021, "Closed-form factorization of latent semantics in GANs", equation 6.
    """
    weight = first_layer(generator).weight.detach().float()  # (features, latent_size)
    return _signed(_principal_axes(weight.T @ weight, count))


def ganspace(
    generator: nn.Module,
    count: int = 8,
    samples: int = 16_384,
    features: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
) -> Tensor:
    """Find the directions along which early activations vary most: their principal components, led back to z.

    The components of the activations are found over many samples; each is mapped to the latents by regressing
    these on the samples' coordinates along it. Of a linear layer's plain output the result is that of `sefa`, but
    for sampling noise of about √(latent_size / samples); give `features` to look deeper.

    Parameters
    ----------
    generator : nn.Module
        In the mode in which `features` is to be computed.
    count : int, default=8
        How many.
    samples : int, default=16384
        Latents to look at; many times `latent_size`. They are brought to where the generator is.
    features : callable, optional
        Maps latents (n, latent_size) to activations (n, …); by default the first linear layer.
    seed : int, default=0
        Of the samples.

    Returns
    -------
    Tensor of shape (count, latent_size)
        Of length 1, the one that explains most first, each with its largest number positive. Not always at
        right angles.

    Raises
    ------
    ValueError
        When there are not as many directions, or a single sample is to be looked at, or none.
    TypeError
        When the generator has no `latent_size`; or no linear first layer, and `features` are not given.

    References
    ----------
    Härkönen et al. 2020, "GANSpace: discovering interpretable GAN controls", sections 2.1 and 2.2.
    """
    size = latent_size_of(generator)
    _check_count(count, size)
    if samples < 2:
        raise ValueError(f"samples is {samples}; give many more than {size}, the numbers of a latent.")
    latents = latents_from_seed(seed, samples, size)
    latents = latents.to(next(generator.parameters(), latents).device)
    covariance, cross = _moments(features or first_layer(generator), latents)
    components = _principal_axes(covariance, count)  # (count, F)
    return _signed(normalize(components @ cross))


@torch.no_grad()
def _moments(features: Callable[[Tensor], Tensor], latents: Tensor) -> tuple[Tensor, Tensor]:
    """Covariance (F, F) of the features, and of the features with the latents (F, latent_size), in batches."""
    total = squares = products = 0.0
    for rows in latents.split(1024):
        values = features(rows).flatten(1).float()  # (n, F)
        total = total + values.sum(0)
        squares = squares + values.T @ values
        products = products + values.T @ rows
    mean = total / len(latents)
    covariance = squares / len(latents) - mean.outer(mean)
    return covariance, products / len(latents) - mean.outer(latents.mean(0))


def _principal_axes(symmetric: Tensor, count: int) -> Tensor:
    """Eigenvectors (count, D) of a matrix (D, D) without negative eigenvalues, the largest first."""
    size = len(symmetric)
    _check_count(count, size)
    if size <= 1024:  # exact within a second
        return torch.linalg.eigh(symmetric).eigenvectors.flip(1)[:, :count].T
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # a GPU's random numbers stay the user's own
        return torch.svd_lowrank(symmetric, min(2 * count + 8, size), niter=8)[0][:, :count].T


def _check_count(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise ValueError(f"count is {count}; give 1 to {most}, for there are no more directions.")


def _signed(directions: Tensor) -> Tensor:
    """Turn each row of (K, D) so that its largest number is positive; an eigenvector's sign means nothing."""
    peaks = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return directions * peaks.sign()


# --- Directions with labels ------------------------------------------------------------------------------


@torch.no_grad()
def attribute_scores(
    generator: nn.Module, classifier: Callable[[Tensor], Tensor], latents: Tensor, batch_size: int = 64
) -> Tensor:
    """Draw a face for each latent and have a classifier say how much of each attribute it shows.

    Parameters
    ----------
    generator : nn.Module
        Draws in evaluation mode.
    classifier : callable
        Maps images (n, 3, S, S) in [-1, 1] to logits (n, A), or (n,) for a single attribute.
    latents : Tensor of shape (N, latent_size)
        As the generator takes them.
    batch_size : int, default=64
        Faces at a time.

    Returns
    -------
    Tensor of shape (N, A)
    """
    scores = [classifier(sample(generator, rows, batch_size)) for rows in latents.split(batch_size)]
    return torch.cat(scores).reshape(len(latents), -1)


def attribute_directions(latents: Tensor, scores: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Find the direction in which each attribute grows, by least squares of its scores on the latents.

    Scores may be logits, probabilities or labels. For Gaussian latents, least squares finds the direction u of
    any score that is some rising function of u·z and noise, a label as well as a logit, so that no logistic
    regression is needed.

    Parameters
    ----------
    latents : Tensor of shape (N, latent_size)
        Standard normal; more of them than `latent_size`, better ten times as many.
    scores : Tensor of shape (N, A)
        How much of each attribute the face of each latent shows; see `attribute_scores`.
    names : sequence of A str
        The attributes' names.

    Returns
    -------
    dict of str to Tensor of shape (latent_size,)
        Of length 1. Attributes that come together in the faces have directions that lean together:
        `entanglement` shows it and `conditional` undoes it.

    Raises
    ------
    ValueError
        When the shapes do not agree, the latents are too few, a score is not finite, two names are the same, or an
        attribute is the same in every face.

    References
    ----------
    Brillinger 1982, "A generalized linear model with Gaussian regressor variables", for why it works; Shen et
    al. 2020, "Interpreting the latent space of GANs for semantic face editing", for the idea, with a support
    vector machine in this place.
    """
    _check_scores(latents, scores, names)
    z, y = (values.double() - values.double().mean(0) for values in (latents, scores))
    slopes = torch.linalg.lstsq(z, y).solution.T  # (A, latent_size)
    return dict(zip(names, normalize(slopes).float(), strict=True))


def _check_scores(latents: Tensor, scores: Tensor, names: Sequence[str]) -> None:
    count, size = latents.shape
    if scores.shape != (count, len(names)):
        raise ValueError(
            f"scores has the shape {tuple(scores.shape)}; for {count} latents and {len(names)} names it must be "
            f"({count}, {len(names)})."
        )
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)}: named more than once; give each attribute a name of its own.")
    if not scores.isfinite().all():
        raise ValueError("Some scores are infinite or not numbers; look at the faces, or at what judges them.")
    if count <= size:
        raise ValueError(f"{count} latents of {size} numbers decide nothing; give many more than {size}.")
    same = [name for name, column in zip(names, scores.T, strict=True) if column.min() == column.max()]
    if same:
        raise ValueError(f"{', '.join(same)}: the same score in every face, so that no direction changes it.")


def conditional(direction: Tensor, others: Tensor) -> Tensor:
    """Take out of a direction what it has in common with others, so that following it leaves these alone.

    Parameters
    ----------
    direction : Tensor of shape (latent_size,)
        What to change.
    others : Tensor of shape (latent_size,) or (K, latent_size)
        What not to change. They may repeat one another; their lengths do not matter.

    Returns
    -------
    Tensor of shape (latent_size,)
        Of length 1, at right angles to the others.

    Raises
    ------
    ValueError
        When nothing is left, the direction being a mixture of the others.

    References
    ----------
    Shen et al. 2020, "Interpreting the latent space of GANs for semantic face editing", section 2.2 and, for
    several others, appendix.
    """
    others = normalize(others.reshape(-1, len(direction)))
    axes, shares, _ = torch.linalg.svd(others.T, full_matrices=False)
    basis = axes[:, shares > SAME * shares[:1]]  # (latent_size, up to K): at right angles, none of mere rounding
    rest = direction - basis @ (basis.T @ direction)
    if rest.norm() <= SAME * direction.norm():
        raise ValueError("The direction is a mixture of the others; without them nothing is left of it.")
    return normalize(rest, dim=0)


def entanglement(directions: Mapping[str, Tensor] | Tensor) -> Tensor:
    """Cosines between directions: 1 for the same, 0 for right angles, -1 for opposite.

    Parameters
    ----------
    directions : dict of K directions, or Tensor of shape (K, latent_size)
        Their lengths do not matter.

    Returns
    -------
    Tensor of shape (K, K)
    """
    if isinstance(directions, Mapping):
        directions = torch.stack(list(directions.values()))
    unit = normalize(directions)
    return unit @ unit.T


def follow(generator: nn.Module, latents: Tensor, direction: Tensor, strengths: float | Sequence[float]) -> Tensor:
    """Draw each face as it is moved along a direction.

    Parameters
    ----------
    generator : nn.Module
        Draws in evaluation mode.
    latents : Tensor of shape (N, latent_size)
        The faces to move.
    direction : Tensor of shape (latent_size,)
        Where to; its length does not matter.
    strengths : float or sequence of T floats
        How far, in standard deviations of the noise; 0 is the face itself.

    Returns
    -------
    Tensor of shape (N, T, 3, S, S)
        float32 in [-1, 1]; row i is face i.
    """
    strengths = torch.atleast_1d(torch.as_tensor(strengths))
    steps = strengths.to(latents)[:, None] * normalize(direction.to(latents), dim=0)  # (T, D)
    moved = latents[:, None] + steps  # (N, T, latent_size)
    return sample(generator, moved.flatten(0, 1)).unflatten(0, moved.shape[:2])


# --- Keeping them ----------------------------------------------------------------------------------------


def save_directions(directions: Mapping[str, Tensor], path: str | Path) -> None:
    """Write named directions to a safetensors file, a float32 tensor for each name.

    The file appears whole or not at all. The order of the names stands in its metadata, under `gan_lib`.

    Parameters
    ----------
    directions : dict of str to Tensor of shape (latent_size,)
        All of one size.
    path : path
        The file to write.
    """
    tensors = {name: vector.detach().cpu().float().clone() for name, vector in directions.items()}
    write_safetensors(Path(path), tensors, {"gan_lib": json.dumps({"directions": list(tensors)})})


def load_directions(path: str | Path) -> dict[str, Tensor]:
    """Read what `save_directions` wrote, in the order in which it was given.

    Raises
    ------
    CheckpointError
        When there is no such file, or it is truncated or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = json.loads((file.metadata() or {})["gan_lib"])["directions"]
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} holds no directions that gan_lib can read: {error}") from None

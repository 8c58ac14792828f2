"""How good generated faces are, beside a floor and a ceiling; each figure with its sample size and interval.

Fixed here, for all measures, because every one of them moves when one of these does:

*Format.* Images are measured as uint8, 0 to 255, rounded, red, green, blue, 64×64; float images count as [-1, 1].
Another size is resized by a bilinear filter with antialiasing. Never through a JPEG.

*Split.* Real faces that the generator may have seen are the reference. Real faces that it never saw are held out:
what they score is the **floor**, as good as it gets with so many images. What uniform noise scores is the
**ceiling**. Unless told otherwise, as many faces are generated as are held out, since the Fréchet distance falls,
and precision and recall change, with the number of images.

*Reference.* What the measures need of real faces is a `Reference`: features, attributes, what the detector found.
One for CelebA comes with the library (`celeba_reference`), since its images may not.

*Features.* Computed once, by a network that is a parameter: by default the library's own small face encoder
(`gan_lib.weights.face_encoder`), whose unit is one standard deviation of the real faces; or `inception`, for
figures that can be laid beside those of papers.

*Intervals.* 95 %. For a distance, from halves drawn without replacement: a half varies about the whole as the
whole varies about the truth (Shao and Wu 1989). A bootstrap that draws with replacement would meet copies of a
face, which kernels and nearest neighbours take for likeness. Halves being smaller, their distances are larger on
average; only their spread is used, laid around the value. For a rate, Wilson's (1927), which says something even
about none of a thousand. The intervals are about other samples of the same generator, not about another training
of it.

Fréchet and kernel distance come from torchmetrics, the detector from OpenCV: `pip install "gan-lib[metrics]"`.
"""

import hashlib
import json
import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from .checkpoints import CheckpointError, write_safetensors
from .data import Faces, to_float, to_uint8
from .data.faces import checked_floats
from .latent import latent_size_of
from .networks.encoder import FaceEncoder
from .training import latents_from_seed, sample
from .weights import ENCODERS, face_encoder

__all__ = [
    "Measure", "Neighbours", "PrecisionRecall", "Reference", "Report", "Row", "Seen", "attribute_frequencies",
    "celeba_reference", "detector_rate", "face_features", "faces_found", "frechet_distance", "inception",
    "kernel_distance", "load_reference", "make_reference", "measure", "nearest_neighbours",
    "precision_recall", "rate", "save_reference", "to_pixels",
]  # fmt: skip

SIZE = 64  # side of the images that are measured
BLOCK = 500  # images or rows at a time
DRAWS = 100  # halves drawn for an interval
Z = 1.96  # standard deviations to either side of 95 %
INSTALL = 'pip install "gan-lib[metrics]"'


@dataclass(frozen=True)
class Measure:
    """A figure, its 95 % interval, and from how many images it comes.

    Attributes
    ----------
    value, low, high : float
    samples : int
        Images of the set that is judged (not of the reference).
    """

    value: float
    low: float
    high: float
    samples: int

    def __str__(self) -> str:
        width = self.high - self.low
        digits = max(0, 1 - math.floor(math.log10(width))) if width > 0 else 3  # two of the interval's own
        value, low, high = (f"{number:z.{digits}f}" for number in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"


# --- Images and features ------------------------------------------------------------------------------------


def to_pixels(images) -> np.ndarray:
    """Images in the one form in which they are measured: uint8 array of shape (N, 3, 64, 64).

    Parameters
    ----------
    images : Faces, array or Tensor of shape (N, 3, S, S)
        uint8, or float in [-1, 1]: rounded, and clamped.

    Raises
    ------
    ValueError
        When there are none, or their shape or type is another, or a pixel is not finite or far beyond [-1, 1].
    """
    images = images.images if isinstance(images, Faces) else images
    if isinstance(images, Tensor):
        images = images.detach().cpu()
        images = (images.float() if images.is_floating_point() else images).numpy()
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3] or not len(images):
        raise ValueError(f"Images have the shape {tuple(images.shape)}; give at least one, of shape (N, 3, S, S).")
    if np.issubdtype(images.dtype, np.floating):
        images = to_uint8(checked_floats(images)).numpy()
    if images.dtype != np.uint8:
        raise ValueError(f"Images are {images.dtype}; give uint8 from 0 to 255, or float from -1 to 1.")
    return images if images.shape[2] == SIZE else np.concatenate([_resized(part) for part in _blocks(images)])


def _resized(pixels: np.ndarray) -> np.ndarray:
    return to_uint8(F.interpolate(to_float(pixels), (SIZE, SIZE), mode="bilinear", antialias=True)).numpy()


def _blocks(rows, size: int = BLOCK) -> list:
    return [rows[i : i + size] for i in range(0, len(rows), size)]


@torch.no_grad()
def face_features(images, extractor: nn.Module | None = None, progress: bool = False) -> Tensor:
    """What a network sees in images, for all the measures to share.

    Parameters
    ----------
    images : Faces, array or Tensor of shape (N, 3, S, S)
        See `to_pixels`.
    extractor : nn.Module, optional
        Maps float images of shape (N, 3, 64, 64) in [-1, 1] to features of shape (N, d), in evaluation mode; it
        comes back in its own. By default `gan_lib.weights.face_encoder()`, with d = 64.
    progress : bool, default=False
        Show a progress bar.

    Returns
    -------
    Tensor of shape (N, d)
        float64, on the CPU.

    Raises
    ------
    ValueError
        When the images are not of the kind, or a feature is not finite.
    """
    extractor = face_encoder() if extractor is None else extractor
    device = next((weight.device for weight in extractor.parameters()), "cpu")
    parts = tqdm(_blocks(to_pixels(images), 100), "features", unit_scale=100, unit=" images", disable=not progress)
    mode = extractor.training
    extractor.eval()
    try:
        features = torch.cat([extractor(to_float(part).to(device)).double().cpu() for part in parts])
    finally:
        extractor.train(mode)
    return _checked(features)[0]


def inception(weights: str | None = None) -> nn.Module:
    """The Inception network of the published figures, as an extractor: 2048 features.

    Parameters
    ----------
    weights : path, optional
        The file `pt_inception-2015-12-05-6726825d.pth`; by default torch-fidelity downloads it.

    Raises
    ------
    ImportError
        When torchmetrics or torch-fidelity is missing.
    ValueError
        When the weights cannot be read or downloaded.

    References
    ----------
    Heusel et al. 2017, "GANs trained by a two time-scale update rule", which introduces the distance; the port of
    its TensorFlow weights is torch-fidelity's.
    """
    return _Inception(weights).eval()


class _Inception(nn.Module):
    num_features = 2048

    def __init__(self, weights: str | None):
        super().__init__()
        network = _torchmetrics("image.fid").NoTrainInceptionV3
        try:
            self.network = network("inception-v3-compat", ["2048"], weights and str(weights), antialias=False)
        except ModuleNotFoundError:
            raise ImportError("Inception needs torch-fidelity: pip install torch-fidelity.") from None
        except (OSError, RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
            raise ValueError(
                f"The weights of Inception are not to be had from {weights or 'the internet'} ({error}); "
                "download pt_inception-2015-12-05-6726825d.pth and give its path."
            ) from None

    def forward(self, images: Tensor) -> Tensor:
        return self.network(to_uint8(images))


def _torchmetrics(module: str):
    from importlib import import_module

    try:
        return import_module(f"torchmetrics.{module}")
    except ModuleNotFoundError:
        raise ImportError(f"Fréchet and kernel distance need torchmetrics: {INSTALL}.") from None


def _opencv():
    try:
        import cv2
    except ModuleNotFoundError:
        raise ImportError(f"The face detector needs OpenCV: {INSTALL}.") from None
    return cv2


class _Known(nn.Identity):
    """Features that are known already, as an "extractor" for torchmetrics."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features


def _checked(*sets: Tensor, least: int = 1) -> list[Tensor]:
    """Feature sets as float64, made sure to be finite, of one dimension, and no smaller than `least`."""
    sets = [torch.as_tensor(features).detach().double() for features in sets]
    for features in sets:
        if features.dim() != 2 or features.shape[1] != sets[0].shape[1]:
            shapes = " and ".join(str(tuple(features.shape)) for features in sets)
            raise ValueError(f"Features have the shapes {shapes}; give (N, d), the same d for both sets.")
        if len(features) < least:
            raise ValueError(
                f"{len(features):,} images are too few for this measure with {features.shape[1]} features; "
                f"give at least {least:,} of each set."
            )
        if not features.isfinite().all():
            raise ValueError("Some features are infinite or not numbers; look at the images that they come from.")
    return sets


def _at_least_one(**numbers: int | None) -> None:
    """Refuse, by its name, a number below 1."""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ValueError(f"{name} is {number}; it must be at least 1.")


# --- Intervals ------------------------------------------------------------------------------------------------


def rate(hits) -> Measure:
    """The share of hits, with Wilson's interval.

    Parameters
    ----------
    hits : bool array or Tensor of shape (N,)

    Returns
    -------
    Measure

    Raises
    ------
    ValueError
        When there are none.

    References
    ----------
    Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not len(hits):
        raise ValueError("There is nothing to take the share of; give at least one hit or miss.")
    count, share = len(hits), float(np.mean(np.asarray(hits, float)))
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    reach = Z / (1 + Z**2 / count) * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return Measure(share, max(0.0, middle - reach), min(1.0, middle + reach), count)


def _by_halves(statistic: Callable[..., float], *sets: Tensor, draws: int, seed: int) -> Measure:
    """A statistic of sets that is never negative, with an interval from halves of them."""
    random = np.random.default_rng(seed)

    def half(rows: Tensor) -> Tensor:
        return rows[torch.from_numpy(random.permutation(len(rows))[: (len(rows) + 1) // 2])]

    value = statistic(*sets)
    tries = np.array([statistic(*map(half, sets)) for _ in range(draws)])
    low, high = np.quantile(tries, [0.025, 0.975]) - tries.mean() + value
    return Measure(value, max(0.0, low), high, len(sets[-1]))


# --- Sets against sets ----------------------------------------------------------------------------------------


def frechet_distance(real: Tensor, fake: Tensor, draws: int = DRAWS, seed: int = 0) -> Measure:
    """Fréchet distance of two sets, each taken for a Gaussian: ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½).

    It falls with the number of images: compare only equal numbers.

    Parameters
    ----------
    real, fake : Tensor of shape (N, d), (M, d)
        Features, from `face_features`; N and M above d.
    draws : int, default=100
        Halves drawn for the interval. With 1 there is none: it is the value itself.
    seed : int, default=0
        Which ones.

    Returns
    -------
    Measure
        In squared units of the features; 0 for equal Gaussians. With the name FID, where `inception` made them.

    Raises
    ------
    ValueError
        When there are too few images for the dimension, the shapes differ, a feature is not finite, or `draws` is
        below 1.
    ImportError
        When torchmetrics is missing.

    References
    ----------
    Heusel et al. 2017, "GANs trained by a two time-scale update rule", equation 6.
    """
    _at_least_one(draws=draws)
    real, fake = _checked(real, fake, least=torch.as_tensor(real).shape[-1] + 1)
    make = _torchmetrics("image.fid").FrechetInceptionDistance

    def distance(real: Tensor, fake: Tensor) -> float:
        metric = make(_Known(real.shape[1]))
        metric.update(real, real=True)
        metric.update(fake, real=False)
        return max(0.0, metric.compute().item())

    return _by_halves(distance, real, fake, draws=draws, seed=seed)


def kernel_distance(real: Tensor, fake: Tensor, draws: int = DRAWS, seed: int = 0) -> Measure:
    """Kernel distance of two sets: unbiased squared maximum mean discrepancy under k(x, y) = (x·y / d + 1)³.

    Parameters
    ----------
    real, fake : Tensor of shape (N, d), (M, d)
        Features, from `face_features`; at least four of each.
    draws : int, default=100
        The mean over so many pairs of random subsets, half as large as the smaller set, but at most 1,000. With 1
        there is no interval: it is the value itself.
    seed : int, default=0
        Which ones.

    Returns
    -------
    Measure
        0 on average for sets of one distribution, whatever their size; so it can be a little negative. With the
        name KID, where `inception` made the features.

    Raises
    ------
    ValueError, ImportError
        As `frechet_distance`.

    References
    ----------
    Bińkowski et al. 2018, "Demystifying MMD GANs", section 4 (kernel, unbiased estimator, subsets).
    """
    _at_least_one(draws=draws)
    real, fake = _checked(real, fake, least=4)
    make = _torchmetrics("image.kid").KernelInceptionDistance
    count = min(len(real), len(fake))
    size = min(count // 2, 1000)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings("ignore", message=".*will save all extracted features")
        torch.default_generator.manual_seed(seed)  # a GPU's random numbers stay the user's own
        metric = make(_Known(real.shape[1]), subsets=draws, subset_size=size)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        mean, spread = (number.item() for number in metric.compute())
    reach = Z * spread * math.sqrt(size / (count - size))  # from subsets of that size to the whole
    return Measure(mean, mean - reach, mean + reach, len(fake))


class PrecisionRecall(NamedTuple):
    """Share of generated images that look real, and share of real ones that the generator could have made.

    Attributes
    ----------
    precision, recall : Measure
    """

    precision: Measure
    recall: Measure


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> PrecisionRecall:
    """Precision and recall of a generator: quality and variety, apart.

    A set's region is the union of balls around its points, each reaching to the k-th nearest other point.
    Precision is the share of generated images in the region of the real ones, recall the share of real images in
    the region of the generated ones. Both change with the number of images: compare only equal numbers. The
    intervals take the regions as they are.

    Parameters
    ----------
    real, fake : Tensor of shape (N, d), (M, d)
        Features, from `face_features`; more than k of each, and best as many of one as of the other.
    k : int, default=3
        The paper's.

    Returns
    -------
    PrecisionRecall
        `precision` and `recall`, each a `Measure`.

    Raises
    ------
    ValueError
        As `frechet_distance`, or when k is below 1.

    References
    ----------
    Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative models", equations
    1 and 2.
    """
    _at_least_one(k=k)
    real, fake = _checked(real, fake, least=k + 1)
    return PrecisionRecall(rate(_inside(fake, real, k)), rate(_inside(real, fake, k)))


def _inside(queries: Tensor, points: Tensor, k: int) -> Tensor:
    """Which queries (N, d) lie in the region of the points (M, d): bool (N,)."""
    reach = k + 1  # a point's nearest is itself
    radii = torch.cat([torch.cdist(part, points).kthvalue(reach).values for part in _blocks(points)])
    return torch.cat([(torch.cdist(part, points) <= radii).any(1) for part in _blocks(queries)])


class Neighbours(NamedTuple):
    """What `nearest_neighbours` found.

    Attributes
    ----------
    distances : Tensor of shape (N, k)
        Nearest first.
    indices : int Tensor of shape (N, k)
        Which reference each belongs to.
    """

    distances: Tensor
    indices: Tensor


def nearest_neighbours(queries: Tensor, references: Tensor, k: int = 1) -> Neighbours:
    """The nearest references of each query: has the generator learned faces by heart?

    Parameters
    ----------
    queries, references : Tensor of shape (N, d), (M, d)
        Features of generated and of training faces; or the images themselves, flattened.
    k : int, default=1
        How many neighbours.

    Returns
    -------
    Neighbours

    Raises
    ------
    ValueError
        When there are fewer than k references, k is below 1, or as `frechet_distance`.
    """
    _at_least_one(k=k)
    queries, references = _checked(queries, references)
    if len(references) < k:
        raise ValueError(
            f"{k} neighbours are asked for and there are {len(references)} references; ask for fewer."
        )
    parts = [torch.cdist(part, references).topk(k, largest=False) for part in _blocks(queries)]
    return Neighbours(torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts]))


# --- Image by image -------------------------------------------------------------------------------------------


def attribute_frequencies(attributes, names) -> dict[str, Measure]:
    """How often each attribute occurs.

    Parameters
    ----------
    attributes : bool array or Tensor of shape (N, A)
        A label, or a judgement such as `encoder.attribute_logits(features) > 0`.
    names : sequence of str
        The A names.

    Returns
    -------
    dict of str to Measure
        In the order of the names.

    Raises
    ------
    ValueError
        When the shape does not fit the names, or there are no rows.
    """
    attributes = np.asarray(attributes)
    if attributes.ndim != 2 or attributes.shape[1] != len(names) or not len(attributes):
        raise ValueError(
            f"Attributes have the shape {attributes.shape}; {len(names)} names need (N, {len(names)})."
        )
    return {name: rate(column) for name, column in zip(names, attributes.T, strict=True)}


def faces_found(images, progress: bool = False) -> np.ndarray:
    """In which images OpenCV's frontal-face cascade finds a face: bool array of shape (N,).

    It looks at each image enlarged to 192×192, for faces of at least 70 pixels (scale step 1.1, 4 neighbours). It
    is easily content, with many bad faces and even the same one a thousand times: a test to fail, not to pass.

    Parameters
    ----------
    images : Faces, array or Tensor of shape (N, 3, S, S)
        See `to_pixels`.
    progress : bool, default=False
        Show a progress bar.

    Raises
    ------
    ImportError
        When OpenCV is missing.

    References
    ----------
    Viola and Jones 2001, "Rapid object detection using a boosted cascade of simple features".
    """
    cv2 = _opencv()
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def found(image: np.ndarray) -> bool:
        large = cv2.resize(np.ascontiguousarray(image.transpose(1, 2, 0)), (192, 192))
        grey = cv2.cvtColor(large, cv2.COLOR_RGB2GRAY)
        return len(cascade.detectMultiScale(grey, 1.1, 4, minSize=(70, 70))) > 0

    bar = tqdm(to_pixels(images), "detector", unit=" images", disable=not progress)
    return np.array([found(image) for image in bar])


def detector_rate(images, progress: bool = False) -> Measure:
    """Share of images in which a face is found, see `faces_found`."""
    return rate(faces_found(images, progress))


# --- Real faces, looked at once -------------------------------------------------------------------------------


class Seen(NamedTuple):
    """What the measures need to know of N images.

    Attributes
    ----------
    features : float64 Tensor of shape (N, d)
    attributes : bool Tensor of shape (N, A)
        As the face encoder judges them.
    mirrored : float64 Tensor of shape (N, d), optional
        Features of the mirror images. These, and what follows, are not needed of faces for training.
    found : bool array of shape (N,), optional
        Whether the detector finds a face.
    """

    features: Tensor
    attributes: Tensor
    mirrored: Tensor | None = None
    found: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """Real faces as `measure` needs them: looked at once, for any number of generators, and without their images.

    Attributes
    ----------
    real : Seen
        Faces that generators may have been trained on.
    held_out : Seen
        Faces that none of them ever saw.
    extractor : nn.Module
        What made the features.
    """

    real: Seen
    held_out: Seen
    extractor: nn.Module
    _beside: dict = field(default_factory=dict, repr=False, init=False)  # what was found, by what was asked

    def floor_and_ceiling(self, shape: tuple[int, ...], k: int, seed: int, progress: bool = False):
        """What stands beside a generator's figures: computed once, however many generators are measured.

        Parameters
        ----------
        shape : (N, 3, S, S)
            Of the images to be judged: the floor is of as many faces held out, the ceiling of as much noise.
        k, seed, progress
            As in `measure`.

        Returns
        -------
        near : Tensor
            How near to a real face makes a near-copy.
        floor, ceiling : dict of str to Measure
            Each row's figure.
        """
        asked = (shape, k, seed)
        if asked not in self._beside:
            noise = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
            floor = Seen(*(rows[: len(noise)] for rows in self.held_out))
            near = _nearness(floor, self.real).quantile(0.01)
            both = floor, _look_closely(noise, self.extractor, progress)
            self._beside[asked] = near, *(_figures(seen, self.real, near, k, seed) for seen in both)
        return self._beside[asked]


def make_reference(real, held_out=None, extractor: nn.Module | None = None, progress: bool = False) -> Reference:
    """Look at real faces once.

    Parameters
    ----------
    real, held_out, extractor, progress
        As in `measure`.

    Returns
    -------
    Reference

    Examples
    --------
    >>> from gan_lib import folder_faces, make_reference, measure, pretrained
    >>> photos = make_reference(folder_faces("photos"))
    >>> first, second = pretrained("faces"), pretrained("drawn-faces")
    >>> print(measure(first, photos), measure(second, photos))
    """
    real = to_pixels(real)
    cut = len(real) - len(real) // 9
    real, held_out = (real[:cut], real[cut:]) if held_out is None else (real, to_pixels(held_out))
    extractor = face_encoder() if extractor is None else extractor
    return Reference(_look(real, extractor, progress), _look_closely(held_out, extractor, progress), extractor)


@cache
def celeba_reference() -> Reference:
    """CelebA's first 8,000 faces, and 1,000 more that are held out, as the face encoder saw them.

    So the generators that come with the library can be measured without CelebA. What the numbers are, and on which
    terms they may be used, stands in the card beside them: `gan_lib/pretrained/encoders/celeba9k-features.md`.
    """
    return load_reference(ENCODERS / "celeba9k-features.safetensors")


def save_reference(reference: Reference, path: str | Path) -> None:
    """Write a reference to a file: its features, in float16, and what the detector found.

    Raises
    ------
    ValueError
        When its features are not those of the library's face encoder.
    """
    if not isinstance(reference.extractor, FaceEncoder):
        raise ValueError(
            f"The features are those of {type(reference.extractor).__name__.strip('_')}; a file holds those of "
            "the face encoder only, or it could not be told whether they fit."
        )
    tensors = {
        "real": reference.real.features.half(),
        "held_out": reference.held_out.features.half(),
        "mirrored": reference.held_out.mirrored.half(),
        "found": torch.from_numpy(reference.held_out.found),
    }
    write_safetensors(Path(path), tensors, {"gan_lib": json.dumps({"encoder": _fingerprint()})})


def load_reference(path: str | Path) -> Reference:
    """Read what `save_reference` wrote.

    Raises
    ------
    CheckpointError
        When the file is missing, truncated or no such file, or its features are those of another face encoder than
        the one that comes with the library.
    """
    try:
        with safe_open(path, framework="pt") as file:
            made_by = json.loads((file.metadata() or {})["gan_lib"])["encoder"]
            names = ("real", "held_out", "mirrored", "found")
            real, held_out, mirrored, found = (file.get_tensor(name) for name in names)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} holds no reference that gan_lib can read: {error}") from None
    if made_by != _fingerprint():
        raise CheckpointError(
            f"The features in {path} were made by another face encoder ({made_by[:8]}…) than the one that is "
            f"here ({_fingerprint()[:8]}…), so they cannot be compared; make them again from the images."
        )
    encoder = face_encoder()
    real, held_out = (Seen(features.double(), _judged(encoder, features)) for features in (real, held_out))
    return Reference(real, held_out._replace(mirrored=mirrored.double(), found=found.numpy()), encoder)


def _fingerprint() -> str:
    """SHA-256 of the face encoder's file."""
    return hashlib.sha256((ENCODERS / "face-encoder.safetensors").read_bytes()).hexdigest()


def _look(pixels: np.ndarray, extractor: nn.Module, progress: bool) -> Seen:
    features = face_features(pixels, extractor, progress)
    if isinstance(extractor, FaceEncoder):
        return Seen(features, _judged(extractor, features))
    encoder = face_encoder()
    return Seen(features, _judged(encoder, face_features(pixels, encoder, progress)))


def _look_closely(pixels: np.ndarray, extractor: nn.Module, progress: bool) -> Seen:
    return _look(pixels, extractor, progress)._replace(
        mirrored=face_features(pixels[..., ::-1], extractor, progress), found=faces_found(pixels, progress)
    )


def _judged(encoder: FaceEncoder, features: Tensor) -> Tensor:
    """Which attributes each face has: bool (N, A)."""
    return encoder.attribute_logits(features.to(encoder.attributes.weight)).detach().cpu() > 0


# --- All of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One measure of the generator, of real faces held out (the floor) and of noise (the ceiling)."""

    name: str
    generated: Measure
    floor: Measure
    ceiling: Measure


@dataclass(frozen=True)
class Report:
    """What `measure` found; `str` gives a table, `to_dict` plain data.

    Attributes
    ----------
    rows : list of Row
    attributes : dict of str to (Measure, Measure)
        For each attribute, how often it is seen in generated and in real faces.
    real : int
        Real faces that were the reference.
    k : int
        Neighbours of precision and recall.
    seed : int
    extractor : str
        The network that made the features.
    """

    rows: list[Row]
    attributes: dict[str, tuple[Measure, Measure]]
    real: int
    k: int
    seed: int
    extractor: str

    def __getitem__(self, name: str) -> Row:
        """The row of that name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"There is no row {name!r}; there are {', '.join(row.name for row in self.rows)}.")

    def __str__(self) -> str:
        heads = [f"{name} ({measured.samples:,})" for name, measured in self._columns()]
        rows = [[row.name, *map(str, (row.generated, row.floor, row.ceiling))] for row in self.rows]
        lines = [["", *heads], *rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([*table, "", *self._notes()])

    def _columns(self) -> list[tuple[str, Measure]]:
        row = self.rows[0]
        return [("generated", row.generated), ("floor: held out", row.floor), ("ceiling: noise", row.ceiling)]

    def _notes(self) -> list[str]:
        gaps = sorted(self.attributes.items(), key=lambda pair: -abs(pair[1][0].value - pair[1][1].value))[:6]
        seen = ", ".join(f"{name} {ours.value:.1%} ({theirs.value:.1%})" for name, (ours, theirs) in gaps)
        return [
            f"95 % intervals; {self.real:,} real faces as the reference; features by {self.extractor}; "
            f"precision and recall with k = {self.k}; seed {self.seed}.",
            f"Attributes most off, in generated (real) faces: {seen}.",
        ]

    def to_dict(self) -> dict:
        """Plain data, as JSON takes it."""
        return asdict(self)


def measure(
    generator,
    real,
    held_out=None,
    samples: int | None = None,
    extractor: nn.Module | None = None,
    k: int = 3,
    seed: int = 0,
    progress: bool = False,
) -> Report:
    """Measure a generator, or images, in every way that this module knows, beside the floor and the ceiling.

    Parameters
    ----------
    generator : nn.Module with a `latent_size`, or images as `to_pixels` takes them
        What is judged.
    real : Reference, Faces, array or Tensor of shape (N, 3, S, S)
        Real faces that it was trained on, as `to_pixels` takes them; or `celeba_reference()`, or what
        `make_reference` made, where faces held out are part of it.
    held_out : Faces, array or Tensor of shape (M, 3, S, S), optional
        Real faces that it never saw. By default the last ninth of `real`, which the generator must not have seen.
    samples : int, optional
        Faces to generate. By default as many as are held out.
    extractor : nn.Module, optional
        See `face_features`. A reference has its own.
    k : int, default=3
        Neighbours of precision and recall.
    seed : int, default=0
        Of latents, noise, and what is drawn at random.
    progress : bool, default=False
        Show progress bars.

    Returns
    -------
    Report
        Rows: "Fréchet distance", "kernel distance", "precision", "recall" (against as many real faces);
        "attribute gap" (mean difference of the attributes' frequencies from those of real faces); "a face is
        found" (by the detector); "nearest training face" (the median distance to it, of the face or of its mirror
        image) and "near-copies" (the share that is nearer to a training face than 99 % of held-out faces are: 1 %
        where nothing is learned by heart), both among features. The encoder knows a copy that is a pixel off
        or slightly noisy; copies under strong noise (15 grey levels) escape it, for it sees the noise.

    Raises
    ------
    ValueError
        When there are too few images for the features' dimension, or they are not of the kind; when `samples` or
        `k` is below 1; or when a reference is given together with another extractor or other faces held out.
    TypeError
        When the generator has no `latent_size`.
    ImportError
        When torchmetrics or OpenCV is missing.

    Examples
    --------
    >>> from gan_lib import celeba_faces, celeba_reference, measure, pretrained
    >>> print(measure(pretrained("faces"), celeba_reference()))
    >>> faces = celeba_faces("img_align_celeba.zip")[:9000]
    >>> print(measure(pretrained("report-celeba9k"), faces[:8000], faces[8000:]))
    """
    _check_request(generator, samples, k)
    reference = _reference(real, held_out, extractor, progress)
    generated = _generated(generator, samples, len(reference.held_out.features), seed)
    real, ours = reference.real, _look_closely(generated, reference.extractor, progress)
    near, floor, ceiling = reference.floor_and_ceiling(generated.shape, k, seed, progress)
    figures = _figures(ours, real, near, k, seed)
    rows = [Row(name, figures[name], floor[name], ceiling[name]) for name in figures]
    names = face_encoder().attribute_names
    frequencies = [attribute_frequencies(seen.attributes, names) for seen in (ours, real)]
    attributes = {name: (frequencies[0][name], frequencies[1][name]) for name in names}
    return Report(rows, attributes, len(real.features), k, seed, type(reference.extractor).__name__.strip("_"))


def _check_request(generator, samples: int | None, k: int) -> None:
    """Say before the work what would end it."""
    _at_least_one(samples=samples, k=k)
    if isinstance(generator, nn.Module):
        latent_size_of(generator)
    _torchmetrics("image.fid")
    _opencv()


def _reference(real, held_out, extractor: nn.Module | None, progress: bool) -> Reference:
    if not isinstance(real, Reference):
        return make_reference(real, held_out, extractor, progress)
    if held_out is not None or extractor not in (None, real.extractor):
        raise ValueError(
            "A reference has its own faces held out and its own extractor; for others, give the real faces "
            "themselves."
        )
    return real


def _generated(generator, samples: int | None, default: int, seed: int) -> np.ndarray:
    """The images to judge: drawn by a generator, or given."""
    if not isinstance(generator, nn.Module):
        return to_pixels(generator)[:samples]
    return to_pixels(sample(generator, latents_from_seed(seed, samples or default, latent_size_of(generator))))


def _nearness(seen: Seen, real: Seen) -> Tensor:
    """How far each image, or its mirror image, is from the nearest real one: (N,)."""
    either = [nearest_neighbours(features, real.features).distances for features in (seen.features, seen.mirrored)]
    return torch.minimum(*either)[:, 0]


def _figures(seen: Seen, real: Seen, near: Tensor, k: int, seed: int) -> dict[str, Measure]:
    """Each row's figure for one set."""
    rows = np.random.default_rng(seed).permutation(len(real.features))[: len(seen.features)]
    precision, recall = precision_recall(real.features[torch.from_numpy(rows)], seen.features, k)
    distances = _nearness(seen, real)
    return {
        "Fréchet distance": frechet_distance(real.features, seen.features, seed=seed),
        "kernel distance": kernel_distance(real.features, seen.features, seed=seed),
        "precision": precision,
        "recall": recall,
        "attribute gap": _by_halves(_gap, real.attributes, seen.attributes, draws=DRAWS, seed=seed),
        "a face is found": rate(seen.found),
        "nearest training face": _by_halves(_median, distances, draws=DRAWS, seed=seed),
        "near-copies": rate(distances < near),
    }


def _median(values: Tensor) -> float:
    return values.median().item()


def _gap(real: Tensor, fake: Tensor) -> float:
    """Mean difference of the frequencies of attributes, bool (N, A) and (M, A)."""
    return (real.double().mean(0) - fake.double().mean(0)).abs().mean().item()

"""`Faces`: what every source becomes, and what everything else reads."""

import json
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

__all__ = ["DataError", "Faces", "PreparationReport", "open_faces", "to_float", "to_uint8"]

SIZES = (32, 64, 128)
FORMAT = 1  # of a prepared folder
FAR = 10  # what goes so far beyond [-1, 1] is not meant so; shifted colours (`gan_lib.augment`) go to 4.5
META = {"format", "source", "size", "read", "skipped", "settings"}  # what meta.json holds


class DataError(ValueError):
    """What was given as data cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class PreparationReport:
    """What became of the files of a source.

    Parameters
    ----------
    read : int
        How many became faces.
    skipped : list of (str, str)
        Name and reason of each file that did not, in the order of the names.
    """

    read: int
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        names = {}
        for name, reason in self.skipped:
            names.setdefault(reason, []).append(printable(name))
        number = f"{len(self.skipped):,}" if self.skipped else "none"
        groups = "".join(f"; {reason}: {_some(group)}" for reason, group in names.items())
        return f"{self.read:,} images read, {number} skipped{groups}."


def _some(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def printable(name: str) -> str:
    """A file's name as it can be printed anywhere, whatever bytes are in it."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """Square pictures of faces, all of one size, with or without attributes.

    Parameters
    ----------
    images : uint8 array or Tensor of shape (N, 3, S, S)
        Red, green, blue; 0 to 255; S is 32, 64 or 128. In memory or memory-mapped. A tensor becomes an array.
    attributes : bool array or Tensor of shape (N, A), default None
    attribute_names : tuple of str
        The A names, CelebA's.
    source : str
        Where the faces come from, in words.
    report : PreparationReport, default None
        What was read and what was skipped, and why.

    Raises
    ------
    DataError
        If a shape or a type is another.
    """

    images: np.ndarray
    attributes: np.ndarray | None = None
    attribute_names: tuple[str, ...] = ()
    source: str = ""
    report: PreparationReport | None = None

    def __post_init__(self):
        for name in ("images", "attributes"):
            if isinstance(getattr(self, name), torch.Tensor):
                object.__setattr__(self, name, getattr(self, name).numpy(force=True))
        object.__setattr__(self, "attribute_names", tuple(self.attribute_names))
        if self.images.dtype != np.uint8 or self.images.shape[1:] not in [(3, size, size) for size in SIZES]:
            raise DataError(f"Images are {_kind(self.images)}; give uint8 of shape (N, 3, S, S), S 32, 64 or 128.")
        expected = (len(self.images), len(self.attribute_names))
        if self.attributes is None and self.attribute_names:
            raise DataError(f"There are {expected[1]} names and no attributes; give both or neither.")
        attributes = self.attributes
        if attributes is not None and (attributes.dtype != bool or attributes.shape != expected):
            raise DataError(f"Attributes are {_kind(attributes)}; these images and names need bool of {expected}.")

    def __len__(self) -> int:
        """How many faces there are."""
        return len(self.images)

    def __getitem__(self, index) -> "Faces":
        """Some of the faces: by a slice (still memory-mapped), an array of numbers, a mask, or one number."""
        if isinstance(index, (int, np.integer)):
            index = [index]
        attributes = None if self.attributes is None else self.attributes[index]
        return replace(self, images=self.images[index], attributes=attributes)

    def __repr__(self) -> str:
        attributes = f", {len(self.attribute_names)} attributes" if self.attribute_names else ""
        return f"Faces({len(self):,} of {self.size}×{self.size}{attributes}, {printable(self.source)})"

    @property
    def size(self) -> int:
        """Side of an image in pixels."""
        return self.images.shape[3]

    def attribute(self, name: str) -> np.ndarray:
        """Who has an attribute: bool array of shape (N,).

        Raises
        ------
        DataError
            If these faces do not know that attribute.
        """
        if name not in self.attribute_names:
            known = ", ".join(self.attribute_names) or "none at all"
            raise DataError(f"These faces have no attribute {name!r}; they have {known}.")
        return self.attributes[:, self.attribute_names.index(name)]


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"


def to_float(images) -> torch.Tensor:
    """Turn uint8 images, `Faces`, array or tensor, into a float32 tensor in [-1, 1]: x / 127.5 - 1.

    Raises
    ------
    DataError
        If the images are not uint8.
    """
    tensor = _tensor(images.images if isinstance(images, Faces) else images)
    if tensor.dtype != torch.uint8:
        raise DataError(f"Images are {tensor.dtype}; to_float takes uint8, from 0 to 255.")
    return tensor.to(torch.float32).div_(127.5).sub_(1)


def to_uint8(images) -> torch.Tensor:
    """Turn float images in [-1, 1] into uint8, 0 to 255, rounded; what lies beyond is clamped.

    Parameters
    ----------
    images : array or Tensor of any shape
        Floating.

    Returns
    -------
    uint8 Tensor of the same shape

    Raises
    ------
    DataError
        If the images are not floating, as when they are uint8 already, or a pixel is not a number.
    """
    tensor = _tensor(images).detach()
    if not tensor.is_floating_point():
        raise DataError(f"Images are {tensor.dtype}; to_uint8 takes floats, from -1 to 1.")
    if tensor.isnan().any():
        raise DataError("Some pixels are not numbers; the generator has failed, or its images have.")
    return tensor.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def checked_floats(images) -> torch.Tensor:
    """Give float images as a tensor, if they are finite and can be meant as [-1, 1]; else raise `DataError`."""
    tensor = _tensor(images)
    if not tensor.isfinite().all():
        raise DataError("Some pixels are infinite or not numbers; the generator has failed, or its images have.")
    furthest = tensor.abs().max().item() if tensor.numel() else 0
    if furthest > FAR:
        raise DataError(
            f"Pixels go as far as {furthest:.4g}, which looks like 0 to 255; give uint8, or float from -1 to 1."
        )
    return tensor


def _tensor(images) -> torch.Tensor:
    """Images as a tensor; of an array, a copy."""
    return images if isinstance(images, torch.Tensor) else torch.from_numpy(np.array(images))


def open_faces(folder) -> Faces:
    """Open a folder that was prepared; the images stay on disk, memory-mapped.

    `celeba_faces`, `folder_faces`, `prepare_drawn` and `python -m gan_lib prepare` make such folders.

    Returns
    -------
    faces : Faces

    Raises
    ------
    DataError
        If the folder is none, or not whole.
    """
    folder = Path(folder).expanduser()
    meta = read_meta(folder)
    attributes, attribute_names = _read_attributes(folder)
    report = PreparationReport(meta["read"], [tuple(pair) for pair in meta["skipped"]])
    return Faces(_map_images(folder, meta), attributes, attribute_names, meta["source"], report)


def read_meta(folder: Path) -> dict:
    """What a prepared folder says of itself."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        meta = None
    if isinstance(meta, dict) and meta.get("format", FORMAT) != FORMAT:
        raise DataError(f"{folder} has format {meta['format']}, not {FORMAT}; prepare it again.")
    if not isinstance(meta, dict) or not META.issubset(meta) or not (folder / "images.npy").exists():
        raise DataError(f"{folder} is no folder of prepared faces, or not a whole one; prepare it (again).")
    return meta


def _map_images(folder: Path, meta: dict) -> np.ndarray:
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder}/images.npy cannot be read ({error}); prepare the folder again.") from error
    expected = (meta["read"], 3, meta["size"], meta["size"])
    if images.shape != expected:
        raise DataError(f"{folder}/images.npy has shape {images.shape}, not {expected}; prepare it again.")
    return images


def _read_attributes(folder: Path) -> tuple[np.ndarray | None, tuple[str, ...]]:
    path = folder / "attributes.npz"
    if not path.exists():
        return None, ()
    try:
        with np.load(path, allow_pickle=False) as stored:
            return stored["values"], tuple(stored["names"].tolist())
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); delete it and prepare again.") from error

"""CelebA, read from its official zip without unpacking it.

Liu, Luo, Wang and Tang, "Deep learning face attributes in the wild", ICCV 2015. The images are for non-commercial
research only and may not be passed on.
"""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from .faces import DataError, Faces
from .pictures import Unusable, decode
from .prepare import cache_folder, fingerprint, prepare, resized

FRAME = (178, 218)  # width and height of an aligned CelebA image
CELEBA_CROP = (25, 57, 153, 185)  # 128×128 around (89, 121), as in Karras et al. 2018
BYTE_LIMIT = 64_000_000  # of one file in the zip, unpacked
SPLITS = ("train", "valid", "test")


def celeba_faces(
    zip_path, attributes=None, partition=None, size=64, crop=None, cache=None, split=None, progress=True
) -> Faces:
    """Faces of CelebA, from the official zip.

    Parameters
    ----------
    zip_path : str or Path
        `img_align_celeba.zip`. Images of 178×218, or smaller ones in proportion.
    attributes : str or Path, default None
        `list_attr_celeba.txt`.
    partition : str or Path, default None
        `list_eval_partition.txt`, together with `split`.
    size : int, default 64
        32, 64 or 128.
    crop : (left, top, right, bottom), default (25, 57, 153, 185)
        The square to keep, in pixels of the 178×218 frame.
    cache : str or Path, default None
        Where prepared folders are kept; `~/.cache/gan_lib` if None.
    split : {"train", "valid", "test"}, default None
        Which part of the partition.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    faces : Faces
        Memory-mapped, in the order of the file names.

    Raises
    ------
    DataError
        If a file is not what it should be, or the disk is full.

    References
    ----------
    The default crop is that of T. Karras et al., "Progressive growing of GANs", ICLR 2018.
    """
    source = ZipSource(zip_path, size, crop or CELEBA_CROP)
    folder = cache_folder(cache) / f"celeba-{fingerprint(source.settings)}"
    return prepare(folder, source.names, source.work, source.settings, source.name, source.skipped, progress)


class ZipSource:
    """The images in a zip."""

    def __init__(self, path, size, crop):
        self.path, self.size, self.crop = Path(path), size, crop
        self.archive = zipfile.ZipFile(path)
        self.entries = sorted((e for e in self.archive.infolist() if not e.is_dir()), key=lambda e: e.filename)
        self.names = [e.filename for e in self.entries]
        self.skipped = []
        self.name = f"CelebA, {self.path.name}"
        listing = "\n".join(f"{e.filename} {e.CRC} {e.file_size}" for e in self.entries)
        self.settings = {"kind": "celeba", "size": size, "crop": list(crop), "files": fingerprint(listing)}

    def work(self, first, last):
        pictures, reasons = [], {}
        for i in range(first, last):
            try:
                pictures.append(cropped(decode(self.archive.read(self.entries[i])), self.crop))
            except Unusable as reason:
                reasons[i] = str(reason)
        return resized(pictures, self.size), reasons


def cropped(picture, crop):
    """The square of a picture that corresponds to `crop` in the 178×218 frame."""
    height, width = picture.shape[:2]
    scale = width / FRAME[0]
    if abs(height - scale * FRAME[1]) > 1:
        raise Unusable(f"{width}×{height}, not the shape of an aligned CelebA image")
    side = round((crop[2] - crop[0]) * scale)
    left, top = round(crop[0] * scale), round(crop[1] * scale)
    return picture[top : top + side, left : left + side]

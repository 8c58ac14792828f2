"""CelebA, read from its official zip without unpacking it.

Liu, Luo, Wang and Tang, "Deep learning face attributes in the wild", ICCV 2015. The images are for
non-commercial research only and may not be passed on.
"""

import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from .faces import DataError, Faces, printable
from .packing import fingerprint, keep_attributes, prepare, prepared_folder, read_names, resized
from .pictures import SUFFIXES, Unusable, check_side, decode

__all__ = ["CELEBA_CROP", "celeba_faces"]

FRAME = (178, 218)  # width and height of an aligned CelebA image
#: The square that is cut out by default (left, top, right, bottom): 128×128 around (89, 121), as in Karras et al.
#: 2018.
CELEBA_CROP = (25, 57, 153, 185)
PIXEL_LIMIT = 1_000_000  # of one image, 25 times the official
BYTE_LIMIT = 16_000_000  # of one file in the zip, unpacked
BROKEN_ZIP = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error)  # of zipfile
SPLITS = ("train", "valid", "test")  # 0, 1 and 2 in the official partition


def celeba_faces(
    zip_path,
    attributes=None,
    partition=None,
    size=64,
    crop=None,
    cache=None,
    split=None,
    out=None,
    progress=True,
) -> Faces:
    """Faces of CelebA, from the official zip.

    The first call prepares them, with all cores, and goes on where an earlier call was stopped; the next ones
    open what is prepared.

    Parameters
    ----------
    zip_path : str or Path
        `img_align_celeba.zip`, with images of 178×218, or of other sizes in that proportion.
    attributes : str or Path, default None
        `list_attr_celeba.txt`; without it the faces have no attributes.
    partition : str or Path, default None
        `list_eval_partition.txt`, of which `split` says the part.
    size : int, default 64
        Side of a face: 32, 64 or 128 pixels.
    crop : (left, top, right, bottom), default (25, 57, 153, 185)
        The square to keep, in pixels of the 178×218 frame; scaled for images of another size.
    cache : str or Path, default None
        Where prepared folders are kept; if None `gan_lib` in XDG_CACHE_HOME or ~/.cache.
    split : {"train", "valid", "test"}, default None
        Part of the partition; all images if None.
    out : str or Path, default None
        The prepared folder itself, instead of one in the cache.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    faces : Faces
        Memory-mapped, in the order of the file names; `faces.report` says what was skipped.

    Raises
    ------
    DataError
        If a file is not what it should be, no image can be used, or the disk is full.

    References
    ----------
    Z. Liu et al., "Deep learning face attributes in the wild", ICCV 2015. The default crop, 128×128 around
    (89, 121), is that of T. Karras et al., "Progressive growing of GANs", ICLR 2018.
    """
    if (partition is None) != (split is None):
        raise DataError(f"partition is {partition} and split is {split}; give both or neither.")
    wanted = None if split is None else read_partition(partition, split)
    table = None if attributes is None else Table(attributes)
    with opened(Path(zip_path).expanduser()) as archive:
        images = CelebaZip(archive, size, CELEBA_CROP if crop is None else crop, wanted)
        if table is not None:
            table.rows(images.names)  # better a sentence now than after an hour
        settings, source = images.settings, f"CelebA, {Path(zip_path).name}"
        folder = prepared_folder("celeba", settings, cache, out)
        faces = prepare(folder, images.names, images.faces, settings, source, images.skipped, progress)
    if table is None:
        return replace(faces, attributes=None, attribute_names=())
    values = table.values[table.rows(read_names(folder))]
    if faces.attribute_names != table.names or not np.array_equal(faces.attributes, values):
        keep_attributes(folder, values, table.names)
    return replace(faces, attributes=values, attribute_names=table.names)


class CelebaZip:
    """The images in the zip, in the order of their names, and what of it is refused."""

    def __init__(self, archive: zipfile.ZipFile, size: int, crop, wanted: set[str] | None = None):
        self.archive, self.size, self.crop = archive, size, check_crop(crop)
        entries, skipped = usable_entries(archive)
        if not entries:
            raise DataError(f"{archive.fp.name} holds no image; give CelebA's img_align_celeba.zip.")
        self.entries = [entry for entry in entries if wanted is None or base(entry.filename) in wanted]
        self.skipped = [(name, why) for name, why in skipped if wanted is None or base(name) in wanted]
        if not self.entries:
            raise DataError("No image in the zip is in that part of the partition; give the files of one CelebA.")

    @property
    def names(self) -> list[str]:
        return [entry.filename for entry in self.entries]

    @property
    def settings(self) -> dict:
        """All that the faces depend on; the files by their names, lengths and checksums."""
        files = fingerprint([(entry.filename, entry.CRC, entry.file_size) for entry in self.entries])
        return {"kind": "celeba", "size": self.size, "crop": self.crop, "files": files}

    def faces(self, first: int, last: int) -> tuple[np.ndarray, dict[int, str]]:
        """The faces of entries `first` to `last`, and why the others are skipped."""
        pictures, reasons = [], {}
        for i in range(first, last):
            try:
                pictures.append(self._face(self.entries[i]))
            except Unusable as reason:
                reasons[i] = str(reason)
        return resized(pictures, self.size), reasons

    def _face(self, entry: zipfile.ZipInfo) -> np.ndarray:
        try:
            with self.archive.open(entry) as file:
                data = file.read(entry.file_size + 1)  # a limit: what is declared may be a lie
        except (*BROKEN_ZIP, zlib.error, RuntimeError) as error:
            raise Unusable(f"cannot be unpacked: {error}") from error
        face = cropped(decode(data, PIXEL_LIMIT), self.crop)
        check_side(len(face), self.size)
        return face


@contextmanager
def opened(path: Path):
    """A zip to read from, by several threads; or a sentence why not."""
    if not path.is_file():
        raise DataError(f"{path} is no file; give CelebA's img_align_celeba.zip.")
    with open(path, "rb") as file:  # a ZipFile's own would be closed at zero readers, counted without a lock
        try:
            archive = zipfile.ZipFile(file)
        except BROKEN_ZIP as error:
            raise DataError(f"{path} is no zip, or not a whole one ({error}); download it again.") from error
        yield archive


def usable_entries(archive: zipfile.ZipFile) -> tuple[list[zipfile.ZipInfo], list[tuple[str, str]]]:
    """The images of a zip, sorted, and what is refused with the reason; hidden files are passed over."""
    usable, refused = {}, []
    for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
        if base(entry.filename)[:1] in ("", ".") or entry.filename.startswith("__MACOSX/"):
            continue
        reason = "its name occurs twice" if entry.filename in usable else refusal(entry)
        if reason:
            refused.append((entry.filename, reason))
        else:
            usable[entry.filename] = entry
    return list(usable.values()), refused


def refusal(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry of a zip is not even read, if so. Nothing is ever written by its name."""
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
        return "its path leads out of the archive"
    if entry.flag_bits & 1:
        return "encrypted"
    if entry.header_offset < 0:
        return "it is not where the archive says"
    if path.suffix.lower() not in SUFFIXES:
        return "not an image"
    if entry.file_size > BYTE_LIMIT:
        return f"too large: {entry.file_size / 1e6:,.0f} MB unpacked"
    return None


def base(name: str) -> str:
    """The file's own name: 000001.jpg of img_align_celeba/000001.jpg."""
    return name.replace("\\", "/").rpartition("/")[2]


def check_crop(crop) -> list[int]:
    """The crop as a list, if it is a square within the frame."""
    square = len(crop) == 4 and crop[2] - crop[0] == crop[3] - crop[1] > 0
    if not square or min(crop[:2]) < 0 or crop[2] > FRAME[0] or crop[3] > FRAME[1]:
        raise DataError(
            f"crop is {tuple(crop)}; give (left, top, right, bottom) of a square within 178×218, "
            f"for example {CELEBA_CROP}."
        )
    return [int(edge) for edge in crop]


def cropped(picture: np.ndarray, crop) -> np.ndarray:
    """The part of a picture (H, W, 3) that corresponds to `crop` in the 178×218 frame."""
    height, width = picture.shape[:2]
    scale = width / FRAME[0]
    if abs(height - scale * FRAME[1]) > 1:
        raise Unusable(f"{width}×{height}, which is not the shape of an aligned CelebA image")
    side = min(round((crop[2] - crop[0]) * scale), height, width)
    left, top = min(round(crop[0] * scale), width - side), min(round(crop[1] * scale), height - side)
    return picture[top : top + side, left : left + side]


class Table:
    """CelebA's attributes: a count, the names, then a row for each image with -1 or 1 for each name."""

    def __init__(self, path):
        self.path = path
        lines = read_lines(path)
        if len(lines) < 3 or not lines[0].strip().isdecimal():
            raise DataError(f"{path} starts without a count and a line of names; give list_attr_celeba.txt.")
        self.names = tuple(lines[1].split())
        rows = [self._row(number, line) for number, line in enumerate(lines[2:], start=3)]
        self.index = {name: i for i, (name, _) in enumerate(rows)}
        if not int(lines[0]) == len(rows) == len(self.index):
            raise DataError(
                f"{path} announces {int(lines[0]):,} images and has rows for {len(self.index):,}; "
                "it is cut off or mixed up: download it again."
            )
        self.values = np.array([values for _, values in rows])

    def _row(self, number: int, line: str) -> tuple[str, list[bool]]:
        name, *values = line.split()
        if len(values) != len(self.names) or not {"-1", "1"}.issuperset(values):
            expected = f"a name and {len(self.names)} values, each -1 or 1"
            raise DataError(f"{self.path}, line {number}: expected {expected}; give list_attr_celeba.txt.")
        return name, [value == "1" for value in values]

    def rows(self, names: list[str]) -> list[int]:
        """The rows of these images."""
        missing = [base(name) for name in names if base(name) not in self.index]
        if missing:
            raise DataError(
                f"{self.path} has no row for {len(missing):,} of {len(names):,} images, the first "
                f"{printable(missing[0])}; give the attribute file of the same images."
            )
        return [self.index[base(name)] for name in names]


def read_partition(path, split: str) -> set[str]:
    """The file names of one part of CelebA's official partition."""
    if split not in SPLITS:
        raise DataError(f"split is {split!r}; choose one of {', '.join(SPLITS)}.")
    rows = [line.split() for line in read_lines(path)]
    for number, row in enumerate(rows, start=1):
        if len(row) != 2 or row[1] not in ("0", "1", "2"):
            expected = "a file name and 0, 1 or 2"
            raise DataError(f"{path}, line {number}: expected {expected}; give list_eval_partition.txt.")
    return {name for name, part in rows if int(part) == SPLITS.index(split)}


def read_lines(path) -> list[str]:
    """The lines of a text file that are not empty."""
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DataError(f"{path} is no file; give the text file that comes with CelebA.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text; give the text file that comes with CelebA.") from error
    return [line for line in text.splitlines() if line.strip()]

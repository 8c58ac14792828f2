"""Preparing: a source becomes a folder of faces, with all cores, and goes on where it was stopped.

A folder in the making is `NAME.partial`: images are appended to `images.npy`, and when they are safely on the disk a
line of `journal.jsonl` says how far that is. Only a whole folder gets its own name.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate
from tqdm import tqdm

from .faces import FORMAT, SIZES, DataError, Faces, PreparationReport, open_faces, read_meta

CHUNK = 100  # images a piece of work
SYNC = 2000  # images between two lines of the journal
HEADER = 128  # bytes before the pixels in images.npy
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cache_folder(cache=None) -> Path:
    """Where prepared folders are kept: `cache`, or `gan_lib` in the user's cache (XDG_CACHE_HOME, else ~/.cache)."""
    if cache is not None:
        return Path(cache).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gan_lib"


def fingerprint(*parts) -> str:
    """Twelve hexadecimal digits that are others when any of the parts, plain data, is."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


Work = Callable[[int, int], tuple[np.ndarray, dict[int, str]]]


def prepare(
    folder: Path, names: list[str], work: Work, settings: dict, source: str, skipped=(), progress=True
) -> Faces:
    """Make a prepared folder, or go on with it, or open it when it is there.

    Parameters
    ----------
    folder : Path
    names : list of str
        Of all images, in order.
    work : callable
        `work(first, last)` gives the images of these names, uint8 of shape (n, 3, S, S), and a dict from the number
        of each one left out to the reason. Several threads call it at a time.
    settings : dict
        All that the images depend on; `size` is one of them.
    source : str
        Where the faces come from, in words.
    skipped : list of (str, str)
        Names and reasons of what was left out from the start.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    faces : Faces
        Memory-mapped.

    Raises
    ------
    DataError
        If no image can be used, the disk is full, or the folder holds something else.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        return _open_same(folder, settings)
    partial_folder = folder.with_name(folder.name + ".partial")
    partial_folder.mkdir(parents=True, exist_ok=True)
    with _locked(partial_folder):
        partial = _Partial(partial_folder, settings, len(names))
        try:
            _fill(partial, names, work, progress)
            partial.finish(names, source, list(skipped))
        except OSError as error:
            if error.errno not in DISK_IS_FULL:
                raise
            raise _disk_full(partial, len(names)) from error
        finally:
            partial.close()
        if folder.exists():
            folder.rmdir()
        partial_folder.rename(folder)
    return open_faces(folder)


def _open_same(folder: Path, settings: dict) -> Faces:
    if read_meta(folder)["settings"] != settings:
        raise DataError(f"{folder} holds faces of another source or of other settings; choose another folder.")
    return open_faces(folder)


def _fill(partial: "_Partial", names: list[str], work: Work, progress: bool) -> None:
    """Let all cores work on what is not done yet; append what they give in the order of the names."""
    _check_space(partial, len(names))
    spans = [(first, min(first + CHUNK, len(names))) for first in range(partial.done, len(names), CHUNK)]
    bar = tqdm(total=len(names), initial=partial.done, unit=" images", disable=not progress, desc="Preparing faces")
    with bar, _one_torch_thread(), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for (first, last), (images, reasons) in _in_order(work, spans):
            partial.append(images, [(names[i], reason) for i, reason in reasons.items()], last)
            bar.update(last - first)
    partial.sync()


def _in_order(work: Work, spans: list[tuple[int, int]]) -> Iterator:
    """`work` on each span, by as many threads as there are cores, a few spans ahead."""
    waiting = deque()
    with ThreadPoolExecutor(os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for span in spans:
            waiting.append((span, pool.submit(work, *span)))
            if len(waiting) > 2 * os.cpu_count():
                span, result = waiting.popleft()
                yield span, result.result()
        for span, result in waiting:
            yield span, result.result()


@contextlib.contextmanager
def _one_torch_thread():
    """Threads that resize must not each start a team of threads: set_num_threads reaches beyond its own thread."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_space(partial: "_Partial", count: int) -> None:
    needed = (count - partial.done) * partial.image_bytes
    free = shutil.disk_usage(partial.folder).free
    if needed > free:
        raise DataError(
            f"{count:,} faces need {needed / 1e6:,.0f} MB more and the disk of {partial.folder.parent} has "
            f"{free / 1e6:,.0f} MB; make room or choose another place. What is done is kept."
        )


def _disk_full(partial: "_Partial", count: int) -> DataError:
    return DataError(
        f"The disk of {partial.folder.parent} is full: {partial.synced:,} of {count:,} images are done and kept in "
        f"{partial.folder.name}; make room and prepare again, and it goes on from there."
    )


class _Partial:
    """A folder in the making: images are appended and, once they are on the disk, the journal says so."""

    def __init__(self, folder: Path, settings: dict, count: int):
        self.folder, self.settings, self.count = folder, settings, count
        self.image_bytes = 3 * settings["size"] ** 2
        self.images = _open(folder / "images.npy")
        self.journal = _open(folder / "journal.jsonl")
        self.done, self.kept, self.skipped = self._go_on()
        self.synced, self.unsaid = self.done, []

    def _go_on(self) -> tuple[int, int, list]:
        """Read the journal as far as it is good, and cut both files to that."""
        lines = [line for line in map(_entry, self.journal.readlines()) if line]
        same = lines and lines[0] == {"settings": self.settings}
        if not same:
            lines = [{"settings": self.settings}]
        self.journal.seek(0)
        self.journal.truncate()
        _write(self.journal, b"".join(map(_line, lines)))
        kept = lines[-1].get("kept", 0)
        self.images.truncate(HEADER * bool(kept) + kept * self.image_bytes)
        self.images.seek(0, os.SEEK_END)
        if not kept:
            _write(self.images, bytes(HEADER))
        return lines[-1].get("done", 0), kept, [pair for line in lines[1:] for pair in line["skipped"]]

    def append(self, images: np.ndarray, skipped: list, done: int) -> None:
        _write(self.images, np.ascontiguousarray(images))
        self.kept += len(images)
        self.unsaid += skipped
        self.done = done
        if self.done - self.synced >= SYNC:
            self.sync()

    def sync(self) -> None:
        """First the images, then the journal: it never claims what is not there."""
        os.fsync(self.images.fileno())
        _write(self.journal, _line({"done": self.done, "kept": self.kept, "skipped": self.unsaid}))
        os.fsync(self.journal.fileno())
        self.skipped, self.unsaid, self.synced = self.skipped + self.unsaid, [], self.done

    def finish(self, names: list[str], source: str, skipped: list) -> None:
        """Write what makes the folder whole."""
        skipped = sorted(skipped + [tuple(pair) for pair in self.skipped])
        if not self.kept:
            raise DataError(f"No image of {source} can be used. {PreparationReport(0, skipped)}")
        left_out = {name for name, _ in skipped}
        size = self.settings["size"]
        meta = {"format": FORMAT, "read": self.kept, "size": size, "source": source, "settings": self.settings}
        _write_whole(self.folder / "names.json", json.dumps([n for n in names if n not in left_out]).encode())
        _write_whole(self.folder / "meta.json", json.dumps(meta | {"skipped": skipped}, indent=1).encode())
        self.images.seek(0)
        _write(self.images, _npy_header((self.kept, 3, size, size)))
        os.fsync(self.images.fileno())

    def close(self) -> None:
        self.images.close()
        self.journal.close()


def _open(path: Path):
    """Open a file to read and write, made when it is not there; unbuffered, so that closing cannot fail."""
    return open(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", buffering=0)


def _write(file, data) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[file.write(view) :]


def _write_whole(path: Path, data: bytes) -> None:
    with open(path, "wb", buffering=0) as file:
        _write(file, data)
        os.fsync(file.fileno())


def _line(entry: dict) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _entry(line: bytes) -> dict | None:
    """One entry of a journal, None where the line was cut off."""
    return json.loads(line) if line.endswith(b"\n") else None


def _npy_header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    assert header.tell() == HEADER
    return header.getvalue()


@contextlib.contextmanager
def _locked(folder: Path):
    """Two processes that prepare the same faces would write into each other's files: refuse the second."""
    with open(folder / "lock", "w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            pass
        except BlockingIOError as error:
            raise DataError(f"Another process is preparing {folder.stem}; wait until it is done.") from error
        yield


def resized(pictures: list[np.ndarray], size: int) -> np.ndarray:
    """Square pictures (s, s, 3) of any sizes, to uint8 (n, 3, size, size): bilinear, antialiased."""
    images = np.empty((len(pictures), 3, size, size), np.uint8)
    for side in {len(picture) for picture in pictures}:
        which = [i for i, picture in enumerate(pictures) if len(picture) == side]
        batch = torch.from_numpy(np.stack([pictures[i] for i in which])).permute(0, 3, 1, 2)
        if side != size:
            batch = interpolate(batch, (size, size), mode="bilinear", antialias=True)
        images[which] = batch.numpy()
    return images


def load_faces(source, size=64, attributes=None, partition=None, split=None, crop=None, cache=None) -> Faces:
    """Faces from whatever is given.

    Parameters
    ----------
    source : str or Path
        "drawn", or "drawn:20000" for 20,000 drawn faces; CelebA's zip; a prepared folder; a folder of photos.
    size : int, default 64
    attributes, partition, split, crop
        For CelebA's zip, see `celeba_faces`.
    cache : str or Path, default None
        Where prepared folders are kept, see `cache_folder`.

    Raises
    ------
    DataError
        If nothing can be made of it.
    """
    from .celeba import celeba_faces
    from .drawn import drawn_faces
    from .folder import folder_faces

    kind, _, count = str(source).partition(":")
    if kind == "drawn":
        if count and not count.isdecimal():
            raise DataError(f"{source!r} is no number of drawn faces; write for example drawn:20000.")
        return drawn_faces(int(count or 10_000), size=size)
    path = Path(source).expanduser()
    if not path.exists():
        raise DataError(f"{source} does not exist; give a zip, a folder, or drawn.")
    if path.is_file():
        return celeba_faces(path, attributes, partition, size, crop, cache, split)
    if not (path / "meta.json").exists():
        return folder_faces(path, size=size, cache=cache)
    faces = open_faces(path)
    if faces.size != size:
        raise DataError(f"{path} holds faces of {faces.size}×{faces.size}, not {size}×{size}; prepare that size.")
    return faces

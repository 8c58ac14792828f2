"""Packing: pictures become a folder of faces, with all cores, going on where it was stopped.

A folder in the making is `NAME.partial`: images are appended to `images.npy`, and when they are safely on the
disk a line of `journal.jsonl` says how far that is. Only a whole folder gets its own name.
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

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from .faces import FORMAT, SIZES, DataError, Faces, PreparationReport, open_faces, read_meta

CHUNK = 100  # images a piece of work
SYNC = 2000  # images between two lines of the journal
HEADER = 128  # bytes before the pixels in images.npy
JOURNAL = "journal.jsonl"
DISK_IS_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)


def cache_folder(cache=None) -> Path:
    """Where prepared folders are kept: `cache`; if None, `gan_lib` in XDG_CACHE_HOME or ~/.cache."""
    if cache is not None:
        return Path(cache).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gan_lib"


def prepared_folder(kind: str, settings: dict, cache=None, out=None) -> Path:
    """The folder for these settings: `out` when it is given, else one of its own in the cache."""
    if settings["size"] not in SIZES:
        raise DataError(f"size is {settings['size']}; faces are prepared at 32, 64 or 128 pixels.")
    if out is not None:
        return Path(out).expanduser().absolute()
    return cache_folder(cache) / f"{kind}-{fingerprint(settings)}"


def fingerprint(data) -> str:
    """Twelve hexadecimal digits that are others when the plain data is, or the format of prepared folders."""
    return hashlib.sha256(json.dumps([FORMAT, data]).encode()).hexdigest()[:12]


Work = Callable[[int, int], tuple[np.ndarray, dict[int, str]]]


def prepare(
    folder: Path, names: list[str], work: Work, settings: dict, source: str, skipped=(), progress=True, chunk=CHUNK
) -> Faces:
    """Make a prepared folder, or go on with it, or open it when it is there.

    Parameters
    ----------
    folder : Path
    names : list of str
        Of all images, in order.
    work : callable
        `work(first, last)` gives the images of these names, uint8 of shape (n, 3, S, S), and a dict from the
        number of each one left out to the reason. Several threads call it at a time.
    settings : dict
        All that the images depend on; `size` is one of them.
    source : str
        Where the faces come from, in words.
    skipped : list of (str, str)
        Names and reasons of what was left out from the start.
    progress : bool, default True
        Show a progress bar.
    chunk : int, default 100
        Images that `work` is asked for at a time.

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
    if folder.exists() and folder.samefile("."):
        raise DataError(f"{folder} is the folder you are in; give a new one, in it or beside it.")
    unfinished = folder.with_name(folder.name + ".partial")
    with disk_full_in_words(folder):
        unfinished.mkdir(parents=True, exist_ok=True)
        with _locked(unfinished):
            with contextlib.closing(_Partial(unfinished, settings)) as partial:
                _fill(partial, names, work, progress, chunk)
                partial.finish(names, source, list(skipped))
            if folder.exists():
                folder.rmdir()  # it is empty
            unfinished.rename(folder)
    (folder / JOURNAL).unlink()
    return open_faces(folder)


def _open_same(folder: Path, settings: dict) -> Faces:
    if not (folder / "meta.json").exists():
        raise DataError(f"{folder} is there and holds something else; choose a folder that is new or empty.")
    if read_meta(folder)["settings"] != settings:
        raise DataError(f"{folder} holds faces of another source or other settings; choose another folder.")
    return open_faces(folder)


def _fill(partial: "_Partial", names: list[str], work: Work, progress: bool, chunk: int) -> None:
    """Let all cores work on what is not done yet; append what they give in the order of the names."""
    _check_space(partial, len(names))
    spans = [(first, min(first + chunk, len(names))) for first in range(partial.done, len(names), chunk)]
    bar = tqdm(total=len(names), initial=partial.done, unit=" images", disable=not progress)
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
    """What `set_num_threads` does in one thread, it does to all that start later: put it back."""
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


@contextlib.contextmanager
def disk_full_in_words(folder: Path):
    """Say in a sentence that the disk is full, or the quota or the limit of a file's length reached."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_IS_FULL:
            raise
        raise DataError(
            f"The disk of {folder.parent} is full ({error.strerror}). What is done is kept; "
            "make room and prepare again, and it goes on from there."
        ) from error


class _Partial:
    """A folder in the making: images are appended and, once they are on the disk, the journal says so."""

    def __init__(self, folder: Path, settings: dict):
        self.folder, self.settings = folder, settings
        self.image_bytes = 3 * settings["size"] ** 2
        self.images = _open(folder / "images.npy")
        self.journal = _open(folder / JOURNAL)
        self.done, self.kept, self.skipped = self._go_on()
        self.synced, self.unsaid = self.done, []

    def _go_on(self) -> tuple[int, int, list]:
        """Read the journal as far as it is good, and cut both files to that."""
        first, entries = {"settings": self.settings}, _entries(self.journal.readlines())
        end = HEADER + (entries[-1].get("kept", 0) if entries else 0) * self.image_bytes
        if entries[:1] != [first] or self.images.seek(0, os.SEEK_END) < end:
            entries, end = [first], HEADER
        self.images.truncate(end)
        self.images.seek(end)
        self.journal.seek(0)
        self.journal.truncate()
        _write(self.journal, b"".join(map(_line, entries)))
        skipped = [tuple(pair) for entry in entries[1:] for pair in entry["skipped"]]
        return entries[-1].get("done", 0), entries[-1].get("kept", 0), skipped

    def append(self, images: np.ndarray, skipped: list, done: int) -> None:
        _write(self.images, images.tobytes())
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
        left_out = dict(self.skipped)
        skipped = sorted(skipped + self.skipped)
        if not self.kept:
            self.discard()
            raise DataError(f"No image can be used from {source}: {PreparationReport(0, skipped)}")
        size = self.settings["size"]
        meta = {"format": FORMAT, "source": source, "size": size, "read": self.kept, "skipped": skipped}
        meta["settings"] = self.settings
        _write_whole(self.folder / "names.json", [name for name in names if name not in left_out])
        _write_whole(self.folder / "meta.json", meta)
        self.images.seek(0)
        _write(self.images, _npy_header((self.kept, 3, size, size)))
        os.fsync(self.images.fileno())

    def discard(self) -> None:
        """Leave nothing behind."""
        self.close()
        for name in ("images.npy", JOURNAL):
            (self.folder / name).unlink()
        self.folder.rmdir()

    def close(self) -> None:
        self.images.close()
        self.journal.close()


def _open(path: Path):
    """Open a file to read and write, made when it is not there; unbuffered, so that closing cannot fail."""
    return open(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", buffering=0)


def _write(file, data: bytes) -> None:
    """Write all of it: without a buffer, `write` may stop halfway."""
    while data:
        data = memoryview(data)[file.write(data) :]


def _write_whole(path: Path, data) -> None:
    """Write bytes, or plain data as JSON, through to the disk."""
    with open(path, "wb", buffering=0) as file:
        _write(file, data if isinstance(data, bytes) else json.dumps(data, indent=1).encode())
        os.fsync(file.fileno())


def _line(entry: dict) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _entries(lines: list[bytes]) -> list[dict]:
    """The entries of a journal, up to the first line that was cut off."""
    entries = []
    with contextlib.suppress(ValueError):
        for line in lines:
            entries.append(json.loads(line.removesuffix(b"\n") if line.endswith(b"\n") else b""))
    return entries


def _npy_header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    assert header.tell() == HEADER
    return header.getvalue()


@contextlib.contextmanager
def _locked(folder: Path):
    """Two processes that prepare the same faces would write into each other's files: refuse the second."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DataError(f"Another process is preparing {folder.stem}; wait until it is done.") from error
    finally:
        os.close(handle)


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


def read_names(folder: Path) -> list[str]:
    """The names of the images in a prepared folder, in their order."""
    return json.loads((folder / "names.json").read_text(encoding="utf-8"))


def keep_attributes(folder: Path, values: np.ndarray, names: tuple[str, ...]) -> None:
    """Put attributes into a prepared folder, whole or not at all."""
    data = io.BytesIO()
    np.savez_compressed(data, values=values, names=np.array(names))
    with disk_full_in_words(folder):
        _write_whole(folder / "attributes.npz.partial", data.getvalue())
    os.replace(folder / "attributes.npz.partial", folder / "attributes.npz")

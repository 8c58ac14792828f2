"""A folder of photos: what people have, of any kind, size and shape."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .faces import DataError, Faces
from .packing import fingerprint, prepare, prepared_folder, resized
from .pictures import Unusable, check_side, open_picture

__all__ = ["folder_faces"]


def folder_faces(path, size=64, cache=None, out=None, progress=True) -> Faces:
    """Faces from a folder of photos and the folders in it: of each photo the square in its middle.

    JPEG, PNG, WebP, BMP and the first frame of GIF; grey, palette, CMYK, 16 bits, transparent (laid on white);
    turned as EXIF says. A file is skipped, with a reason in `faces.report`, if it is no image, broken, has more
    than 80 million pixels, or its square less than half the pixels a side that are wanted. Hidden files are
    passed over. The first call writes the squares to a folder in the cache; the next ones only open it.

    Parameters
    ----------
    path : str or Path
    size : int, default 64
        Side of a face: 32, 64 or 128 pixels.
    cache, out, progress
        As for `celeba_faces`.

    Returns
    -------
    faces : Faces
        Memory-mapped, without attributes, in the order of the paths.

    Raises
    ------
    DataError
        If there is no file, none can be used, or the disk is full.
    """
    photos = PhotoFolder(path, size)
    folder = prepared_folder("folder", photos.settings, cache, out)
    if photos.root.resolve() in folder.resolve().parents:
        raise DataError(f"{folder} lies among the photos of {path}; choose a place outside.")
    source = f"photos in {photos.root.resolve().name}"
    return prepare(folder, photos.names, photos.faces, photos.settings, source, (), progress)


class PhotoFolder:
    """The files of a folder and of the folders in it, in the order of their paths."""

    def __init__(self, path, size: int):
        self.root, self.size = Path(path).expanduser(), size
        if not self.root.is_dir():
            raise DataError(f"{path} is no folder; give one with photos in it.")
        self.names = sorted(self._files())
        if not self.names:
            raise DataError(f"{path} holds no file; give a folder with photos in it.")

    def _files(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                path = Path(folder, name)
                if not name.startswith(".") and (path.is_file() or path.is_symlink()):
                    yield path.relative_to(self.root).as_posix()

    @property
    def settings(self) -> dict:
        """All that the faces depend on; the files by their paths, lengths and times of change."""
        files = fingerprint([[name, *self._state(name)] for name in self.names])
        return {"kind": "folder", "size": self.size, "files": files}

    def _state(self, name: str) -> tuple[int, int]:
        state = os.stat(self.root / name, follow_symlinks=os.path.exists(self.root / name))
        return state.st_size, state.st_mtime_ns

    def faces(self, first: int, last: int) -> tuple[np.ndarray, dict[int, str]]:
        """The faces of files `first` to `last`, and why the others are skipped."""
        faces, reasons = [np.empty((0, 3, self.size, self.size), np.uint8)], {}
        for i in range(first, last):
            try:
                faces.append(self._face(self.root / self.names[i]))
            except Unusable as reason:
                reasons[i] = str(reason)
        return np.concatenate(faces), reasons

    def _face(self, path: Path) -> np.ndarray:
        square = middle(open_picture(path, at_least=2 * self.size))
        check_side(len(square), self.size)
        return resized([square], self.size)


def middle(picture: np.ndarray) -> np.ndarray:
    """The largest square in the middle of a picture (H, W, 3)."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]

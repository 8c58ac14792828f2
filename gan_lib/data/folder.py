"""A folder of photos."""

from .faces import Faces


def folder_faces(path, size=64, cache=None, progress=True) -> Faces:
    raise NotImplementedError

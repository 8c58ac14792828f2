"""Faces from three sources, each one call: drawn, CelebA, a folder of photos.

Names are imported when they are first used.
"""

from importlib import import_module

_HOME_OF = {
    "DataError": "faces",
    "Faces": "faces",
    "PreparationReport": "faces",
    "open_faces": "faces",
    "to_float": "faces",
    "to_uint8": "faces",
    "drawn_faces": "drawn",
    "CELEBA_CROP": "celeba",
    "celeba_faces": "celeba",
    "folder_faces": "folder",
    "load_faces": "prepare",
    "prepare_drawn": "prepare",
}

__all__ = [*_HOME_OF]


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"gan_lib.data has no {name!r}; it has {', '.join(sorted(_HOME_OF))}.")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

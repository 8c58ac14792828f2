"""Drawn faces: as many as wanted, the same on every machine, with the names of CelebA's attributes.

Face `i` of seed `s` depends on `s` and `i` alone, never on how many are drawn at a time or where. Its random
numbers come from a hash of seed, face and column; its pixels from operations that every machine rounds alike.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np

from ..memory import keep_freed_memory
from .drawn_canvas import Few
from .drawn_parts import BLOCK, portraits
from .drawn_people import ATTRIBUTE_NAMES, people

__all__ = ["ATTRIBUTE_NAMES", "drawn_faces", "draw", "people", "render"]

# Those who have such a thing are drawn together: who has it not need not wait for it. The last counts most.
ALIKE = ("heavy_makeup", "mouth_slightly_open", "wearing_earrings", "beard", "eyeglasses", "wearing_hat", "bald",
         "long")  # fmt: skip
CHUNK = 512  # faces drawn at a time: many, for the more alike are those drawn together
MUCH = 2**24  # pixels, 4,096 faces of 64×64: a second's work, worth the start of other processes


def drawn_faces(count=10_000, seed=0, size=64, start=0):
    """Draw faces with known attributes.

    Parameters
    ----------
    count : int, default 10000
    seed : int, default 0
        Other seeds, other people.
    size : int, default 64
        Side of a picture: 32, 64 or 128 pixels.
    start : int, default 0
        Number of the first face.

    Returns
    -------
    faces : Faces
        In memory, with the attributes of `ATTRIBUTE_NAMES`.

    Raises
    ------
    ValueError
        If the size is none of the three, or `count` or `start` is negative.
    """
    from .faces import Faces

    images, attributes = render(seed, start, count, size)
    return Faces(images, attributes, ATTRIBUTE_NAMES, source=f"drawn, seed {seed}, from face {start}")


def render(seed=0, start=0, count=64, size=64, overrides=None, processes=None):
    """Draw faces `start` to `start + count` of a seed.

    Parameters
    ----------
    seed, start, count, size : int
        As for `drawn_faces`.
    overrides : dict, default None
        Attributes set by hand: `{"Smiling": True}` makes everybody smile and leaves all else as it was.
    processes : int, default None
        Processes to draw with; if None, one, or one for each core where there is much to draw. It does not
        change the pictures.

    Returns
    -------
    images : uint8 array of shape (count, 3, size, size)
    attributes : bool array of shape (count, A)
        In the order of `ATTRIBUTE_NAMES`.

    Raises
    ------
    ValueError
        If the size is none of the three, or `count` or `start` is negative.
    KeyError
        For an override that is no name of an attribute.
    """
    if size not in (32, 64, 128):
        raise ValueError(f"size is {size}, but faces are drawn at 32, 64 or 128 pixels: choose one of these")
    if count < 0 or start < 0:
        raise ValueError(f"count is {count} and start is {start}, but neither can be negative: start from 0")
    from .drawn_crew import Crew

    images, attributes = blank(count, size)
    spans = [slice(first, first + CHUNK) for first in range(0, count, CHUNK)]
    processes = processes or processes_for(count, size)
    with Crew(processes) as crew, ThreadPoolExecutor(processes) as pool:
        orders = ((seed, start + span.start, images[span], attributes[span], overrides) for span in spans)
        list(pool.map(lambda order: crew.render(*order), orders))
    return images, attributes


def processes_for(count, size):
    """How many processes it is worth drawing with."""
    return os.cpu_count() if count * size * size >= MUCH else 1


def blank(count, size):
    """Arrays for so many images and their attributes, not filled yet."""
    return np.empty((count, 3, size, size), np.uint8), np.empty((count, len(ATTRIBUTE_NAMES)), bool)


def render_here(seed, start, images, attributes, overrides=None):
    """Draw faces from `start` on in this process, into arrays (see `blank`), and return the arrays."""
    keep_freed_memory()
    crowd = people(seed, np.arange(start, start + len(images)), overrides)
    images[...], attributes[...] = draw(crowd, images.shape[-1]), crowd["attributes"]
    return images, attributes


def draw(crowd, size=64):
    """Draw the people that `people` described: uint8 array of shape (N, 3, size, size)."""
    order = np.lexsort([crowd[name][:, 0, 0] for name in ALIKE])
    crowd = SimpleNamespace(**{name: column[order] for name, column in crowd.items()})
    images = np.empty((len(order), 3, size, size), np.uint8)
    few = max(1, BLOCK // (size * size))
    with np.errstate():
        np.setbufsize(512)  # one measure then serves a whole face; with the usual 8192 NumPy copies it per pixel
        for first in range(0, len(order), few):
            block = slice(first, first + few)
            images[order[block]] = portraits(Few(crowd, block), size)
    return images

"""What is given, to `Faces`: `load_faces`, and the command `python -m gan_lib prepare`."""

import argparse
from operator import index
from pathlib import Path

import numpy as np

from .. import __version__
from .celeba import celeba_faces
from .drawn import ATTRIBUTE_NAMES, CHUNK, blank, drawn_faces, people, processes_for
from .drawn_crew import Crew
from .faces import DataError, Faces, open_faces, printable
from .folder import folder_faces
from .packing import keep_attributes, prepare, prepared_folder

__all__ = ["load_faces", "prepare_drawn"]


def load_faces(source, size=64, attributes=None, partition=None, split=None, crop=None, cache=None) -> Faces:
    """Give faces from whatever is given.

    Parameters
    ----------
    source : str or Path
        "drawn", or "drawn:20000" for 20,000 drawn faces; CelebA's zip; a prepared folder; a folder of photos.
    size : int, default 64
    attributes, partition, split, crop
        For CelebA's zip only, see `celeba_faces`.
    cache : str or Path, default None
        Where prepared folders are kept, as in `celeba_faces`.

    Returns
    -------
    faces : Faces

    Raises
    ------
    DataError
        If nothing can be made of it, or what is for CelebA's zip only is given with anything else.
    ValueError
        For drawn faces of another size than 32, 64 or 128.
    """
    kind, _, count = str(source).partition(":")
    path = Path(source).expanduser()
    if kind != "drawn" and not path.exists():
        raise DataError(f"{source} does not exist; give a zip, a folder, or drawn.")
    if kind != "drawn" and path.is_file():
        return celeba_faces(path, attributes, partition, size, crop, cache, split)
    celebas = {"attributes": attributes, "crop": crop, "partition": partition, "split": split}
    given = [name for name, value in celebas.items() if value is not None]
    if given:
        raise DataError(f"{', '.join(given)}: for CelebA's zip only, and {source} is none; leave that out.")
    if kind == "drawn":
        if count and not count.isdecimal():
            raise DataError(f"{source!r} is no number of drawn faces; write for example drawn:20000.")
        return drawn_faces(int(count or 10_000), size=size)
    if not (path / "images.npy").exists():
        return folder_faces(path, size=size, cache=cache)
    faces = open_faces(path)
    if faces.size != size:
        raise DataError(f"{path} holds faces of size {faces.size}, not {size}; prepare them at that size.")
    return faces


def prepare_drawn(count=10_000, seed=0, size=64, cache=None, out=None, progress=True) -> Faces:
    """Drawn faces, once and for all in a folder: for more of them than memory holds.

    Parameters
    ----------
    count, seed, size : int
        As for `drawn_faces`.
    cache, out, progress
        As for `celeba_faces`.

    Returns
    -------
    faces : Faces
        Memory-mapped, with attributes.

    Raises
    ------
    DataError
        If there is no face to draw, or the disk is full.
    """
    count, seed, size = map(index, (count, seed, size))
    if count < 1:
        raise DataError(f"count is {count}; draw at least one face.")
    settings = {"kind": "drawn", "version": __version__, "count": count, "seed": seed, "size": size}
    folder = prepared_folder("drawn", settings, cache, out)
    names = [str(i) for i in range(count)]
    source = f"drawn, seed {seed}, faces 0 to {count}"

    with Crew(processes_for(count, size)) as crew:

        def work(first, last):
            images, attributes = blank(last - first, size)
            crew.render(seed, first, images, attributes)
            return images, {}

        faces = prepare(folder, names, work, settings, source, progress=progress, chunk=CHUNK)
    if faces.attributes is None:
        keep_attributes(folder, people(seed, np.arange(count))["attributes"], ATTRIBUTE_NAMES)
    return open_faces(folder)


def add_prepare_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m gan_lib prepare`."""
    parser.description = (
        "Turn a source into a folder of faces that opens at once. Progress is shown, all cores work, "
        "and what was stopped goes on where it was: call it again."
    )
    sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")
    drawn = sources.add_parser("drawn", help="faces that the library draws")
    drawn.add_argument("--count", type=int, default=10_000, metavar="N", help="how many (default: 10000)")
    drawn.add_argument("--seed", type=int, default=0, metavar="N", help="which people (default: 0)")
    celeba = sources.add_parser("celeba", help="CelebA, from the official zip")
    celeba.add_argument("path", metavar="ZIP", help="img_align_celeba.zip")
    celeba.add_argument("--attributes", metavar="FILE", help="list_attr_celeba.txt")
    celeba.add_argument("--partition", metavar="FILE", help="list_eval_partition.txt, with --split")
    celeba.add_argument("--split", metavar="NAME", help="train, valid or test")
    celeba.add_argument(
        "--crop", type=int, nargs=4, metavar=("LEFT", "TOP", "RIGHT", "BOTTOM"),
        help="the square to keep, in pixels of the 178×218 frame (default: 25 57 153 185)",
    )  # fmt: skip
    photos = sources.add_parser("folder", help="a folder of photos, and the folders in it")
    photos.add_argument("path", metavar="FOLDER", help="where the photos are")
    for source in (drawn, celeba, photos):
        source.add_argument("--size", type=int, default=64, metavar="S", help="32, 64 (default) or 128 pixels")
        source.add_argument("--out", metavar="FOLDER", help="where they go (default: in ~/.cache/gan_lib)")


def prepare_command(options: argparse.Namespace) -> None:
    """`python -m gan_lib prepare`: prepare, then say what was read and skipped, and where the faces are."""
    given = {name: value for name, value in vars(options).items() if name not in ("source", "path", "run")}
    if options.source == "drawn":
        faces = prepare_drawn(**given)
    else:
        faces = {"celeba": celeba_faces, "folder": folder_faces}[options.source](options.path, **given)
    print(f"{faces.report}\nThe faces are in {printable(str(Path(faces.images.filename).parent))}.")

"""The records of the runs that the book shows. They come with the library, so that a chapter runs anywhere."""

import os
import shutil
from pathlib import Path

_HERE = Path(__file__).parent


def records() -> Path:
    """Give the folder with the records of runs: `faces`, `drawn-faces`, `report-celeba9k` and those of `ladder`.

    Raises FileNotFoundError when the library was installed without them.
    """
    for folder in (_HERE / "recorded", _HERE.parent / "book" / "runs"):  # installed; in a clone of the book
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"There are no records beside {_HERE}: install gan_lib from the book's folder with `pip install .`."
    )


def copy_records(target: str | Path = "runs") -> Path:
    """Put the records where the chapters look for them, beside the notebook. What is there already stays."""
    target = Path(target)
    for source in (path for path in records().rglob("*") if path.is_file()):
        place = target / source.relative_to(records())
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            half = place.with_name(f".{place.name}.part")
            shutil.copyfile(source, half)
            os.replace(half, place)  # whole or not at all
    return target

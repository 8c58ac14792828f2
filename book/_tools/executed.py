"""Put the executed notebooks of a built book where nbval can run them again and compare every output.

    python book/_tools/executed.py FOLDER

It reads FOLDER/_build/jupyter_execute and writes FOLDER/executed. nbval passes whatever has no stored output, so
the outputs are counted first; and a kernel starts in the folder of its notebook, so what the chapters read from
book/ is put beside them.
"""

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return sum(len(cell["outputs"]) for cell in cells if cell["cell_type"] == "code")


def main(folder):
    folder = Path(folder)
    notebooks = sorted(folder.glob("_build/jupyter_execute/book/*.ipynb"))
    empty = [notebook.stem for notebook in notebooks if not outputs(notebook)]
    if empty or not notebooks:
        sys.exit(
            f"No stored outputs in {', '.join(empty) or folder}: build the book first."
        )
    shutil.rmtree(folder / "executed", ignore_errors=True)
    (folder / "executed").mkdir()
    for notebook in notebooks:
        shutil.copy(notebook, folder / "executed")
    for name in ("matplotlibrc", "runs"):
        (folder / "executed" / name).symlink_to(ROOT / "book" / name)
    print(f"{len(notebooks)} executed notebooks with {sum(map(outputs, notebooks))} outputs to compare.")


if __name__ == "__main__":
    main(*sys.argv[1:])

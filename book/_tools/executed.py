"""Make the executed notebooks of a built book ready for nbval, which runs them again and compares every output.

    python book/_tools/executed.py FOLDER

The notebooks are in FOLDER/_build/executed. nbval passes whatever has no stored output, so the outputs are counted
first. It does not know that a semicolon hides the last value of a cell, so a line without a value is put after it.
A kernel starts in the folder of its notebook, so what the chapters read from book/ is put beside them.
"""

import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]


def prepare(path):
    """Make one notebook ready, and count its stored outputs."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        if cell.source.rstrip().endswith(";"):
            cell.source += "\nNone"
    nbformat.write(notebook, path)
    return sum(len(cell.outputs) for cell in cells)


def main(folder):
    executed = Path(folder) / "_build" / "executed"
    counts = {path.stem: prepare(path) for path in sorted(executed.glob("*.ipynb"))}
    if not counts or not all(counts.values()):
        empty = [name for name, count in counts.items() if not count]
        sys.exit(f"No stored outputs in {', '.join(empty) or executed}: build the book first.")
    for name in ("matplotlibrc", "runs"):
        link = executed / name
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / "book" / name)
    print(f"{len(counts)} executed notebooks with {sum(counts.values())} outputs to compare.")


if __name__ == "__main__":
    main(*sys.argv[1:])

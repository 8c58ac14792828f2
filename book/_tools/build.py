"""Build the book: every chapter executed afresh, warnings are errors, and a table of how long each one took.

    python book/_tools/build.py [FOLDER]

The pages go to FOLDER/_build/html; FOLDER is this checkout when it is not given. Chapters run beside each other,
each on one thread: with more, sums are rounded differently, and the figures would depend on the number of cores.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
JOBS = min(os.cpu_count() or 1, 4)  # a chapter that trains takes up to 3 GB
JUPYTER_BOOK = f"""
from functools import partial
from jupyter_book import sphinx
from jupyter_book.cli.main import main

sphinx.build_sphinx = partial(sphinx.build_sphinx, jobs={JOBS})  # for which the command has no option
main()
"""
STALE = ("html", "executed", "jupyter_execute", ".doctrees", ".jupyter_cache", "chapter_times.json")


def clean(build):
    for path in (build / name for name in STALE):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def faults(notebook):
    """What went wrong in an executed notebook: cells that failed, and cells that never ran."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for number, cell in enumerate((cell for cell in cells if cell["cell_type"] == "code"), 1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{notebook.stem}, code cell {number}: {output['ename']}: {output['evalue']}"
        if cell["execution_count"] is None and "".join(cell["source"]).strip():
            yield f"{notebook.stem}, code cell {number} was not executed."


def table(times):
    width = max(len(name) for name in times)
    rows = [f"  {name:<{width}}  {seconds:6.1f} s" for name, seconds in times.items()]
    return "\n".join(rows + [f"  {'all chapters':<{width}}  {sum(times.values()):6.1f} s"])


def main(folder=ROOT):
    build = Path(folder).resolve() / "_build"
    start = time.time()
    clean(build)
    options = ["--path-output", str(build.parent), "-W", "-n", "--keep-going"]
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(ROOT), *options]
    built = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}).returncode == 0
    wrong = [line for notebook in sorted(build.glob("jupyter_execute/**/*.ipynb")) for line in faults(notebook)]
    if wrong or not built:
        sys.exit("\n".join([*wrong, "The book was not built: see the warnings above; each counts as an error."]))
    times = json.loads((build / "chapter_times.json").read_text())
    print(
        f"\nThe chapters took\n{table(times)}\nand the whole build {time.time() - start:.0f} s. The book is at\n"
    )
    print(f"  {build / 'html' / 'index.html'}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

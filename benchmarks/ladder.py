"""Climb the ladder: train each rung for the same budget, measure it, keep a small record.

    python benchmarks/ladder.py book/runs/ladder --faces img_align_celeba.zip
    python benchmarks/ladder.py book/runs/ladder --faces img_align_celeba.zip --rungs r1 --seeds 0
    python benchmarks/ladder.py book/runs/ladder --speed

Each rung of `gan_lib.LADDER` is trained on all faces but the last ninth, once for each seed, and measured against
those and the held-out ninth. Killed and called again, it goes on where it was. For every run the record's folder
gets `<rung>-<seed>.json` (recipe, hardware, figures with intervals) and, for the first seed, `<rung>.webp` (64
samples, the first 64, none chosen). At the end, and with `--table` alone, it prints the table.

Runs may share the machine with each other. How long a step takes is measured apart, one rung after the other, with
`--speed`; it goes to `speed.json`.
"""

import argparse
import json
import statistics
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from gan_lib import (
    LADDER,
    TrainingState,
    drawn_faces,
    load_checkpoint,
    load_faces,
    make_reference,
    measure,
    record_run,
    resume,
    train,
)
from gan_lib.runs import describe_run, hardware, write_json

COLUMNS = {
    "Fréchet distance": ("Fréchet", 1, "{:.2f}"),
    "kernel distance": ("KID·1000", 1000, "{:.1f}"),
    "precision": ("precision", 1, "{:.2f}"),
    "recall": ("recall", 1, "{:.2f}"),
    "a face is found": ("detector", 100, "{:.0f} %"),
}


def climb(rung: str, seed: int, options, faces, reference) -> None:
    """Train, measure and write down one rung with one seed, unless its record is there."""
    record = options.record / f"{rung}-{seed}.json"
    if record.exists():
        return
    recipe = replace(LADDER[rung], steps=options.steps or LADDER[rung].steps, seed=seed)
    folder = options.work / f"{rung}-{seed}"
    state = resume(folder, recipe)
    run = train(recipe, faces, state, folder, checkpoint_every=100)
    run = record_run(run, state, faces, folder, [recipe.steps])
    for _ in tqdm(run, f"{rung}, seed {seed}", recipe.steps, initial=state.step, dynamic_ncols=True):
        pass
    if state.step < recipe.steps:
        raise KeyboardInterrupt
    report = measure(load_checkpoint(folder).sampler, reference, seed=seed)
    sheet = options.record / f"{rung}.webp"
    if not sheet.exists():  # that of the first seed stays
        Image.open(folder / "samples" / f"{recipe.steps:06d}.png").save(sheet, quality=70, method=6)
    about = describe_run(state, faces) | {
        "samples": report.rows[0].generated.samples,
        "figures": {row.name: _interval(row.generated) for row in report.rows},
        "floor": {row.name: _interval(row.floor) for row in report.rows},
        "ceiling": {row.name: _interval(row.ceiling) for row in report.rows},
    }
    write_json(record, about)


def time_rungs(record: Path, turns: int = 3) -> None:
    """Write down how many seconds a step of each rung takes: the median of some turns over eight steps each.

    Eight steps hold one with penalties, where these are paid every eighth. The faces are drawn ones.
    """
    faces, seconds = drawn_faces(64), {}
    for rung in tqdm(LADDER, "timing", dynamic_ncols=True):
        steps = train(LADDER[rung], faces, TrainingState(LADDER[rung]))
        next(steps)  # the first one is slower
        speeds = [[next(steps).images_per_second for _ in range(8)] for _ in range(turns)]
        each = [LADDER[rung].batch_size / statistics.harmonic_mean(turn) for turn in speeds]
        seconds[rung] = round(statistics.median(each), 4)
    about = {"hardware": hardware(torch.device("cpu")), "threads": torch.get_num_threads()}
    write_json(record / "speed.json", about | {"date": f"{date.today()}", "seconds": seconds})


def _interval(measured) -> list[float]:
    return [float(f"{value:.5g}") for value in (measured.value, measured.low, measured.high)]


def table(folder: Path) -> str:
    """The rungs in their order, a figure for each seed, the floor and the ceiling of the first record."""
    speed = folder / "speed.json"
    seconds = json.loads(speed.read_text())["seconds"] if speed.exists() else {}
    lines, one = [["", *(head for head, _, _ in COLUMNS.values()), "s a step"]], None
    for rung in LADDER:
        runs = [json.loads(path.read_text()) for path in sorted(folder.glob(f"{rung}-[0-9]*.json"))]
        if runs:
            one = one or runs[0]
            figures = _cells([run["figures"] for run in runs])
            lines.append([rung, *figures, f"{seconds[rung]:.2f}" if seconds else ""])
    if one:
        lines += [[name, *_cells([one[name]]), ""] for name in ("floor", "ceiling")]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cells(runs: list[dict]) -> list[str]:
    return [
        " ".join(form.format(scale * run[name][0]) for run in runs) for name, (_, scale, form) in COLUMNS.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path, help="where the small records are kept")
    parser.add_argument("--faces", help="real faces; the last ninth is held out")
    parser.add_argument("--work", type=Path, default=Path("runs/ladder"), help="where the runs are")
    parser.add_argument("--rungs", nargs="*", choices=LADDER, default=list(LADDER), metavar="RUNG")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1], metavar="N")
    parser.add_argument("--steps", type=int, help="instead of the rungs' own number")
    parser.add_argument("--speed", action="store_true", help="only time the steps")
    parser.add_argument("--table", action="store_true", help="only print the table")
    options = parser.parse_args()
    options.record.mkdir(parents=True, exist_ok=True)
    if options.speed:
        time_rungs(options.record)
    elif not options.table:
        if not options.faces:
            parser.error("--faces is missing: give img_align_celeba.zip, or --table or --speed, which need none.")
        faces = load_faces(options.faces)
        cut = len(faces) - len(faces) // 9
        reference = make_reference(faces[:cut], faces[cut:])
        for seed in options.seeds:
            for rung in options.rungs:
                climb(rung, seed, options, faces[:cut], reference)
    print(table(options.record))


if __name__ == "__main__":
    main()

"""Climb the ladder: train each rung for the same budget, measure it, keep a small record.

    python benchmarks/ladder.py book/runs/ladder --faces img_align_celeba.zip
    python benchmarks/ladder.py book/runs/ladder --faces img_align_celeba.zip --rungs r1 --seeds 0

Each rung of `gan_lib.LADDER` is trained on all faces but the last ninth, once for each seed, and measured against
those and the held-out ninth. Killed and called again, it goes on where it was. For every run the record's folder
gets `<rung>-<seed>.json` (recipe, hardware, seconds a step, figures with intervals) and, for the first seed,
`<rung>.webp` (64 samples, the first 64, none chosen). At the end, and with `--table` alone, it prints the table.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from gan_lib import LADDER, load_checkpoint, load_faces, measure, read_metrics, record_run, resume, train
from gan_lib.metrics import make_reference
from gan_lib.runs import describe_run, write_json

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
    if seed == options.seeds[0]:
        sheet = Image.open(folder / "samples" / f"{recipe.steps:06d}.png")
        sheet.save(options.record / f"{rung}.webp", quality=70, method=6)
    speed = read_metrics(folder / "metrics.csv")["images_per_second"]
    about = describe_run(state, faces) | {
        "seconds_a_step": round(recipe.batch_size / statistics.median(speed), 4),
        "images_per_second": round(float(statistics.median(speed)), 1),
        "samples": report.rows[0].generated.samples,
        "figures": {row.name: _interval(row.generated) for row in report.rows},
        "floor": {row.name: _interval(row.floor) for row in report.rows},
        "ceiling": {row.name: _interval(row.ceiling) for row in report.rows},
    }
    write_json(record, about)


def _interval(measured) -> list[float]:
    return [float(f"{value:.5g}") for value in (measured.value, measured.low, measured.high)]


def table(folder: Path) -> str:
    """The rungs in their order, a figure for each seed, the floor and the ceiling of the first record."""
    heads = ["", *(head for head, _, _ in COLUMNS.values()), "s a step"]
    lines, one = [heads], None
    for rung in LADDER:
        runs = [json.loads(path.read_text()) for path in sorted(folder.glob(f"{rung}-[0-9]*.json"))]
        if runs:
            one = one or runs[0]
            speed = " ".join(f"{run['seconds_a_step']:.2f}" for run in runs)
            lines.append([rung, *_cells([run["figures"] for run in runs]), speed])
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
    parser.add_argument("--table", action="store_true", help="only print the table")
    options = parser.parse_args()
    options.record.mkdir(parents=True, exist_ok=True)
    if not options.table:
        faces = load_faces(options.faces)
        cut = len(faces) - len(faces) // 9
        reference = make_reference(faces[:cut], faces[cut:])
        for seed in options.seeds:
            for rung in options.rungs:
                climb(rung, seed, options, faces[:cut], reference)
    print(table(options.record))


if __name__ == "__main__":
    main()

"""Would more epochs have helped? Train a recipe for longer than it says and measure it along the way.

    python benchmarks/patience.py book/runs/patience --faces img_align_celeba.zip
    python benchmarks/patience.py book/runs/patience --faces img_align_celeba.zip --times 10

Trains on all faces but the last ninth. Every `--every` steps it measures 1,000 new faces against those: Fréchet
distance, kernel distance, precision, recall; and how many of the faces learned from, of those held out and of the
generator's the discriminator calls real. Killed and called again, it goes on where it was. The record's folder
gets `recipe.json`, `along.json` (a row for each measuring) and, at `--times` 1, 2, …, the samples as WebP.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from keep_run import SAMPLES, called_real
from PIL import Image
from tqdm import tqdm

from gan_lib import (
    OBJECTIVES,
    RECIPES,
    face_features,
    frechet_distance,
    kernel_distance,
    latents_from_seed,
    load_faces,
    precision_recall,
    record_run,
    resume,
    sample,
    to_float,
    train,
)
from gan_lib.runs import describe_run, save_grid, write_json


def look(state, shown, real) -> dict[str, float]:
    """One row: the generator against the real faces' features, the discriminator on three kinds of faces."""
    latents = latents_from_seed(state.step, SAMPLES, state.recipe.latent_size).to(state.device)
    faces = sample(state.sampler, latents)
    features = face_features(faces.cpu())
    near = precision_recall(real, features)
    figures = {
        "frechet": frechet_distance(real, features, draws=1).value,
        "kernel": kernel_distance(real, features).value,
        "precision": near.precision.value,
        "recall": near.recall.value,
    }
    if not OBJECTIVES[state.recipe.objective].pairs:  # of pairs the logits mean nothing by themselves
        shown = shown | {"generated": faces}
        figures |= {
            f"{name}_called_real": called_real(state.discriminator, images) for name, images in shown.items()
        }
    return {"step": state.step} | {name: float(f"{value:.4g}") for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path, help="where the small record is kept")
    parser.add_argument("--faces", required=True, help="real faces; the last ninth is held out")
    parser.add_argument("--recipe", choices=RECIPES, default="report", metavar="NAME")
    parser.add_argument("--times", type=int, default=2, help="how many times the recipe's steps (default: 2)")
    parser.add_argument("--every", type=int, default=226, help="steps between two measurings (default: 226)")
    parser.add_argument("--work", type=Path, default=Path("runs/patience"), help="where the run is")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    recipe, once = RECIPES[options.recipe], RECIPES[options.recipe].steps
    if recipe.learning_rate_end is not None or recipe.penalty_end != 1:
        parser.error(f"{options.recipe} lets rates or penalties fall by its end: more steps make another recipe.")
    options.record.mkdir(parents=True, exist_ok=True)

    faces = load_faces(options.faces)
    cut = len(faces) - len(faces) // 9
    real = face_features(faces[:cut])
    shown = {"learned": faces[:SAMPLES], "held_out": faces[cut:][:SAMPLES]}
    shown = {name: to_float(part.images).to(options.device) for name, part in shown.items()}

    recipe = replace(recipe, steps=options.times * once)
    state = resume(options.work, recipe, options.device)
    write_json(options.record / "recipe.json", describe_run(state, faces[:cut]))
    along = options.record / "along.json"
    rows = json.loads(along.read_text()) if along.exists() else []
    run = train(recipe, faces[:cut], state, options.work, checkpoint_every=options.every)
    run = record_run(run, state, faces[:cut], options.work)
    for _ in tqdm(run, "training", recipe.steps, initial=state.step, dynamic_ncols=True):
        if state.step % options.every == 0 or state.step % once == 0:
            rows = [row for row in rows if row["step"] < state.step] + [look(state, shown, real)]
            write_json(along, rows)
        if state.step % once == 0:
            grid = Image.open(save_grid(state, options.work))
            grid.save(options.record / f"{state.step:06d}.webp", quality=88, method=6)


if __name__ == "__main__":
    main()

"""Turn a finished run into the small record that the book shows, and measure it.

    python -m gan_lib train --recipe report --faces img_align_celeba.zip --first 8000 --out runs/report
    python benchmarks/keep_run.py runs/report book/runs/report-celeba9k \\
        --faces img_align_celeba.zip --name report-celeba9k

Writes recipe.json, metrics.csv, the sample grids as WebP and measures.json to the record's folder, and the packed
generator to gan_lib/pretrained. Measured are: everything in `gan_lib.metrics`, on 1,000 samples, the real faces
held out (the floor) and noise (the ceiling); how often the discriminator calls the faces it was trained on real,
those held out, and its generator's (but for the relativistic, whose logits mean nothing by themselves); and what
packing changes.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gan_lib import (
    OBJECTIVES,
    latents_from_seed,
    load_checkpoint,
    load_faces,
    load_generator,
    measure,
    sample,
    save_generator,
    to_float,
)
from gan_lib.runs import write_json

FIGURES = {0, 791, 1582, 2373, 3164, 3955, 4746}  # the steps of the report's figures 11 to 17
SAMPLES = 1000


@torch.no_grad()
def called_real(discriminator: torch.nn.Module, images: torch.Tensor) -> float:
    """Share of images that the discriminator calls real, in evaluation mode; left in the mode in which it came."""
    training = discriminator.training
    logits = [discriminator.eval()(part) for part in images.split(256)]
    discriminator.train(training)
    return (torch.cat(logits) > 0).float().mean().item()


def keep_grids(run: Path, record: Path, steps: list[int] | None) -> None:
    """Save the run's grids as WebP: those of the report's figures finely, the others coarsely."""
    (record / "samples").mkdir(parents=True, exist_ok=True)
    for path in sorted((run / "samples").glob("*.png")):
        if steps and int(path.stem) not in steps:
            continue
        quality = 88 if int(path.stem) in FIGURES else 55
        Image.open(path).save(record / "samples" / f"{path.stem}.webp", quality=quality, method=6)


def figures_of(run: Path, faces, packed: Path) -> dict:
    """The figures of measures.json."""
    state = load_checkpoint(run)
    seen = len_of_training(run)
    latents = latents_from_seed(0, SAMPLES, state.recipe.latent_size)
    images, unpacked = sample(load_generator(packed), latents), sample(state.sampler, latents)
    report = measure(images, faces[:seen], faces[seen:], progress=True)
    print(report)
    figures = {
        "step": state.step,
        "samples": SAMPLES,
        "detector_samples": report["a face is found"].generated.value,
        "detector_held_out_faces": report["a face is found"].floor.value,
        "detector_noise": report["a face is found"].ceiling.value,
        **packing_error(state.sampler, load_generator(packed), latents),
        "packed_bytes": packed.stat().st_size,
        "report": report.to_dict(),
    }
    if not OBJECTIVES[state.recipe.objective].pairs:
        sets = {"trained_on": faces[:seen], "held_out": faces[seen:]}
        shown = {name: to_float(np.asarray(real.images)) for name, real in sets.items()} | {"samples": unpacked}
        figures |= {f"called_real_{name}": called_real(state.discriminator, x) for name, x in shown.items()}
    return figures


@torch.no_grad()
def packing_error(generator: torch.nn.Module, packed: torch.nn.Module, latents: torch.Tensor) -> dict:
    """What packing changes, in grey levels of 255, with all arithmetic in float32."""
    pairs = [(generator.eval()(z), packed(z)) for z in latents.split(100)]
    errors = torch.cat([(a - b).abs() for a, b in pairs]) * 127.5
    return {
        "packing_error_mean_grey_levels": errors.mean().item(),
        "packing_error_max_grey_levels": errors.max().item(),
    }


def len_of_training(run: Path) -> int:
    """How many faces the run was trained on: the first ones."""
    return json.loads((run / "recipe.json").read_text())["faces"]["count"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("record", type=Path)
    parser.add_argument("--faces", required=True, help="all the faces; the run was on the first of them")
    parser.add_argument("--name", required=True, help="of the packed generator")
    parser.add_argument("--keep", nargs="*", type=int, metavar="STEP", help="only the grids of these steps")
    options = parser.parse_args()
    keep_grids(options.run, options.record, options.keep)
    for name in ("recipe.json", "metrics.csv"):
        shutil.copy(options.run / name, options.record / name)
    packed = Path("gan_lib/pretrained") / f"{options.name}.safetensors"
    state = load_checkpoint(options.run)
    save_generator(state.sampler, packed, state.recipe.network)
    measures = figures_of(options.run, load_faces(options.faces), packed)
    write_json(options.record / "measures.json", measures)
    print(json.dumps(measures, indent=2))


if __name__ == "__main__":
    main()

"""Turn a finished run into the small record that the book shows, and measure it.

    python -m gan_lib train --recipe report --faces img_align_celeba.zip --first 8000 --out runs/report
    python benchmarks/keep_run.py runs/report book/runs/report-celeba9k \\
        --faces img_align_celeba.zip --name report-celeba9k

Writes recipe.json, metrics.csv, the sample grids as WebP and measures.json to the record's folder, and the packed
generator to gan_lib/pretrained. Measured are: how often OpenCV's frontal-face cascade finds a face among 1,000
samples, among 1,000 real faces held out and in noise; how often the discriminator calls the faces it was trained
on real, those held out, and its generator's; and what packing in 8 bits changes.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gan_lib import (
    detector_rate,
    latents_from_seed,
    load_checkpoint,
    load_faces,
    load_generator,
    sample,
    save_generator,
    to_float,
)
from gan_lib.runs import write_json

FIGURES = {0, 791, 1582, 2373, 3164, 3955, 4746}  # the steps of the report's figures 11 to 17
SAMPLES = 1000


@torch.no_grad()
def called_real(discriminator: torch.nn.Module, images: torch.Tensor) -> float:
    """Share of images that the discriminator calls real."""
    discriminator.eval()
    return torch.cat([discriminator(part) > 0 for part in images.split(256)]).float().mean().item()


def keep_grids(run: Path, record: Path) -> None:
    """Save the run's grids as WebP: those of the report's figures finely, the others coarsely."""
    (record / "samples").mkdir(parents=True, exist_ok=True)
    for path in sorted((run / "samples").glob("*.png")):
        quality = 88 if int(path.stem) in FIGURES else 55
        Image.open(path).save(record / "samples" / f"{path.stem}.webp", quality=quality, method=6)


def measure(run: Path, faces, packed: Path) -> dict:
    """The figures of measures.json."""
    state = load_checkpoint(run)
    seen = len_of_training(run)
    latents = latents_from_seed(0, SAMPLES, state.recipe.latent_size)
    images, unpacked = sample(load_generator(packed), latents), sample(state.generator, latents)
    noise = np.random.default_rng(0).integers(0, 256, (SAMPLES, 3, 64, 64), dtype=np.uint8)
    held_out = faces[seen:]
    return {
        "step": state.step,
        "samples": SAMPLES,
        "detector_samples": detector_rate(images).value,
        "detector_held_out_faces": detector_rate(held_out).value,
        "detector_noise": detector_rate(noise).value,
        "called_real_trained_on": called_real(state.discriminator, to_float(np.asarray(faces[:seen].images))),
        "called_real_held_out": called_real(state.discriminator, to_float(np.asarray(held_out.images))),
        "called_real_samples": called_real(state.discriminator, unpacked),
        "packing_error_mean_grey_levels": (images - unpacked).abs().mean().item() * 127.5,
        "packing_error_max_grey_levels": (images - unpacked).abs().max().item() * 127.5,
        "packed_bytes": packed.stat().st_size,
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
    options = parser.parse_args()
    keep_grids(options.run, options.record)
    for name in ("recipe.json", "metrics.csv"):
        shutil.copy(options.run / name, options.record / name)
    packed = Path("gan_lib/pretrained") / f"{options.name}.safetensors"
    state = load_checkpoint(options.run)
    save_generator(state.generator, packed, state.recipe.network)
    measures = measure(options.run, load_faces(options.faces), packed)
    write_json(options.record / "measures.json", measures)
    print(json.dumps(measures, indent=2))


if __name__ == "__main__":
    main()

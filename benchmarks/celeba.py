"""How fast CelebA is prepared: `python benchmarks/celeba.py [--count 6000]`.

Makes a zip of drawn faces as JPEGs of CelebA's size, 178×218 pixels and about 8 kB each, and turns it into
64×64 faces: with this library, from the zip to the array on the disk, and with Pillow in as many processes, from
the zip to an array in memory. They take turns; the best turn of each counts. Beside the time on the clock stands
the time of the processors, which another busy program disturbs less.
"""

import argparse
import io
import os
import resource
import tempfile
import time
import zipfile
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from gan_lib.data import CELEBA_CROP, celeba_faces, pictures
from gan_lib.data.drawn import render

SIZE = 64


def main() -> None:
    """Take turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=6000, help="images (default: 6000)")
    parser.add_argument("--turns", type=int, default=3, help="turns of each (default: 3)")
    options = parser.parse_args()
    ways = {"gan_lib": library, "gan_lib without simplejpeg": without_simplejpeg, "Pillow": pillow}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "celeba.zip"
        make_zip(path, options.count)
        best = {name: (float("inf"), float("inf")) for name in ways}
        images = {}
        for _ in range(options.turns):
            for name, way in ways.items():
                clock, processor = time.perf_counter(), processor_time()
                images[name] = way(path)
                spent = time.perf_counter() - clock, processor_time() - processor
                best[name] = tuple(map(min, best[name], spent))
    count = options.count
    print(f"{count:,} JPEGs of 178×218 to {SIZE}×{SIZE}, {os.cpu_count()} cores, best of {options.turns}\n")
    print("| way | images/s | processor time an image | mean difference from Pillow, grey levels |")
    print("|---|---|---|---|")
    for name, (clock, processor) in best.items():
        difference = np.abs(images[name].astype(np.int16) - images["Pillow"]).mean()
        print(f"| {name} | {count / clock:,.0f} | {processor / count * 1e6:.0f} µs | {difference:.3f} |")


def make_zip(path: Path, count: int) -> None:
    """Drawn faces with a little noise, as large as CelebA's and about as many bytes."""
    rng = np.random.default_rng(0)
    faces = [Image.fromarray(face.transpose(1, 2, 0)) for face in render(count=200, size=128)[0]]
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            face = np.asarray(faces[i % len(faces)].resize((178, 218), Image.BICUBIC))
            file = io.BytesIO()
            noisy = (face + rng.normal(0, 4, (218, 178, 1))).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(file, "JPEG", quality=85)
            archive.writestr(f"img_align_celeba/{i + 1:06d}.jpg", file.getvalue())


def library(path: Path) -> np.ndarray:
    """Prepare in an empty cache, threads on all cores."""
    with tempfile.TemporaryDirectory() as cache:
        return np.array(celeba_faces(path, size=SIZE, cache=cache, progress=False).images)


def without_simplejpeg(path: Path) -> np.ndarray:
    """The same where the optional decoder is not installed."""
    decoder, pictures.simplejpeg = pictures.simplejpeg, None
    try:
        return library(path)
    finally:
        pictures.simplejpeg = decoder


def pillow(path: Path) -> np.ndarray:
    """Decode, crop and resize image by image, as many processes as cores."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
    parts = [(path, list(part)) for part in np.array_split(names, 4 * os.cpu_count())]
    with get_context("fork").Pool(os.cpu_count()) as pool:
        return np.concatenate(pool.starmap(_pillow_part, parts))


def _pillow_part(path: Path, names: list[str]) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        faces = [_pillow_face(archive.read(name)) for name in names]
    return np.stack(faces).transpose(0, 3, 1, 2)


def _pillow_face(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data)).convert("RGB").crop(CELEBA_CROP)
    return np.asarray(image.resize((SIZE, SIZE), Image.BILINEAR))


def processor_time() -> float:
    """Seconds of all cores, of this process and of those it started and that are done."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()

"""Draw the README's picture: the report's generator at the end of its run, a modern one, and drawn faces.

python benchmarks/readme_picture.py
"""

import numpy as np
import torch
from PIL import Image

from gan_lib import drawn_faces, latents_from_seed, pretrained, sample, to_float, to_uint8
from gan_lib.runs import grid_image
from gan_lib.widgets.scrubber import read_grid

RUN = "book/runs/report-celeba9k/samples"
FACES = [0, 10, 12, 18, 22, 24, 33, 43, 56, 61]  # of the grid of 64, some of the clearer ones


def main():
    report = read_grid(f"{RUN}/004746.webp")[FACES]
    modern = to_uint8(sample(pretrained("faces"), latents_from_seed(5, 10, 128))).numpy()  # seed 5: its first ten
    rows = [report, modern, drawn_faces(10, seed=3, start=2).images]
    picture = grid_image(to_float(torch.from_numpy(np.concatenate(rows))), columns=len(FACES))
    picture = picture.resize((picture.width * 3 // 2, picture.height * 3 // 2), Image.Resampling.LANCZOS)
    picture.save("book/_static/readme-faces.webp", quality=88)


if __name__ == "__main__":
    main()

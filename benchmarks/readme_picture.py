"""Draw the README's picture: the report's generator at the end of its run, a modern one, and drawn faces.

And the preview that is shown where someone shares a page of the book: 1200×630, eight faces of the first and the
last kind, sixteen of the second.

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
    preview(report, drawn_faces(10, seed=3, start=2).images).save("book/_static/preview.jpg", quality=85)


def preview(report, drawn):
    """Give four rows of eight faces between two narrow bands of night."""
    modern = to_uint8(sample(pretrained("faces"), latents_from_seed(5, 16, 128))).numpy()
    rows = np.concatenate([report[:8], modern, drawn[:8]])  # (32, 3, 64, 64)
    grid = grid_image(to_float(torch.from_numpy(rows)), columns=8).resize((1200, 600), Image.Resampling.LANCZOS)
    picture = Image.new("RGB", (1200, 630), "#121212")
    picture.paste(grid, (0, 15))
    return picture


if __name__ == "__main__":
    main()

"""Draw the README's picture: the report's generator early and at the end of its run, and drawn faces.

python benchmarks/readme_picture.py
"""

import numpy as np
import torch
from PIL import Image

from gan_lib import drawn_faces, to_float
from gan_lib.runs import grid_image
from gan_lib.widgets.scrubber import read_grid

RUN = "book/runs/report-celeba9k/samples"
FACES = [0, 10, 12, 18, 22, 24, 33, 43, 56, 61]  # of the grid of 64, some of the clearer ones


def main():
    rows = [read_grid(f"{RUN}/{step:06d}.webp")[FACES] for step in (100, 4746)]
    rows.append(drawn_faces(10, seed=3, start=2).images)
    picture = grid_image(to_float(torch.from_numpy(np.concatenate(rows))), columns=len(FACES))
    picture = picture.resize((picture.width * 3 // 2, picture.height * 3 // 2), Image.Resampling.LANCZOS)
    picture.save("book/_static/readme-faces.webp", quality=88)


if __name__ == "__main__":
    main()

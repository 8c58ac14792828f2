"""Faces that answer to their controls: seed, number, and a slider along one direction of the latent space."""

import html
import io
import math
from itertools import chain
from itertools import count as count_from
from pathlib import Path

import ipywidgets
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor, nn

from ..data import to_uint8
from ..training import latents_from_seed, sample
from .still import Live, Still, img_tag

MOST = 64  # faces at once
LARGEST_SEED = 2**31 - 1  # what a number field of a browser holds safely


def principal_direction(generator: nn.Module, steps: int = 30) -> Tensor:
    """Find the latent direction that the generator's first dense layer stretches most.

    Parameters
    ----------
    generator : nn.Module
        Its first `nn.Linear` that takes latents is used.
    steps : int, default=30
        Steps of the power iteration on WᵀW.

    Returns
    -------
    Tensor of shape (latent_size,)
        Of length 1; a fixed random direction where the generator has no such layer.
    """
    size = generator.latent_size
    direction = torch.randn(size, generator=torch.Generator().manual_seed(0))
    dense = (m for m in generator.modules() if isinstance(m, nn.Linear) and m.in_features == size)
    layer = next(dense, None)
    with torch.no_grad():
        for _ in range(steps if layer is not None else 0):
            direction = layer.weight.T.float() @ (layer.weight.float() @ direction)
            direction = direction / direction.norm()
    return direction / direction.norm()


def tile(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Lay images (N, 3, S, S) of uint8 out in rows: (height, width, 4), transparent in between."""
    number, _, size, _ = images.shape
    columns = min(columns, number)
    rows = math.ceil(number / columns)
    sheet = np.zeros((rows, size + gap, columns, size + gap, 4), np.uint8)
    for i, image in enumerate(images):
        cell = sheet[i // columns, :size, i % columns, :size]
        cell[..., :3] = image.transpose(1, 2, 0)
        cell[..., 3] = 255
    return sheet.reshape(rows * (size + gap), columns * (size + gap), 4)[:-gap, :-gap]


class FaceSampler(Live):
    """Sample faces live: a seed, how many, and a slider along a direction of the latent space.

    Every control is also an attribute to read and to set: `sampler.seed = 3`, `sampler.count = 64`,
    `sampler.shift = -5`. What is on view is in `sampler.latents` and `sampler.images`.

    Parameters
    ----------
    generator : nn.Module
        Anything with a `latent_size` that maps (N, latent_size) to images (N, 3, S, S) in [-1, 1].
    seed : int, default=0
        Face i of a seed is always the same face.
    count : int, default=16
        Number of faces, 1 to 64.
    direction : Tensor of shape (latent_size,), optional
        Where the slider leads; its length does not matter. Default: `principal_direction(generator)`.
    reach : float, optional
        The slider runs from -reach to reach, in units of the noise's standard deviation.
        Default: half the length of a typical latent, sqrt(latent_size) / 2.
    columns : int, default=8
        Faces in a row.
    folder : str or Path, default="."
        Where "Save PNG" writes; by default next to the notebook. Nothing is ever overwritten.

    Raises
    ------
    TypeError
        For a generator without `latent_size`.
    """

    seed = traitlets.Int(0, min=0, max=LARGEST_SEED)
    count = traitlets.Int(16, min=1, max=MOST)
    shift = traitlets.Float(0.0)

    def __init__(self, generator, seed=0, count=16, direction=None, reach=None, columns=8, folder="."):
        if not hasattr(generator, "latent_size"):
            raise TypeError(
                f"FaceSampler needs a generator with a latent_size, and {type(generator).__name__} has none; "
                "set generator.latent_size to the number of dimensions of its noise."
            )
        self.generator = generator
        direction = principal_direction(generator) if direction is None else direction
        self.direction = direction / direction.norm()  # (latent_size,)
        self.reach = reach or math.sqrt(generator.latent_size) / 2
        self.columns, self.folder = columns, Path(folder)
        super().__init__(seed=seed, count=count)
        self.children = self._controls()
        self.observe(lambda change: self.draw(), ["seed", "count", "shift"])
        self.draw()

    def _controls(self) -> list[ipywidgets.Widget]:
        label = {"description_width": "5.5em"}
        seed = ipywidgets.BoundedIntText(
            description="Seed",
            tooltip="Seed of the noise: the same number gives the same faces",
            max=LARGEST_SEED,
            style=label,
            layout={"width": "13em"},
        )
        count = ipywidgets.IntSlider(
            description="Faces", tooltip="Number of faces", min=1, max=MOST, style=label
        )
        shift = ipywidgets.FloatSlider(
            description="Direction",
            tooltip="How far all faces are moved along one direction of the noise",
            min=-self.reach,
            max=self.reach,
            step=self.reach / 40,
            readout_format="+.1f",
            style=label,
        )
        for name, control in (("seed", seed), ("count", count), ("shift", shift)):
            traitlets.link((self, name), (control, "value"))
        new = ipywidgets.Button(description="New faces", tooltip="Go on to the next seed")
        new.on_click(lambda button: self.new_faces())
        save = ipywidgets.Button(description="Save PNG", tooltip=f"Write a PNG into {self.folder.resolve()}")
        save.on_click(lambda button: self.save())
        self._picture, self._status = ipywidgets.HTML(), ipywidgets.HTML()
        rows = [
            ipywidgets.HBox(row, layout={"flex_flow": "row wrap"})
            for row in ([seed, new, save], [count, shift])
        ]
        return [*rows, self._picture, self._status]

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        faces = "1 face" if self.count == 1 else f"{self.count} faces"
        return f"{faces} that the generator made from seed {self.seed}, moved by {self.shift:+.1f}"

    @property
    def sheet(self) -> np.ndarray:
        """The faces on view as one picture: uint8 of shape (height, width, 4)."""
        return tile(self.images.numpy(), self.columns)

    def draw(self):
        """Make the faces that belong to the controls and show them."""
        noise = latents_from_seed(self.seed, MOST, self.generator.latent_size)  # (MOST, latent_size)
        self.latents = noise[: self.count] + self.shift * self.direction  # (count, latent_size)
        self.images = to_uint8(sample(self.generator, self.latents))  # (count, 3, S, S)
        self._picture.value = img_tag(self._png(), self.alt)
        self._status.value = ""

    def new_faces(self):
        """Go on to the next seed."""
        self.seed += 1

    def save(self) -> Path:
        """Write the faces on view as a PNG under a name that is free, say where, and return the path."""
        stem = f"faces-seed{self.seed}"
        names = chain([f"{stem}.png"], (f"{stem}-{i}.png" for i in count_from(2)))
        path = next(path for name in names if not (path := self.folder / name).exists())
        with open(path, "xb") as file:
            file.write(self._png())
        self._status.value = f'<span role="status">Saved as {html.escape(str(path.resolve()))}</span>'
        return path

    def still(self) -> Still:
        """Give the faces on view as the picture for a page without a kernel."""
        return Still(self._png(), self.alt, f"{self.alt[0].upper()}{self.alt[1:]}.")

    def _png(self) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(self.sheet).save(buffer, format="png", compress_level=1)
        return buffer.getvalue()

"""Faces that answer to their controls: seed, number, and a slider along directions of the latent space."""

import html
import io
import math
import zlib
from itertools import chain
from itertools import count as count_from
from pathlib import Path

import ipywidgets
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..data import to_uint8
from ..training import latents_from_seed, sample
from .still import Live, Still, img_tag

MOST = 64  # faces at once
LARGEST_SEED = 2**31 - 1  # what a number field of a browser holds safely


def principal_directions(generator: nn.Module, count: int = 8, steps: int = 12) -> Tensor:
    """Find the latent directions that the generator's first dense layer stretches most.

    Parameters
    ----------
    generator : nn.Module
        Its first `nn.Linear` that takes latents is used.
    count : int, default=8
        How many; no more than the latent has dimensions.
    steps : int, default=12
        Steps of the orthogonal iteration on WᵀW.

    Returns
    -------
    Tensor of shape (count, latent_size)
        Of length 1 and at right angles, the most stretched first, each with its largest number positive;
        fixed random directions where the generator has no such layer.
    """
    size = generator.latent_size
    start = torch.randn(size, min(count, size), generator=torch.Generator().manual_seed(0))
    basis = torch.linalg.qr(start).Q  # (latent_size, count)
    dense = (m for m in generator.modules() if isinstance(m, nn.Linear) and m.in_features == size)
    if layer := next(dense, None):
        weight = layer.weight.detach().float()
        for _ in range(steps):
            basis = torch.linalg.qr(weight.T @ (weight @ basis)).Q
    peaks = basis.gather(0, basis.abs().argmax(0, keepdim=True))  # (1, count)
    return (basis * peaks.sign()).T  # (count, latent_size)


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
    """Sample faces live: a seed, how many, and a slider along some directions of the latent space.

    Every control is also an attribute to read and to set: `sampler.seed = 3`, `sampler.count = 64`,
    `sampler.direction = 2`, `sampler.shift = -4`. What is on view is in `sampler.latents` and
    `sampler.images`.

    Parameters
    ----------
    generator : nn.Module
        Anything with a `latent_size` that maps (N, latent_size) to images (N, 3, S, S) in [-1, 1].
    seed : int, default=0
        Face i of a seed is always the same face.
    count : int, default=16
        Number of faces, 1 to 64.
    directions : Tensor of shape (K, latent_size) or (latent_size,), optional
        Where the slider leads, numbered from 1; their lengths do not matter. Default:
        `principal_directions(generator)`.
    reach : float, default=6.0
        The slider runs from -reach to reach, in standard deviations of the noise.
    columns : int, default=8
        Faces in a row.
    folder : str or Path, default="."
        Where "Save PNG" writes; by default next to the notebook. Nothing is ever overwritten.

    Raises
    ------
    TypeError
        For a generator without `latent_size`.
    traitlets.TraitError
        For a seed, count or direction outside its range.
    """

    seed = traitlets.Int(0, min=0, max=LARGEST_SEED)
    count = traitlets.Int(16, min=1, max=MOST)
    direction = traitlets.Int(1, min=1)
    shift = traitlets.Float(0.0)

    def __init__(self, generator, seed=0, count=16, directions=None, reach=6.0, columns=8, folder="."):
        if not hasattr(generator, "latent_size"):
            raise TypeError(
                f"FaceSampler needs a generator with a latent_size, and {type(generator).__name__} has none; "
                "set generator.latent_size to the number of dimensions of its noise."
            )
        directions = principal_directions(generator) if directions is None else torch.as_tensor(directions)
        directions = directions.reshape(-1, generator.latent_size)
        self.generator, self.directions = generator, normalize(directions)  # (K, latent_size)
        self.reach, self.columns, self.folder = reach, columns, Path(folder)
        super().__init__(seed=seed, count=count)
        self.children = self._controls()
        self.observe(lambda change: self.draw(), ["seed", "count", "direction", "shift"])
        self.draw()

    @traitlets.validate("direction")
    def _a_direction_that_exists(self, proposal):
        if proposal["value"] > len(self.directions):
            raise traitlets.TraitError(
                f"direction is {proposal['value']}; this sampler has directions 1 to {len(self.directions)}."
            )
        return proposal["value"]

    def _controls(self) -> list[ipywidgets.Widget]:
        label = {"description_width": "5.5em"}
        seed = ipywidgets.BoundedIntText(
            description="Seed",
            tooltip="Seed of the noise: the same number gives the same faces",
            max=LARGEST_SEED,
            style=label,
            layout={"width": "13em"},
        )
        count = ipywidgets.IntSlider(description="Faces", tooltip="Number of faces", min=1, max=MOST, style=label)
        direction = ipywidgets.BoundedIntText(
            description="Direction",
            tooltip="Which direction of the noise the slider moves along",
            min=1,
            max=len(self.directions),
            style=label,
            layout={"width": "13em"},
        )
        shift = ipywidgets.FloatSlider(
            description="Move",
            tooltip="How far all faces are moved along the direction",
            min=-self.reach,
            max=self.reach,
            step=self.reach / 40,
            readout_format="+.1f",
            style=label,
        )
        controls = {"seed": seed, "count": count, "direction": direction, "shift": shift}
        for name, control in controls.items():
            traitlets.link((self, name), (control, "value"))
        new = ipywidgets.Button(description="New faces", tooltip="Go on to the next seed")
        new.on_click(lambda button: self.new_faces())
        save = ipywidgets.Button(description="Save PNG", tooltip=f"Write a PNG into {self.folder.resolve()}")
        save.on_click(lambda button: self.save())
        self._picture, self._status = ipywidgets.HTML(), ipywidgets.HTML()
        rows = [
            ipywidgets.HBox(row, layout={"flex_flow": "row wrap"})
            for row in ([seed, new, save], [count], [direction, shift])
        ]
        return [*rows, self._picture, self._status]

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        faces = "1 face" if self.count == 1 else f"{self.count} faces"
        moved = f", moved by {self.shift:+.1f} along direction {self.direction}" if self.shift else ""
        return f"{faces} that the generator made from seed {self.seed}{moved}"

    @property
    def sheet(self) -> np.ndarray:
        """The faces on view as one picture: uint8 of shape (height, width, 4)."""
        return tile(self.images.numpy(), self.columns)

    def draw(self):
        """Make the faces that belong to the controls and show them."""
        noise = latents_from_seed(self.seed, MOST, self.generator.latent_size)  # (MOST, latent_size)
        move = self.shift * self.directions[self.direction - 1]  # (latent_size,)
        self.latents = noise[: self.count] + move  # (count, latent_size)
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
        Image.fromarray(self.sheet).save(buffer, format="png", compress_level=1, compress_type=zlib.Z_RLE)
        return buffer.getvalue()

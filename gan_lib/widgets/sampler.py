"""Faces that answer to their controls: seed, number, and sliders along directions of the latent space."""

import html
import io
import math
import zlib
from collections.abc import Mapping
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
from ..latent import sefa
from ..training import latents_from_seed, sample
from .still import Live, Still, img_tag

MOST = 64  # faces at once
LARGEST_SEED = 2**31 - 1  # what a number field of a browser holds safely


def principal_directions(generator: nn.Module, count: int = 8) -> Tensor:
    """Find the latent directions that the generator's first dense layer stretches most.

    Parameters
    ----------
    generator : nn.Module
        Its first `nn.Linear` that takes latents is used.
    count : int, default=8
        How many; no more than the latent has dimensions.

    Returns
    -------
    Tensor of shape (count, latent_size)
        As `gan_lib.sefa` finds them; fixed random directions where the generator has no such layer.
    """
    count = min(count, generator.latent_size)
    try:
        return sefa(generator, count)
    except TypeError:
        start = torch.randn(generator.latent_size, count, generator=torch.Generator().manual_seed(0))
        return torch.linalg.qr(start).Q.T


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


def words(name: str) -> str:
    """Write an attribute's name as words: `Blond_Hair` is Blond hair."""
    return name.replace("_", " ").capitalize()


class FaceSampler(Live):
    """Sample faces live: a seed, how many, and a slider along some directions of the latent space.

    Every control is also an attribute to read and to set: `sampler.seed = 3`, `sampler.count = 64`,
    `sampler.direction = 2`, `sampler.shift = -4`; with named directions, which have a slider each,
    `sampler.shifts = {"Smiling": 2, "Young": -1}`. What is on view is in `sampler.latents` and `sampler.images`.

    Parameters
    ----------
    generator : nn.Module
        Anything with a `latent_size` that maps (N, latent_size) to images (N, 3, S, S) in [-1, 1].
    seed : int, default=0
        Face i of a seed is always the same face.
    count : int, default=16
        Number of faces, 1 to 64.
    directions : Tensor of shape (K, latent_size) or (latent_size,), or dict of str to Tensor, optional
        Where the slider leads, numbered from 1; or, from a dict such as `attribute_directions` gives, a slider
        for each name. Their lengths do not matter. Default: `principal_directions(generator)`.
    reach : float, default=6.0
        The sliders run from -reach to reach, in standard deviations of the noise.
    columns : int, default=8
        Faces in a row.
    folder : str or Path, default="."
        Where "Save PNG" writes; by default next to the notebook. Nothing is ever overwritten.

    Raises
    ------
    TypeError
        For a generator without `latent_size`.
    traitlets.TraitError
        For a seed, count or direction outside its range, or a name that no direction has.
    """

    seed = traitlets.Int(0, min=0, max=LARGEST_SEED)
    count = traitlets.Int(16, min=1, max=MOST)
    direction = traitlets.Int(1, min=1)
    shift = traitlets.Float(0.0)
    shifts = traitlets.Dict(value_trait=traitlets.Float(), key_trait=traitlets.Unicode())

    def __init__(self, generator, seed=0, count=16, directions=None, reach=6.0, columns=8, folder="."):
        if not hasattr(generator, "latent_size"):
            raise TypeError(
                f"FaceSampler needs a generator with a latent_size, and {type(generator).__name__} has none; "
                "set generator.latent_size to the number of dimensions of its noise."
            )
        self.names = tuple(directions) if isinstance(directions, Mapping) else ()
        if self.names:
            directions = torch.stack([*directions.values()])
        directions = principal_directions(generator) if directions is None else torch.as_tensor(directions)
        directions = directions.reshape(-1, generator.latent_size)
        self.generator, self.directions = generator, normalize(directions)  # (K, latent_size)
        self.reach, self.columns, self.folder = reach, columns, Path(folder)
        super().__init__(seed=seed, count=count, shifts={})
        self.children = self._controls()
        self.observe(lambda change: self.draw(), ["seed", "count", "direction", "shift", "shifts"])
        self.draw()

    @traitlets.validate("direction")
    def _a_direction_that_exists(self, proposal):
        if proposal["value"] > len(self.directions):
            raise traitlets.TraitError(
                f"direction is {proposal['value']}; this sampler has directions 1 to {len(self.directions)}."
            )
        return proposal["value"]

    @traitlets.validate("shifts")
    def _a_shift_for_each_name(self, proposal):
        if unknown := [name for name in proposal["value"] if name not in self.names]:
            known = ", ".join(self.names) or "no names"
            raise traitlets.TraitError(f"This sampler has no direction {', '.join(unknown)}; it has {known}.")
        return {name: proposal["value"].get(name, 0.0) for name in self.names}

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
        for name, control in {"seed": seed, "count": count}.items():
            traitlets.link((self, name), (control, "value"))
        new = ipywidgets.Button(description="New faces", tooltip="Go on to the next seed")
        new.on_click(lambda button: self.new_faces())
        save = ipywidgets.Button(description="Save PNG", tooltip=f"Write a PNG into {self.folder.resolve()}")
        save.on_click(lambda button: self.save())
        self._picture, self._status = ipywidgets.HTML(), ipywidgets.HTML()
        rows = [
            ipywidgets.HBox(row, layout={"flex_flow": "row wrap"})
            for row in ([seed, new, save], [count], self._named_sliders() if self.names else self._chooser())
        ]
        return [*rows, self._picture, self._status]

    def _chooser(self) -> list[ipywidgets.Widget]:
        direction = ipywidgets.BoundedIntText(
            description="Direction",
            tooltip="Which direction of the noise the slider moves along",
            min=1,
            max=len(self.directions),
            style={"description_width": "5.5em"},
            layout={"width": "13em"},
        )
        shift = self._slider("Move", "How far all faces are moved along the direction")
        traitlets.link((self, "direction"), (direction, "value"))
        traitlets.link((self, "shift"), (shift, "value"))
        return [direction, shift]

    def _named_sliders(self) -> list[ipywidgets.Widget]:
        tooltip = "How far all faces are moved: "
        sliders = {name: self._slider(words(name), tooltip + words(name)) for name in self.names}
        for name, slider in sliders.items():
            slider.observe(lambda change, name=name: self.shift_by(**{name: change["new"]}), "value")

        def follow(change):
            for name, slider in sliders.items():
                slider.value = change["new"][name]

        self.observe(follow, "shifts")
        back = ipywidgets.Button(description="All to 0", tooltip="Move every slider back to the middle")
        back.on_click(lambda button: self.set_trait("shifts", {}))
        return [*sliders.values(), back]

    def _slider(self, description: str, tooltip: str) -> ipywidgets.FloatSlider:
        return ipywidgets.FloatSlider(
            description=description,
            tooltip=tooltip,
            min=-self.reach,
            max=self.reach,
            step=self.reach / 40,
            readout_format="+.1f",
            style={"description_width": "9em" if self.names else "5.5em"},
        )

    def shift_by(self, **shifts: float):
        """Move along some of the named directions, and leave the others as they are."""
        self.shifts = self.shifts | shifts

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        faces = "1 face" if self.count == 1 else f"{self.count} faces"
        moves = [f"{self.shift:+.1f} along direction {self.direction}"] if self.shift else []
        moves += [f"{shift:+.1f} along {words(name)}" for name, shift in self.shifts.items() if shift]
        moved = f", moved by {', '.join(moves)}" if moves else ""
        return f"{faces} that the generator made from seed {self.seed}{moved}"

    @property
    def sheet(self) -> np.ndarray:
        """The faces on view as one picture: uint8 of shape (height, width, 4)."""
        return tile(self.images.numpy(), self.columns)

    def draw(self):
        """Make the faces that belong to the controls and show them."""
        noise = latents_from_seed(self.seed, MOST, self.generator.latent_size)  # (MOST, latent_size)
        move = self.shift * self.directions[self.direction - 1]  # (latent_size,)
        for name, direction in zip(self.names, self.directions, strict=False):
            move = move + self.shifts[name] * direction
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

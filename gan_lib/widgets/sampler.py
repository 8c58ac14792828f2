"""The face sampler: a face under sliders, the faces of its seed to pick from, and walks from one to the next."""

import hashlib
import io
import math
import zlib
from collections.abc import Mapping, Sequence
from itertools import chain
from itertools import count as count_from
from pathlib import Path

import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..data import to_uint8
from ..latent import sefa, slerp, truncate
from ..networks import ModernGenerator
from ..training import latents_from_seed, sample
from ..weights import FOLDER, pretrained_directions, pretrained_name
from .modules import bundle, fingerprint
from .page import PageWidget
from .still import NOTE, Still, img_tag

MOST = 64  # faces at once
LARGEST_SEED = 2**31 - 1  # what a number field of a browser holds safely
DIGITS = 4  # of a direction's numbers in a page: a slider at its end is then off by 0.001


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
        As `gan_lib.latent.sefa` finds them; fixed random directions where the generator has no such layer.
    """
    count = min(count, generator.latent_size)
    try:
        return sefa(generator, count)
    except TypeError:
        start = torch.randn(generator.latent_size, count, generator=torch.Generator().manual_seed(0))
        return torch.linalg.qr(start).Q.T


def published_weights(name: str) -> dict:
    """What a page must know to fetch a pretrained generator: `file`, whose name changes with it, size and hash."""
    contents = (FOLDER / f"{name}.safetensors").read_bytes()
    sha256 = hashlib.sha256(contents).hexdigest()
    return {"file": f"{name}.{sha256[:8]}.safetensors", "size": len(contents), "sha256": sha256}


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


class FaceSampler(PageWidget):
    """Sample faces live: a seed, a grid of its faces, one of them large, and sliders along latent directions.

    Every control is also an attribute to read and to set: `sampler.seed = 3`, `sampler.count = 64`,
    `sampler.face = 5`, `sampler.psi = 0.7`; with named directions, which have a slider each,
    `sampler.shifts = {"Smiling": 2, "Young": -1}`; without names `sampler.direction = 2`, `sampler.shift = -4`.
    What is on view is in `sampler.latents` and `sampler.images`.

    In JupyterLab the kernel draws the faces of any generator. A published page draws them itself where the
    generator is a `ModernGenerator` that comes with the library; of others it shows the still.

    Parameters
    ----------
    generator : nn.Module
        Anything with a `latent_size` that maps (N, latent_size) to images (N, 3, S, S) in [-1, 1].
    seed : int, default=0
        Face i of a seed is always the same face.
    count : int, default=16
        Number of faces, 1 to 64.
    directions : Tensor of shape (K, latent_size) or (latent_size,), or dict of str to Tensor, optional
        From a dict such as `attribute_directions` gives, a slider for each name; or where one slider leads,
        numbered from 1. Their lengths do not matter. Default: `pretrained_directions` of the library's
        generators, and `principal_directions(generator)` of others.
    reach : float, optional
        The sliders run from -reach to reach, in standard deviations of the noise. Default: 3 for named directions,
        6 for others.
    columns : int, default=8
        Faces in a row of what `save` and `still` give.
    folder : str or Path, default="."
        Where `save` writes; by default next to the notebook. Nothing is ever overwritten.
    face : float, default=0
        Which face is shown large, 0 to 64; 2.5 is half-way from face 2 to face 3 along the arc between them, and
        after the last face comes the first.
    psi : float, default=1
        What the noise is multiplied with, before it is moved: 0 to 1.5; see `gan_lib.latent.truncate`.

    Raises
    ------
    TypeError
        For a generator without `latent_size`.
    traitlets.TraitError
        For a value outside its range, or a name that no direction has.
    """

    _module = "sampler"

    seed = traitlets.Int(0, min=0, max=LARGEST_SEED).tag(sync=True)
    count = traitlets.Int(16, min=1, max=MOST).tag(sync=True)
    face = traitlets.Float(0.0, min=0, max=MOST).tag(sync=True)
    psi = traitlets.Float(1.0, min=0, max=1.5).tag(sync=True)
    direction = traitlets.Int(1, min=1).tag(sync=True)
    shift = traitlets.Float(0.0).tag(sync=True)
    shifts = traitlets.Dict(value_trait=traitlets.Float(), key_trait=traitlets.Unicode()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    choices = traitlets.Int(0, read_only=True).tag(sync=True)  # directions without a name
    reach = traitlets.Float(6.0, read_only=True).tag(sync=True)

    def __init__(
        self, generator, seed=0, count=16, directions=None, reach=None, columns=8, folder=".", face=0.0, psi=1.0
    ):
        if not hasattr(generator, "latent_size"):
            raise TypeError(
                f"FaceSampler needs a generator with a latent_size, and {type(generator).__name__} has none; "
                "set generator.latent_size to the number of dimensions of its noise."
            )
        self.generator, self.columns, self.folder = generator, columns, Path(folder)
        self._published = pretrained_name(generator) if isinstance(generator, ModernGenerator) else None
        if directions is None and self._published:
            directions = pretrained_directions(self._published) or None
        named = tuple(directions) if isinstance(directions, Mapping) else ()
        self.directions = self._unit(directions)  # (K, latent_size)
        super().__init__()
        self.set_trait("names", [*named])
        self.set_trait("choices", 0 if named else len(self.directions))
        self.set_trait("reach", reach or (3.0 if named else 6.0))
        self.seed, self.count, self.face, self.psi, self.shifts = seed, count, face, psi, {}
        self.on_msg(self._answer)

    def _unit(self, directions) -> Tensor:
        if directions is None:
            directions = principal_directions(self.generator)
        elif isinstance(directions, Mapping):
            directions = torch.stack([*directions.values()])
        return normalize(torch.as_tensor(directions).reshape(-1, self.generator.latent_size))

    @traitlets.validate("direction")
    def _a_direction_that_exists(self, proposal):
        if proposal["value"] > len(self.directions):
            raise traitlets.TraitError(
                f"direction is {proposal['value']}; this sampler has directions 1 to {len(self.directions)}."
            )
        return proposal["value"]

    @traitlets.validate("shift")
    def _a_shift_without_names(self, proposal):
        if proposal["value"] and self.names:
            raise traitlets.TraitError(f"The directions have names here: set shifts, for {', '.join(self.names)}.")
        return proposal["value"]

    @traitlets.validate("shifts")
    def _a_shift_for_each_name(self, proposal):
        if unknown := [name for name in proposal["value"] if name not in self.names]:
            known = ", ".join(self.names) or "no names"
            raise traitlets.TraitError(f"This sampler has no direction {', '.join(unknown)}; it has {known}.")
        return {name: proposal["value"].get(name, 0.0) for name in self.names}

    def shift_by(self, **shifts: float):
        """Move along some of the named directions, and leave the others as they are."""
        self.shifts = self.shifts | shifts

    def new_faces(self):
        """Go on to the next seed."""
        self.seed += 1

    # --- The faces ---

    @property
    def latents(self) -> Tensor:
        """The latents of the faces to pick from: (count, latent_size)."""
        return self._latents(range(self.count), self._settings())

    @property
    def images(self) -> Tensor:
        """The faces to pick from: uint8 of shape (count, 3, S, S)."""
        return to_uint8(sample(self.generator, self.latents))

    @property
    def latent(self) -> Tensor:
        """The latent of the large face: (latent_size,)."""
        return self._latents([self.face], self._settings())[0]

    @property
    def image(self) -> Tensor:
        """The large face: uint8 of shape (3, S, S)."""
        return to_uint8(sample(self.generator, self.latent[None]))[0]

    def _settings(self) -> dict:
        return {name: getattr(self, name) for name in ("seed", "count", "psi", "direction", "shift", "shifts")}

    def _latents(self, faces: Sequence[float], settings: dict) -> Tensor:
        """Give the latents of faces, whole numbers or on the way between two, as these settings move them."""
        noise = latents_from_seed(settings["seed"], MOST, self.generator.latent_size)[: settings["count"]]
        at = torch.tensor([*faces], dtype=torch.float64)
        first = at.floor().long()
        on_the_way = [
            slerp(noise[i % len(noise)], noise[(i + 1) % len(noise)], t) if t else noise[i % len(noise)]
            for i, t in zip(first.tolist(), (at - first).tolist(), strict=True)
        ]
        return truncate(torch.stack(on_the_way), settings["psi"]) + self._move(settings)

    def _move(self, settings: dict) -> Tensor:
        """What all latents are moved by: (latent_size,)."""
        if self.names:
            far = torch.tensor([settings["shifts"][name] for name in self.names])
            return far @ self.directions
        return settings["shift"] * self.directions[settings["direction"] - 1]

    def _answer(self, widget, content, buffers):
        """Draw what the browser asks for: pictures of red, green, blue and opacity, one after the other."""
        if "draw" not in content:
            return
        answer = {"drawn": content["draw"]}
        try:
            latents = self._latents(content["faces"], content["settings"])
            images = to_uint8(sample(self.generator, latents)).permute(0, 2, 3, 1)  # (n, S, S, 3)
        except Exception as problem:  # whatever a reader's generator may raise, the browser waits for a word
            self.send(answer | {"problem": f"{type(problem).__name__}: {problem}"})
            raise
        opaque = torch.full_like(images[..., :1], 255)
        self.send(answer | {"size": images.shape[1]}, [torch.cat([images, opaque], -1).numpy().tobytes()])

    # --- Pictures and pages ---

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        faces = "1 face" if self.count == 1 else f"{self.count} faces"
        moves = [f"{self.shift:+.1f} along direction {self.direction}"] if self.shift and self.choices else []
        moves += [f"{shift:+.1f} along {words(name)}" for name, shift in self.shifts.items() if shift]
        moved = f", moved by {', '.join(moves)}" if moves else ""
        truncated = f", truncated to ψ = {self.psi:g}" if self.psi != 1 else ""
        return f"{faces} that the generator made from seed {self.seed}{truncated}{moved}"

    @property
    def sheet(self) -> np.ndarray:
        """The faces to pick from as one picture: uint8 of shape (height, width, 4)."""
        return tile(self.images.numpy(), self.columns)

    def save(self) -> Path:
        """Write the faces to pick from as one PNG, under a name that is free, and return the path."""
        stem = f"faces-seed{self.seed}"
        names = chain([f"{stem}.png"], (f"{stem}-{i}.png" for i in count_from(2)))
        path = next(path for name in names if not (path := self.folder / name).exists())
        with open(path, "xb") as file:
            file.write(self._png())
        return path

    def still(self) -> Still:
        """Give the faces to pick from as the picture for a page without a kernel."""
        return Still(self._png(), self.alt, f"{self.alt[0].upper()}{self.alt[1:]}.")

    def page_state(self) -> dict:
        """Give the state that the published page starts from: with directions, weights' file and worker."""
        state = super().page_state()
        state["arrows"] = [[round(v, DIGITS) for v in row] for row in self.directions.tolist()]
        state["worker"] = f"faceworker.js?v={fingerprint(bundle('faceworker'))}"
        state["weights"] = published_weights(self._published)
        return state

    def page_html(self) -> str:
        """Give the widget as a published page holds it, or the still with a note where the page cannot draw."""
        if self._published:
            return super().page_html()
        image, alt, caption = self.still()
        caption = f'{caption} <span class="live-note">{NOTE}</span>'
        return f'<figure class="live-still">{img_tag(image, alt)}<figcaption>{caption}</figcaption></figure>'

    def _png(self) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(self.sheet).save(buffer, format="png", compress_level=1, compress_type=zlib.Z_RLE)
        return buffer.getvalue()

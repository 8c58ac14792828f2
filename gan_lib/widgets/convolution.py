"""See what nine numbers do to a face: a kernel to choose or to edit, the window that slides, ReLU, pooling."""

import base64
import zlib

import matplotlib
import numpy as np
import torch
import traitlets
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from .page import PageWidget
from .still import Still

KERNELS = {
    "edges": ((-1.0, -1.0, -1.0), (-1.0, 8.0, -1.0), (-1.0, -1.0, -1.0)),
    "blur": ((0.0625, 0.125, 0.0625), (0.125, 0.25, 0.125), (0.0625, 0.125, 0.0625)),
    "sharpen": ((0.0, -1.0, 0.0), (-1.0, 5.0, -1.0), (0.0, -1.0, 0.0)),
    "emboss": ((-2.0, -1.0, 0.0), (-1.0, 1.0, 1.0), (0.0, 1.0, 2.0)),
}
WIDE_KERNELS = {
    "wide edges": (
        (0.0, 0.0, -1.0, 0.0, 0.0),
        (0.0, -1.0, -2.0, -1.0, 0.0),
        (-1.0, -2.0, 16.0, -2.0, -1.0),
        (0.0, -1.0, -2.0, -1.0, 0.0),
        (0.0, 0.0, -1.0, 0.0, 0.0),
    ),
    "wide blur": ((0.04,) * 5,) * 5,
}
PRESETS = KERNELS | WIDE_KERNELS
OWN = "your own"
LARGEST = 1000  # of a kernel's numbers
MOST_FACES = 12  # that a page carries


def filter_stages(image: Tensor, kernel, relu: bool = False, pool: bool = False) -> dict[str, Tensor]:
    """Send a picture through one filter and, if wanted, on through ReLU and 2x2 max pooling.

    Parameters
    ----------
    image : Tensor of shape (3, H, W)
        Values in [0, 1]. Each colour is filtered by itself, and the border pixels are repeated outwards.
    kernel : array_like of shape (3, 3) or (5, 5)
    relu, pool : bool, default=False

    Returns
    -------
    dict
        The stages in order: "convolution" (3, H, W), then "ReLU" (3, H, W) and "pooling"
        (3, H // 2, W // 2) where they are wanted.

    Raises
    ------
    ValueError
        When the kernel has another shape.
    """
    kernel = torch.as_tensor(kernel, dtype=torch.float32)
    if kernel.shape not in ((3, 3), (5, 5)):
        raise ValueError(
            f"the kernel has shape {tuple(kernel.shape)}; give three rows of three numbers, or five of five."
        )
    bordered = F.pad(image[:, None], (len(kernel) // 2,) * 4, mode="replicate")  # (3, 1, H + 2 r, W + 2 r)
    stages = {"convolution": F.conv2d(bordered, kernel[None, None])[:, 0]}
    if relu:
        stages["ReLU"] = stages["convolution"].relu()
    if pool:
        stages["pooling"] = F.max_pool2d(list(stages.values())[-1], 2)
    return stages


def shown(response: Tensor, kernel) -> np.ndarray:
    """Turn a filter's response (3, H, W) into a picture (H, W, 3) in [0, 1].

    A kernel whose numbers add up to 1 keeps the brightness, and its response is shown as it is. One whose
    numbers add up to 0 answers with both signs: its response is shown around mid grey, unless ReLU left
    nothing negative.
    """
    signed = bool((response < 0).any())
    zero = 0.5 * (1 - np.clip(np.sum(kernel), 0, 1)) if signed else 0.0
    return (response + zero).clamp(0, 1).permute(1, 2, 0).numpy()


def filter_figure(image: Tensor, kernel, relu: bool = False, pool: bool = False) -> Figure:
    """Draw a picture (3, H, W) in [0, 1], the kernel, and what comes out of each stage."""
    stages = filter_stages(image, kernel, relu, pool)
    panels = {"face": image.permute(1, 2, 0).numpy(), "kernel": np.asarray(kernel, dtype=float)}
    panels |= {f"{name}\n{r.shape[1]}×{r.shape[2]}": shown(r, kernel) for name, r in stages.items()}
    figure = Figure(figsize=(8, 2.1))
    figure.set_layout_engine("none")  # fixed places are drawn faster, and stay when a stage comes or goes
    for i, (title, panel) in enumerate(panels.items()):
        ax = figure.add_axes((i / 5 + 0.005, 0, 0.19, 0.19 * 8 / 2.1))
        if title == "kernel":
            _draw_kernel(ax, panel)
        else:
            ax.imshow(panel)
        ax.set_title(title, fontsize=11)
        ax.axis("off")
    return figure


def _draw_kernel(ax, kernel):
    blue, orange = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"][:2]
    strength = 0.35 * np.abs(kernel) / (np.abs(kernel).max() or 1)
    colours = [(blue if k > 0 else orange, a) for k, a in zip(kernel.flat, strength.flat, strict=True)]
    ax.imshow(to_rgba_array(colours).reshape(*kernel.shape, 4))
    for (row, column), value in np.ndenumerate(kernel):
        text = f"{value:.3g}".replace("-", "−")
        ax.text(column, row, text, ha="center", va="center", fontsize=9 if len(kernel) == 3 else 7)


class Kernel(traitlets.TraitType):
    """A trait that holds a square of numbers, as a list of rows; anything array-like can be set.

    Parameters
    ----------
    default : array_like of shape (k, k)
    sizes : tuple of int
        The sizes k that are taken.
    """

    def __init__(self, default, sizes: tuple[int, ...]):
        self.sizes = sizes
        super().__init__(np.asarray(default, dtype=float).tolist())

    def validate(self, owner, value):
        """Give the rows as lists of float; raise a `TraitError` for what is no kernel of a size taken."""
        sizes = " or ".join(f"{size}×{size}" for size in self.sizes)
        try:
            square = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            square = np.full(1, np.nan)
        fits = square.ndim == 2 and square.shape[0] == square.shape[1] and len(square) in self.sizes
        if not fits or not (np.abs(square) <= LARGEST).all():
            raise traitlets.TraitError(
                f"{self.name} is {value!r}; give {sizes} numbers between -{LARGEST} and {LARGEST}, in rows."
            )
        return square.tolist()


def name_of(kernel) -> str:
    """Give the name in `PRESETS` of a kernel with just these numbers, or "your own"."""
    return next((name for name, known in PRESETS.items() if np.array_equal(known, kernel)), OWN)


class ConvolutionExplorer(PageWidget):
    """Filter a face with a kernel, in JupyterLab and in a published page.

    A kernel of 3x3 or 5x5 numbers, from a preset or edited by hand; a window to be moved over the face, with
    its products and their sum; ReLU and pooling. Every control is also an attribute to read and to set:
    `explorer.preset = "blur"`, `explorer.face = 3`, `explorer.kernel = [[0, 0, 0], [-1, 0, 1], [0, 0, 0]]`,
    `explorer.relu = True`, `explorer.pool = True`, `explorer.at = [26, 23]`. What comes out is in
    `explorer.stages`.

    Parameters
    ----------
    faces : Faces or uint8 array of shape (N, 3, S, S)
        Pictures to choose from; of more than twelve the first twelve are offered.
    preset : str, default="edges"
        A name in `PRESETS`.
    face : int, default=0
        Which of the pictures.
    relu, pool : bool, default=False
        Whether ReLU and a 2x2 max pooling follow.
    kernel : array_like of shape (3, 3) or (5, 5), optional
        Instead of a preset.
    at : pair of int, optional
        Row and column of the pixel under the middle of the window; the middle of the picture if not given.

    Raises
    ------
    ValueError
        For pictures of another type or shape.
    traitlets.TraitError
        For a preset that does not exist, a face that is not there, a kernel of another shape, or a window
        outside the picture.
    """

    _module = "convolution"
    _kept_out = PageWidget._kept_out | {"preset"}  # the page finds it from the kernel

    preset = traitlets.Enum((*PRESETS, OWN), "edges").tag(sync=True)
    kernel = Kernel(KERNELS["edges"], (3, 5)).tag(sync=True)
    face = traitlets.Int(0, min=0).tag(sync=True)
    relu = traitlets.Bool(False).tag(sync=True)
    pool = traitlets.Bool(False).tag(sync=True)
    at = traitlets.List(traitlets.Int(min=0), minlen=2, maxlen=2).tag(sync=True)
    presets = traitlets.Dict({name: np.array(rows).tolist() for name, rows in PRESETS.items()}).tag(sync=True)
    faces = traitlets.Unicode().tag(sync=True)  # the bytes of `images`, compressed, in base64
    shape = traitlets.List().tag(sync=True)  # (N, side)

    def __init__(self, faces, preset="edges", face=0, relu=False, pool=False, kernel=None, at=None):
        self.images = np.ascontiguousarray(getattr(faces, "images", faces)[:MOST_FACES])  # (N, 3, S, S)
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
            raise ValueError(f"Faces are {self.images.dtype} of shape {shape}; give uint8 of shape (N, 3, S, S).")
        count, _, side, _ = shape
        super().__init__(
            faces=base64.b64encode(zlib.compress(self.images.tobytes(), 9)).decode(),
            shape=[count, side],
            at=[side // 2, side // 2] if at is None else at,
            preset=preset if kernel is None else name_of(kernel),
            face=face,
            relu=relu,
            pool=pool,
            kernel=PRESETS.get(preset, PRESETS["edges"]) if kernel is None else kernel,
        )

    @traitlets.validate("face")
    def _is_there(self, proposal):
        if proposal["value"] >= len(self.images):
            raise traitlets.TraitError(
                f"face is {proposal['value']}; there are {len(self.images)}, numbered from 0."
            )
        return proposal["value"]

    @traitlets.validate("at")
    def _is_inside(self, proposal):
        side = self.images.shape[-1]
        if max(proposal["value"]) >= side:
            raise traitlets.TraitError(f"at is {proposal['value']}; rows and columns go from 0 to {side - 1}.")
        return proposal["value"]

    @traitlets.observe("kernel")
    def _edited(self, change):
        self.preset = name_of(self.kernel)

    @traitlets.observe("preset")
    def _chosen(self, change):
        if self.preset != OWN:
            self.kernel = PRESETS[self.preset]

    @property
    def image(self) -> Tensor:
        """The chosen face: (3, S, S) in [0, 1]."""
        return torch.tensor(self.images[self.face]) / 255

    @property
    def stages(self) -> dict[str, Tensor]:
        """What comes out, as `filter_stages` gives it."""
        return filter_stages(self.image, self.kernel, self.relu, self.pool)

    @property
    def alt(self) -> str:
        """What the still shows, in words."""
        rows = "; ".join(" ".join(f"{value:g}" for value in row) for row in self.kernel)
        then = "".join(f", then {name}" for name in list(self.stages)[1:])
        return f"Face {self.face} convolved with the kernel {self.preset} ({rows}){then}"

    def still(self) -> Still:
        """Give the face, the kernel and the stages as a picture."""
        return Still(filter_figure(self.image, self.kernel, self.relu, self.pool), self.alt, "")

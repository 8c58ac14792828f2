"""See what nine numbers do to a face: a 3x3 kernel to choose or to edit, then ReLU, then pooling."""

import html

import ipywidgets
import matplotlib
import numpy as np
import torch
import traitlets
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from .still import Live, Still, img_tag

KERNELS = {
    "edges": ((-1.0, -1.0, -1.0), (-1.0, 8.0, -1.0), (-1.0, -1.0, -1.0)),
    "blur": ((0.0625, 0.125, 0.0625), (0.125, 0.25, 0.125), (0.0625, 0.125, 0.0625)),
    "sharpen": ((0.0, -1.0, 0.0), (-1.0, 5.0, -1.0), (0.0, -1.0, 0.0)),
    "emboss": ((-2.0, -1.0, 0.0), (-1.0, 1.0, 1.0), (0.0, 1.0, 2.0)),
}
OWN = "your own"


def filter_stages(image: Tensor, kernel, relu: bool = False, pool: bool = False) -> dict[str, Tensor]:
    """Send a picture through one 3x3 filter and, if wanted, on through ReLU and 2x2 max pooling.

    Parameters
    ----------
    image : Tensor of shape (3, H, W)
        Values in [0, 1]. Each colour is filtered by itself, and the border pixels are repeated outwards.
    kernel : array_like of shape (3, 3)
    relu, pool : bool, default=False

    Returns
    -------
    dict
        The stages in order: "convolution" (3, H, W), then "ReLU" (3, H, W) and "pooling"
        (3, H // 2, W // 2) where they are wanted.

    Raises
    ------
    ValueError
        When the kernel is not 3x3.
    """
    kernel = torch.as_tensor(kernel, dtype=torch.float32)
    if kernel.shape != (3, 3):
        raise ValueError(f"the kernel has shape {tuple(kernel.shape)}; give three rows of three numbers.")
    bordered = F.pad(image[:, None], (1, 1, 1, 1), mode="replicate")  # (3, 1, H + 2, W + 2)
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
    ax.imshow(to_rgba_array(colours).reshape(3, 3, 4))
    for (row, column), value in np.ndenumerate(kernel):
        ax.text(column, row, f"{value:.3g}".replace("-", "−"), ha="center", va="center", fontsize=9)


class ConvolutionExplorer(Live):
    """Filter a face with a 3x3 kernel, live: presets, nine editable numbers, ReLU and pooling.

    Every control is also an attribute to read and to set: `explorer.preset = "blur"`, `explorer.face = 3`,
    `explorer.kernel = [[0, 0, 0], [-1, 0, 1], [0, 0, 0]]`, `explorer.relu = True`, `explorer.pool = True`.
    What comes out is in `explorer.stages`.

    Parameters
    ----------
    faces : Faces or uint8 array of shape (N, 3, S, S)
        Pictures to choose from.
    preset : str, default="edges"
        A name in `KERNELS`.
    face : int, default=0
        Which of the pictures.
    relu, pool : bool, default=False
        Whether ReLU and a 2x2 max pooling follow.
    """

    preset = traitlets.Enum((*KERNELS, OWN))
    face = traitlets.Int(0, min=0)
    relu = traitlets.Bool(False)
    pool = traitlets.Bool(False)

    def __init__(self, faces, preset="edges", face=0, relu=False, pool=False):
        self.images = getattr(faces, "images", faces)  # (N, 3, S, S)
        self._cells = [
            ipywidgets.FloatText(
                step=0.5, layout={"width": "5em"}, tooltip=f"Kernel, row {i // 3 + 1}, column {i % 3 + 1}"
            )
            for i in range(9)
        ]
        self._picture = ipywidgets.HTML()
        super().__init__(preset=preset, face=face, relu=relu, pool=pool)
        self._write(KERNELS[preset])
        self.children = (*self._controls(), self._picture)
        for cell in self._cells:
            cell.observe(lambda change: self._edited(), "value")
        self.observe(lambda change: self._chosen(), "preset")
        self.observe(lambda change: self.draw(), ["face", "relu", "pool"])
        self.draw()

    def _controls(self):
        preset = ipywidgets.Dropdown(description="Kernel", options=[*KERNELS, OWN])
        face = ipywidgets.IntSlider(description="Face", min=0, max=len(self.images) - 1)
        relu = ipywidgets.Checkbox(description="ReLU", indent=False, layout={"width": "6em"})
        pool = ipywidgets.Checkbox(description="2×2 max pooling", indent=False, layout={"width": "11em"})
        for name, control in (("preset", preset), ("face", face), ("relu", relu), ("pool", pool)):
            traitlets.link((self, name), (control, "value"))
        grid = ipywidgets.GridBox(self._cells, layout={"grid_template_columns": "repeat(3, 5.5em)"})
        choices = ipywidgets.VBox([preset, face, ipywidgets.HBox([relu, pool])])
        return (ipywidgets.HBox([choices, grid], layout={"flex_flow": "row wrap"}),)

    @property
    def kernel(self) -> np.ndarray:
        """The nine numbers: array of shape (3, 3)."""
        return np.array([cell.value for cell in self._cells]).reshape(3, 3)

    @kernel.setter
    def kernel(self, values):
        self._write(values)
        self._edited()

    @property
    def image(self) -> Tensor:
        """The chosen face: (3, S, S) in [0, 1]."""
        return torch.tensor(self.images[self.face]) / 255

    def _write(self, values):
        """Put nine numbers into the cells without drawing in between."""
        self._writing = True
        for cell, value in zip(self._cells, np.reshape(values, 9), strict=True):
            cell.value = float(value)
        self._writing = False

    def _edited(self):
        if not self._writing:
            same = (name for name, known in KERNELS.items() if np.array_equal(known, self.kernel))
            self.preset = next(same, OWN)
            self.draw()

    def _chosen(self):
        if self.preset != OWN and not np.array_equal(KERNELS[self.preset], self.kernel):
            self.kernel = KERNELS[self.preset]

    def draw(self):
        """Filter the chosen face and show every stage."""
        self.stages = filter_stages(self.image, self.kernel, self.relu, self.pool)
        self._picture.value = img_tag(filter_figure(self.image, self.kernel, self.relu, self.pool), self.alt)

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        rows = "; ".join(" ".join(f"{value:g}" for value in row) for row in self.kernel)
        then = "".join(f", then {name}" for name in list(self.stages)[1:])
        return f"Face {self.face} convolved with the kernel {self.preset} ({rows}){then}"

    def still(self) -> Still:
        """Give the stages on view as the picture for a page without a kernel."""
        figure = filter_figure(self.image, self.kernel, self.relu, self.pool)
        return Still(figure, self.alt, html.escape(self.alt) + ".")

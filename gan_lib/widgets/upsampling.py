"""One kernel, four ways to enlarge: what each makes of a small picture, and where the checkerboard comes from."""

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from ..data import drawn_faces
from .convolution import Kernel
from .page import PageWidget
from .still import Still

SIDE = 12
PICTURES = ("face", "flat", "one", "slope")
KERNELS = ("equal", "tent")
LARGEST = 100  # of a kernel's numbers


def small_face() -> np.ndarray:
    """Give a drawn face of 12×12 pixels: float array (12, 12), 0 black to 1 white, in steps of 1/255."""
    grey = drawn_faces(1, start=61).images[0, :, 12:60, 8:56].mean(0)
    return np.round(grey.reshape(SIDE, 4, SIDE, 4).mean((1, 3))) / 255


def picture(name: str, face: np.ndarray | None = None) -> Tensor:
    """Give a small picture by name, of shape (12, 12) and with values in [0, 1].

    Parameters
    ----------
    name : {"face", "flat", "one", "slope"}
        A face; even grey; one bright pixel; dark on the left, bright on the right.
    face : array_like of shape (12, 12), optional
        The face; that of `small_face` if not given.
    """
    small = torch.zeros(SIDE, SIDE)
    if name == "face":
        small = torch.tensor(small_face() if face is None else face, dtype=torch.float32)
    elif name == "flat":
        small += 0.5
    elif name == "one":
        small[SIDE // 2, SIDE // 2] = 1.0
    else:
        small += torch.linspace(0.1, 0.9, SIDE)
    return small


def named_kernel(name: str, size: int) -> Tensor:
    """Give a kernel of shape (size, size) whose numbers add up to 1: all equal, or a tent (bilinear)."""
    places = torch.arange(size)
    line = torch.ones(size) if name == "equal" else torch.minimum(places + 1, size - places).float()
    return torch.outer(line, line) / line.sum() ** 2


def transposed(image: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """Enlarge (H, W) to (stride H, stride W) by a transposed convolution.

    The kernel is multiplied by stride², so that one whose numbers add up to 1 keeps the brightness on average.
    """
    padding = max(0, (len(kernel) - stride + 1) // 2)
    more = stride - len(kernel) + 2 * padding
    weight = stride**2 * kernel[None, None]
    return F.conv_transpose2d(image[None, None], weight, stride=stride, padding=padding, output_padding=more)[0, 0]


def _padded(image: Tensor, size: int) -> Tensor:
    """Lay zeros around an image so that a kernel of `size` keeps its shape; even ones have more after it."""
    before, after = (size - 1) // 2, size // 2
    return F.pad(image, (before, after, before, after))


def fold(kernel: Tensor, stride: int) -> Tensor:
    """Fold "enlarge by copying, then convolve" into a small kernel for each phase.

    Parameters
    ----------
    kernel : Tensor of shape (k, k)
    stride : int

    Returns
    -------
    Tensor of shape (stride², w, w)
        Phase ``stride p + q`` is that of the pixels ``(stride i + p, stride j + q)`` of the result; its middle
        number belongs to pixel ``(i, j)`` of the small image. For stride 2 and an odd k these are the kernels
        of `gan_lib.layers.subpixel_weight`.
    """
    size, before = len(kernel), (len(kernel) - 1) // 2
    phases, taps = torch.arange(stride)[:, None], torch.arange(size)
    pixel = (phases + taps - before).div(stride, rounding_mode="floor")  # (stride, k)
    reach = int(pixel.abs().max())
    meets = F.one_hot(pixel + reach, 2 * reach + 1).to(kernel)  # (stride, k, w)
    return torch.einsum("psa,qtb,st->pqab", meets, meets, kernel).flatten(0, 1)


def ways(image: Tensor, kernel: Tensor, stride: int = 2) -> dict[str, Tensor]:
    """Enlarge a picture in four ways with PyTorch's own layers.

    Parameters
    ----------
    image : Tensor of shape (H, W)
    kernel : Tensor of shape (k, k)
    stride : int, default=2
        How many times as large.

    Returns
    -------
    dict
        "nearest", "transposed", "resize" and "subpixel", each of shape (stride H, stride W). The last two agree
        to rounding.
    """
    nearest = F.interpolate(image[None, None], scale_factor=stride, mode="nearest")
    small = fold(kernel, stride)[:, None]  # (stride², 1, w, w)
    phases = F.conv2d(image[None, None], small, padding=small.shape[-1] // 2)  # (1, stride², H, W)
    return {
        "nearest": nearest[0, 0],
        "transposed": transposed(image, kernel, stride),
        "resize": F.conv2d(_padded(nearest, len(kernel)), kernel[None, None])[0, 0],
        "subpixel": F.pixel_shuffle(phases, stride)[0, 0],
    }


def coats(size: int, stride: int) -> Tensor:
    """Count how many pixels paint each pixel of a transposed convolution, away from the rim: (stride, stride).

    Entry ``[p, q]`` is that of the pixels ``(stride i + p, stride j + q)``.
    """
    painted = transposed(torch.ones(9, 9), torch.ones(size, size), stride) / stride**2
    return painted[4 * stride : 5 * stride, 4 * stride : 5 * stride].round().int()


def white_becomes(kernel: Tensor, stride: int) -> Tensor:
    """Give what a transposed convolution makes of white in each phase, away from the rim: (stride, stride)."""
    painted = transposed(torch.ones(9, 9), kernel, stride)
    return painted[4 * stride : 5 * stride, 4 * stride : 5 * stride]


class Upsampling(PageWidget):
    """Enlarge a small picture in four ways with one kernel, in JupyterLab and in a published page.

    Copying, transposed convolution, copying and then convolving, and the sub-pixel convolution that gives the
    same; the coats of paint behind the checkerboard; the phases of the sub-pixel identity one by one. Every
    control is also an attribute to read and to set. What comes out is in `ways`.

    Parameters
    ----------
    picture : {"face", "flat", "one", "slope"}, default="face"
        What is enlarged.
    kernel : array_like of shape (k, k), k from 2 to 5
        Nine equal numbers by default.
    stride : {2, 3}, default=2
        How many times as large.
    phase : int, default=0
        The phase of the identity on view, from 0 to stride² − 1.
    face : array_like of shape (12, 12), optional
        A picture of your own instead of the face, 0 black to 1 white.

    Raises
    ------
    traitlets.TraitError
        For a value that none of these allow.
    """

    _module = "upsampling"

    picture = traitlets.Enum(PICTURES, "face").tag(sync=True)
    kernel = Kernel(named_kernel("equal", 3), (2, 3, 4, 5)).tag(sync=True)
    stride = traitlets.Enum((2, 3), 2).tag(sync=True)
    phase = traitlets.Int(0, min=0).tag(sync=True)
    face = traitlets.List().tag(sync=True)

    def __init__(self, face=None, **settings):
        face = small_face() if face is None else face
        super().__init__(face=np.asarray(face, dtype=float).round(6).tolist(), **settings)

    @traitlets.validate("face")
    def _is_small(self, proposal):
        pixels = np.array(proposal["value"])
        if pixels.shape != (SIDE, SIDE) or pixels.min() < 0 or pixels.max() > 1:
            raise traitlets.TraitError(
                f"face has shape {pixels.shape}; give {SIDE} rows of {SIDE} values between 0 and 1."
            )
        return proposal["value"]

    @traitlets.validate("phase")
    def _has_its_place(self, proposal):
        if proposal["value"] >= self.stride**2:
            raise traitlets.TraitError(
                f"phase is {proposal['value']}; with stride {self.stride} there are {self.stride**2}, from 0."
            )
        return proposal["value"]

    @traitlets.observe("stride")
    def _begin_at_the_first(self, change):
        self.phase = min(self.phase, self.stride**2 - 1)

    @property
    def image(self) -> Tensor:
        """The small picture: (12, 12), values in [0, 1]."""
        return picture(self.picture, self.face)

    @property
    def ways(self) -> dict[str, Tensor]:
        """What each way makes of it, as the function `ways` gives it."""
        return ways(self.image, torch.tensor(self.kernel), self.stride)

    @property
    def alt(self) -> str:
        """What the still shows, in words."""
        counts = coats(len(self.kernel), self.stride).unique().tolist()
        grid = f"which covers it with a grid, since its pixels get {', '.join(map(str, counts))} coats of paint"
        return (
            f"A picture of {SIDE}×{SIDE} pixels ({self.picture}) and four enlargements, {self.stride} times as "
            f"large: nearest neighbour, in squares; transposed convolution"
            f"{', ' + grid if len(counts) > 1 else ''}; nearest, then convolution; and sub-pixel convolution, "
            "which gives the same."
        )

    def still(self) -> Still:
        """Give the small picture and the four enlargements."""
        panels = {"small": self.image, **self.ways}
        titles = ("small picture", "nearest", "transposed", "nearest, then\nconvolution", "sub-pixel")
        figure = Figure(figsize=(8, 1.95))
        for ax, panel, title in zip(figure.subplots(1, 5), panels.values(), titles, strict=True):
            ax.imshow(panel.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            ax.set_title(title, fontsize=10)
            ax.axis("off")
        return Still(figure, self.alt, "")

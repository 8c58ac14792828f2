"""Building blocks that PyTorch does not have.

One so far: an upsampling by two followed by a convolution, computed without ever making the
upsampled image.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def phase_taps(kernel_size: int) -> Tensor:
    """Which input pixel each tap of the kernel meets, for the two phases of an output pixel.

    Output pixel ``2 i + p`` of a convolution over the doubled image reads, with its tap ``t``, the
    doubled pixel ``2 i + p + t - k // 2``, which is a copy of input pixel ``i + floor((p + t - k // 2) / 2)``.

    Parameters
    ----------
    kernel_size : int
        Odd size ``k`` of the kernel.

    Returns
    -------
    Tensor of shape (2, w, k)
        Entry ``[p, a, t]`` is 1 where phase ``p`` reads input pixel ``i + a - w // 2`` with tap ``t``.
    """
    radius = kernel_size // 2
    reach = (radius + 1) // 2
    taps = torch.arange(kernel_size)
    phases = torch.arange(2)[:, None]
    pixel = (phases + taps - radius).div(2, rounding_mode="floor") + reach  # (2, k)
    return F.one_hot(pixel, 2 * reach + 1).transpose(1, 2).float()  # (2, w, k)


def subpixel_weight(weight: Tensor) -> Tensor:
    """Fold "double the image, then convolve" into one convolution over the small image.

    Taps that meet the same input pixel are added up, once for each of the four output phases, so that
    the kernel shrinks (5x5 to 3x3) and the output channels become four times as many, ready for
    `torch.nn.functional.pixel_shuffle`. The result equals the plain computation to rounding.

    Parameters
    ----------
    weight : Tensor of shape (out, in, k, k)
        Weight of the convolution over the doubled image; ``k`` is odd.

    Returns
    -------
    Tensor of shape (4 out, in, w, w)
        ``w`` is 3 for ``k`` of 3 and 5, and 5 for 7 and 9.

    References
    ----------
    Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", section 3; the fold itself is derived in the chapter "Upsampling" of the book.
    """
    taps = phase_taps(weight.shape[-1]).to(weight)  # (2, w, k)
    folded = torch.einsum("pas,qbt,oist->opqiab", taps, taps, weight)  # (out, 2, 2, in, w, w)
    return folded.flatten(0, 2)  # (4 out, in, w, w)


class UpsampleConv2d(nn.Module):
    """Double an image by nearest neighbour, then convolve it, keeping its doubled size.

    Weight and bias are those of `torch.nn.Conv2d`, so a checkpoint fits both paths.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after.
    kernel_size : int, default=5
        Odd size of the kernel, such as 3, 5 or 7.
    path : {"subpixel", "plain"}, default="subpixel"
        How to compute it: by `subpixel_weight` and a pixel shuffle, which is the faster, or as the
        sentence says. Outputs and gradients agree to rounding.

    Raises
    ------
    ValueError
        When the kernel's size is even or the path has no such name.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 5,
        path: Literal["subpixel", "plain"] = "subpixel",
    ):
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; an odd one is needed, such as 3, 5 or 7.")
        if path not in ("subpixel", "plain"):
            raise ValueError(f'path is {path!r}; choose "subpixel" or "plain".')
        plain = nn.Conv2d(in_channels, out_channels, kernel_size)  # for its initialisation
        self.weight, self.bias = plain.weight, plain.bias
        self.path = path

    def forward(self, images: Tensor) -> Tensor:
        """Map images of shape (N, in, H, W) to (N, out, 2 H, 2 W)."""
        if self.path == "plain":
            doubled = F.interpolate(images, scale_factor=2, mode="nearest")  # (N, in, 2 H, 2 W)
            return F.conv2d(doubled, self.weight, self.bias, padding=self.weight.shape[-1] // 2)
        weight = subpixel_weight(self.weight)  # (4 out, in, w, w)
        bias = self.bias.repeat_interleave(4)
        phases = F.conv2d(images, weight, bias, padding=weight.shape[-1] // 2)  # (N, 4 out, H, W)
        return F.pixel_shuffle(phases, 2)  # (N, out, 2 H, 2 W)

    def extra_repr(self) -> str:
        out_channels, in_channels, size, _ = self.weight.shape
        return f"{in_channels}, {out_channels}, kernel_size={size}, path={self.path!r}"

"""The generator and the discriminator of the 2019 report, layer by layer.

The report prints two Keras summaries. The layers, shapes and parameter counts here are theirs. What
it leaves unsaid follows Keras-GAN, which it cites: a slope of 0.2 in the leaky ReLU, a batch-norm
momentum of 0.8 in Keras's sense (0.2 in PyTorch's), tanh at the end, Glorot-uniform weights.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..layers import UpsampleConv2d

SLOPE = 0.2


def keras_start(module: nn.Module) -> None:
    """Start weights as Keras does: Glorot-uniform weights, biases of zero."""
    weight = getattr(module, "weight", None)
    if weight is not None and weight.dim() > 1:
        nn.init.xavier_uniform_(weight)
        nn.init.zeros_(module.bias)


class ReportGenerator(nn.Module):
    """From noise to a face: a dense layer, then twice "double and convolve 5x5".

    Parameters
    ----------
    latent_size : int, default=4096
        Dimensions of the noise. The report's 16,781,312 parameters in the first layer mean 4096.
    path : {"subpixel", "plain"}, default="subpixel"
        How `gan_lib.layers.UpsampleConv2d` computes.
    """

    def __init__(self, latent_size: int = 4096, path: str = "subpixel"):
        super().__init__()
        self.latent_size = latent_size
        self.dense = nn.Linear(latent_size, 4096)
        self.norm1 = nn.BatchNorm1d(4096, eps=1e-3, momentum=0.2)
        self.conv1 = UpsampleConv2d(16, 128, 5, path)
        self.norm2 = nn.BatchNorm2d(128, eps=1e-3, momentum=0.2)
        self.conv2 = UpsampleConv2d(128, 3, 5, path)
        self.apply(keras_start)

    def forward(self, latents: Tensor) -> Tensor:
        """Map latents of shape (N, latent_size) to images of shape (N, 3, 64, 64) in [-1, 1]."""
        x = self.norm1(F.leaky_relu(self.dense(latents), SLOPE))  # (N, 4096)
        x = x.view(-1, 16, 16, 16)
        x = self.norm2(F.leaky_relu(self.conv1(x), SLOPE))  # (N, 128, 32, 32)
        return torch.tanh(self.conv2(x))  # (N, 3, 64, 64)


class ReportDiscriminator(nn.Module):
    """From an image to the logit of "this is real": three dense layers and no convolution.

    Parameters
    ----------
    size : int, default=64
        Side of the images.
    """

    def __init__(self, size: int = 64):
        super().__init__()
        self.dense1 = nn.Linear(3 * size * size, 512)
        self.dense2 = nn.Linear(512, 256)
        self.dense3 = nn.Linear(256, 1)
        self.apply(keras_start)

    def forward(self, images: Tensor) -> Tensor:
        """Map images of shape (N, 3, size, size) in [-1, 1] to logits of shape (N,)."""
        x = F.leaky_relu(self.dense1(images.flatten(1)), SLOPE)  # (N, 512)
        x = F.leaky_relu(self.dense2(x), SLOPE)  # (N, 256)
        return self.dense3(x).squeeze(1)  # (N,)


class Row(NamedTuple):
    """One line of a Keras summary.

    Attributes
    ----------
    layer : str
        Keras's name of it.
    shape : tuple of int
        Of its output, without the batch: height, width, channels.
    parameters : int
    fixed : int, default=0
        Those of them that gradients do not touch.
    """

    layer: str
    shape: tuple[int, ...]
    parameters: int
    fixed: int = 0


class Summary(tuple):
    """The rows of a Keras summary. Printing it gives the table with its totals."""

    @property
    def total(self) -> int:
        """All parameters, batch-norm statistics included, as Keras counts."""
        return sum(row.parameters for row in self)

    @property
    def fixed(self) -> int:
        """Parameters that gradients do not touch: batch norm's running means and variances."""
        return sum(row.fixed for row in self)

    def __str__(self) -> str:
        lines = [f"{'layer':<20}{'output':>12}{'parameters':>14}", "-" * 46]
        lines += [f"{r.layer:<20}{'×'.join(map(str, r.shape)):>12}{r.parameters:>14,}" for r in self]
        lines += ["-" * 46, f"total {self.total:,}"]
        lines += [f"trainable {self.total - self.fixed:,}", f"not trainable {self.fixed:,}"]
        return "\n".join(lines)

    __repr__ = __str__


def _norm(channels: int, shape: tuple[int, ...]) -> Row:
    return Row("BatchNormalization", shape, 4 * channels, 2 * channels)


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _generator_rows(net: ReportGenerator):
    with torch.no_grad():
        dense = net.dense(net.dense.weight.new_zeros(1, net.latent_size))
        maps = dense.view(-1, 16, 16, 16)
        wide = net.conv1(maps)
        image = net.conv2(wide)
    small, middle, full = (tuple(x.shape[i] for i in (2, 3, 1)) for x in (maps, wide, image))
    flat = (dense.shape[1],)
    yield Row("Dense", flat, _count(net.dense))
    yield Row("LeakyReLU", flat, 0)
    yield _norm(net.norm1.num_features, flat)
    yield Row("Reshape", small, 0)
    yield Row("UpSampling2D", (2 * small[0], 2 * small[1], small[2]), 0)
    yield Row("Conv2D", middle, _count(net.conv1))
    yield Row("LeakyReLU", middle, 0)
    yield _norm(net.norm2.num_features, middle)
    yield Row("UpSampling2D", (2 * middle[0], 2 * middle[1], middle[2]), 0)
    yield Row("Conv2D", full, _count(net.conv2))


def _discriminator_rows(net: ReportDiscriminator):
    yield Row("Flatten", (net.dense1.in_features,), 0)
    for dense in (net.dense1, net.dense2):
        yield Row("Dense", (dense.out_features,), _count(dense))
        yield Row("LeakyReLU", (dense.out_features,), 0)
    yield Row("Dense", (net.dense3.out_features,), _count(net.dense3))


def keras_summary(network: nn.Module) -> Summary:
    """Summarise one of the report's networks as Keras does: height × width × channels, every parameter.

    Keras counts the running mean and variance of a batch norm among its parameters and calls them not
    trainable; PyTorch calls them buffers. Here they are counted as Keras does.

    Parameters
    ----------
    network : ReportGenerator or ReportDiscriminator
        Its shapes are measured by running it, not copied from the report.

    Returns
    -------
    Summary
        A tuple of `Row`, with `total` and `fixed`; printing it gives the table.

    Raises
    ------
    TypeError
        For any other network; `torchinfo.summary` shows those.
    """
    if isinstance(network, ReportGenerator):
        return Summary(_generator_rows(network))
    if isinstance(network, ReportDiscriminator):
        return Summary(_discriminator_rows(network))
    raise TypeError(
        f"keras_summary knows the report's two networks, not {type(network).__name__}; "
        "use torchinfo.summary for it."
    )

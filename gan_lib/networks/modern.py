"""Residual networks of the modern kind: no normalisation, scaled starting weights, resampling that does not alias.

After R3GAN (Huang et al. 2024), made small: a block works at half its channels, and there are few blocks, so
that the generator runs in a browser (1.6 million parameters, 97 million multiply-adds for a face).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
CHANNELS = (256, 256, 128, 64, 32)  # at 4×4, 8×8, 16×16, 32×32, 64×64
BLOCKS = (2, 2, 2, 1, 1)


class ResidualBlock(nn.Module):
    """x + f(x): narrow to half the channels, look around with 3×3, widen again.

    The last convolution starts at zero, so that the block begins as the identity; the other two start smaller
    the more blocks there are. With that, no normalisation is needed.

    Parameters
    ----------
    channels : int
        Of what comes in and goes out.
    depth : int
        Blocks in the whole network.

    References
    ----------
    Zhang, Dauphin and Ma 2019, "Fixup initialization", section 3;
    Huang et al. 2024, "The GAN is dead; long live the GAN! A modern GAN baseline", section 4.
    """

    def __init__(self, channels: int, depth: int):
        super().__init__()
        middle = channels // 2
        self.narrow = nn.Conv2d(channels, middle, 1)
        self.look = nn.Conv2d(middle, middle, 3, padding=1)
        self.widen = nn.Conv2d(middle, channels, 1)
        for conv, gain in ((self.narrow, depth**-0.25), (self.look, depth**-0.25), (self.widen, 0.0)):
            start_scaled(conv, gain)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        y = F.leaky_relu(self.narrow(x), SLOPE)
        y = F.leaky_relu(self.look(y), SLOPE)
        return x + self.widen(y)


def start_scaled(layer: nn.Module, gain: float = 1.0) -> None:
    """Start a layer with He's normal weights times `gain`, and biases of zero."""
    nn.init.kaiming_normal_(layer.weight, SLOPE)
    with torch.no_grad():
        layer.weight.mul_(gain)
    nn.init.zeros_(layer.bias)


def _residual_stages(channels: tuple[int, ...], blocks: tuple[int, ...]) -> nn.ModuleList:
    depth = sum(blocks)
    pairs = zip(channels, blocks, strict=True)
    return nn.ModuleList(nn.Sequential(*(ResidualBlock(c, depth) for _ in range(b))) for c, b in pairs)


def _changes(channels: tuple[int, ...]) -> nn.ModuleList:
    """1×1 convolutions from the channels of each stage to those of the next."""
    convs = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in zip(channels, channels[1:], strict=False))
    for conv in convs:
        nn.init.kaiming_normal_(conv.weight, 1)
    return convs


class ModernGenerator(nn.Module):
    """From noise to a face: a dense layer, then residual blocks at 4×4, 8×8, … 64×64, doubled bilinearly.

    Parameters
    ----------
    latent_size : int, default=128
        Dimensions of the noise.
    channels, blocks : tuple of int
        For each stage, from 4×4 upwards; by default (256, 256, 128, 64, 32) and (2, 2, 2, 1, 1).
    """

    def __init__(self, latent_size: int = 128, channels=CHANNELS, blocks=BLOCKS):
        super().__init__()
        self.latent_size = latent_size
        self.dense = nn.Linear(latent_size, channels[0] * 4 * 4)
        self.stages = _residual_stages(channels, blocks)
        self.changes = _changes(channels)
        self.colours = nn.Conv2d(channels[-1], 3, 1)
        start_scaled(self.dense)
        start_scaled(self.colours, 0.5)
        self.to(memory_format=torch.channels_last)

    def forward(self, latents: Tensor) -> Tensor:
        """Map latents of shape (N, latent_size) to images of shape (N, 3, 64, 64) in [-1, 1]."""
        x = self.dense(latents).unflatten(1, (-1, 4, 4))  # (N, 256, 4, 4)
        x = self.stages[0](x.contiguous(memory_format=torch.channels_last))
        for change, stage in zip(self.changes, self.stages[1:], strict=True):
            x = F.interpolate(change(x), scale_factor=2, mode="bilinear")
            x = stage(x)  # (N, 32, 64, 64) at the end
        return torch.tanh(self.colours(x))  # (N, 3, 64, 64)


class ModernDiscriminator(nn.Module):
    """From an image to a logit: residual blocks at 64×64, 32×32, … 4×4, halved by the mean of 2×2, a dense layer.

    Parameters
    ----------
    channels, blocks : tuple of int
        For each stage, from 4×4 upwards; by default (256, 128, 96, 48, 24) and one block each.
    """

    def __init__(self, channels=(256, 128, 96, 48, 24), blocks=(1, 1, 1, 1, 1)):
        super().__init__()
        channels, blocks = channels[::-1], blocks[::-1]
        self.colours = nn.Conv2d(3, channels[0], 3, padding=1)
        self.stages = _residual_stages(channels, blocks)
        self.changes = _changes(channels)
        self.logit = nn.Linear(channels[-1] * 4 * 4, 1)
        start_scaled(self.colours)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Map images of shape (N, 3, 64, 64) in [-1, 1] to logits of shape (N,)."""
        x = self.colours(images)
        for stage, change in zip(self.stages, self.changes, strict=False):
            x = change(F.avg_pool2d(stage(x), 2))
        x = self.stages[-1](x)  # (N, 256, 4, 4)
        return self.logit(F.leaky_relu(x, SLOPE).flatten(1)).squeeze(1)  # (N,)

"""Networks of strided convolutions, after DCGAN (Radford et al. 2016)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..layers import UpsampleConv2d

SLOPE = 0.2


class ConvDiscriminator(nn.Module):
    """From an image to a logit: four 4×4 convolutions of stride 2, then one weight for each of what is left.

    Each convolution halves the side and doubles the channels: 64×64×3, 32×32×w, 16×16×2w, 8×8×4w, 4×4×8w.

    Parameters
    ----------
    width : int, default=32
        Channels after the first convolution; DCGAN has 64.
    batch_norm : bool, default=True
        Batch norm in the second to fourth, as DCGAN has it. Gradient penalties need it off: with it, an image's
        logit depends on the other images of its batch.

    References
    ----------
    Radford, Metz and Chintala 2016, "Unsupervised representation learning with deep convolutional generative
    adversarial networks", section 3.
    """

    def __init__(self, width: int = 32, batch_norm: bool = True):
        super().__init__()
        channels = [3, width, 2 * width, 4 * width, 8 * width]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(channels, channels[1:], strict=False))
        norms = (nn.BatchNorm2d(b) if batch_norm and b > width else nn.Identity() for b in channels[1:])
        self.norms = nn.ModuleList(norms)
        self.logit = nn.Linear(8 * width * 4 * 4, 1)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Map images of shape (N, 3, 64, 64) in [-1, 1] to logits of shape (N,)."""
        x = images
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), SLOPE)  # (N, 8 w, 4, 4) at the end
        return self.logit(x.flatten(1)).squeeze(1)  # (N,)


class PlainGenerator(nn.Module):
    """The report's generator without batch norm: a dense layer, then twice "double and convolve 5×5".

    Parameters
    ----------
    latent_size : int, default=128
        Dimensions of the noise.
    """

    def __init__(self, latent_size: int = 128):
        super().__init__()
        self.latent_size = latent_size
        self.dense = nn.Linear(latent_size, 4096)
        self.conv1 = UpsampleConv2d(16, 128, 5)
        self.conv2 = UpsampleConv2d(128, 3, 5)

    def forward(self, latents: Tensor) -> Tensor:
        """Map latents of shape (N, latent_size) to images of shape (N, 3, 64, 64) in [-1, 1]."""
        x = F.leaky_relu(self.dense(latents), SLOPE).view(-1, 16, 16, 16)
        x = F.leaky_relu(self.conv1(x), SLOPE)  # (N, 128, 32, 32)
        return torch.tanh(self.conv2(x))  # (N, 3, 64, 64)

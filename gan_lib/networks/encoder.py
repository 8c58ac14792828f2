"""The face encoder: from a face to 64 numbers that say what it shows and what is wrong with it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (32, 64, 128, 192)  # channels after each halving
GROUPS = 8  # of group normalisation, which does the same in training and in evaluation


class Halving(nn.Module):
    """Halve an image with a strided convolution, then refine it with a second one, added to it.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after.
    kernel_size : int, default=3
        Of the strided convolution; odd.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3):
        super().__init__()
        self.halve = nn.Conv2d(in_channels, out_channels, kernel_size, 2, kernel_size // 2)
        self.norm1 = nn.GroupNorm(GROUPS, out_channels)
        self.refine = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        self.norm2 = nn.GroupNorm(GROUPS, out_channels)

    def forward(self, images: Tensor) -> Tensor:
        """Map images of shape (N, in, H, W) to (N, out, H / 2, W / 2)."""
        x = F.relu(self.norm1(self.halve(images)))  # (N, out, H / 2, W / 2)
        return F.relu(x + self.norm2(self.refine(x)))


class FaceEncoder(nn.Module):
    """Plain convolutions from a face to features, and a linear layer from features to attributes.

    The features are linear in what the last convolution saw, so that sets of them are roughly Gaussian, as the
    Fréchet distance supposes. `whiten` puts them on the scale of the faces that the encoder was trained on: mean 0
    and variance 1 in every direction.

    Parameters
    ----------
    attribute_names : sequence of str
        The attributes that it judges.
    num_features : int, default=64
        Dimensions of the features.
    """

    def __init__(self, attribute_names: Sequence[str], num_features: int = 64):
        super().__init__()
        self.attribute_names, self.num_features = tuple(attribute_names), num_features
        steps = zip((3, *WIDTHS), WIDTHS, (5, 3, 3, 3), strict=False)
        self.stages = nn.Sequential(*(Halving(*step) for step in steps))
        self.project = nn.Linear(WIDTHS[-1] * 4 * 4, num_features)
        self.attributes = nn.Linear(num_features, len(self.attribute_names))

    def forward(self, images: Tensor) -> Tensor:
        """Map images of shape (N, 3, 64, 64) in [-1, 1] to features of shape (N, num_features).

        Raises
        ------
        ValueError
            When the images have another shape.
        """
        if images.dim() != 4 or images.shape[1:] != (3, 64, 64):
            raise ValueError(f"The encoder was given {tuple(images.shape)}; it takes images of (N, 3, 64, 64).")
        x = self.stages(images)  # (N, 192, 4, 4)
        return self.project(F.dropout(x.flatten(1), 0.3, self.training))  # (N, num_features)

    def attribute_logits(self, features: Tensor) -> Tensor:
        """Map features of shape (N, num_features) to logits of shape (N, A); above 0 means "has it"."""
        return self.attributes(features)

    @torch.no_grad()
    def whiten(self, features: Tensor) -> None:
        """Rescale so that these features get mean 0 and covariance 1; attributes are judged as before.

        Parameters
        ----------
        features : Tensor of shape (N, num_features)
            What the encoder gives now, for the faces that shall be the measure; N well above num_features.

        Raises
        ------
        ValueError
            When there are no more faces than features: their covariance has no inverse.
        """
        if len(features) <= features.shape[1]:
            raise ValueError(f"{len(features)} faces are too few for {features.shape[1]} features; give more.")
        mean = features.mean(0)
        values, axes = torch.linalg.eigh(features.double().T.cov())
        shrink = (axes / values.sqrt() @ axes.T).float()  # covariance^(-1/2)
        grow = (axes * values.sqrt() @ axes.T).float()  # covariance^(1/2)
        self.project.weight.copy_(shrink @ self.project.weight)
        self.project.bias.copy_(shrink @ (self.project.bias - mean))
        self.attributes.bias.add_(self.attributes.weight @ mean)
        self.attributes.weight.copy_(self.attributes.weight @ grow)

"""Augmentation inside the game: the discriminator sees real and generated images through the same distortions.

Distort the real images alone and the generator learns the distortions. Distort both, with operations that
gradients pass through, and it learns the faces, while the discriminator never sees the same picture twice
and cannot learn a small data set by heart.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT = 1 / 8  # largest shift, of the image's side
HOLE = 1 / 2  # side of the hole that is cut out, of the image's side


def augment(images: Tensor, probability: float, random: torch.Generator | None = None) -> Tensor:
    """Shift colours, shift the image and cut a hole, each on its own for each image with a probability.

    Parameters
    ----------
    images : Tensor of shape (N, 3, S, S)
        In [-1, 1]; gradients pass through.
    probability : float
        From 0, which gives the images back as they are, to 1. Well below 1 the generator keeps seeing that
        most faces have no hole, and does not learn to draw any.
    random : torch.Generator, optional
        Where the random numbers come from.

    Returns
    -------
    Tensor of shape (N, 3, S, S)
        Not clamped: shifted colours may lie outside [-1, 1].

    References
    ----------
    Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training", section 3;
    Karras et al. 2020, "Training generative adversarial networks with limited data", section 2.2, for the
    probability.
    """
    if probability == 0:
        return images
    for distort in (shift_colours, shift_image, cut_hole):
        chosen = _uniform(images, random) < probability
        images = torch.where(chosen, distort(images, random), images)
    return images


def shift_colours(images: Tensor, random: torch.Generator | None = None) -> Tensor:
    """Change brightness by up to 0.5, saturation by up to twice, contrast by up to a half."""
    images = images + _uniform(images, random) - 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * 2 * _uniform(images, random)
    middle = images.mean((1, 2, 3), keepdim=True)
    return middle + (images - middle) * (0.5 + _uniform(images, random))


def shift_image(images: Tensor, random: torch.Generator | None = None) -> Tensor:
    """Shift each image by up to an eighth of its side; what comes in from outside is mid-grey."""
    side = images.shape[-1]
    most = round(side * SHIFT)
    size = (2, len(images))
    down, right = torch.randint(2 * most + 1, size, generator=random, device=images.device)[..., None]
    pixels = torch.arange(side, device=images.device)
    rows, columns = (pixels + down)[:, :, None], (pixels + right)[:, None, :]  # (N, S, 1), (N, 1, S)
    padded = F.pad(images, [most] * 4).permute(0, 2, 3, 1)  # (N, S + 2 most, S + 2 most, 3)
    which = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[which, rows, columns].permute(0, 3, 1, 2)


def cut_hole(images: Tensor, random: torch.Generator | None = None) -> Tensor:
    """Make a square of half the side mid-grey; its centre lies anywhere, so that part of it may lie outside."""
    side = images.shape[-1]
    centre = torch.randint(side + 1, (2, len(images), 1), generator=random, device=images.device)
    inside = (torch.arange(side, device=images.device) + 0.5 - centre).abs() < side * HOLE / 2  # (2, N, S)
    hole = inside[0, :, None, :, None] & inside[1, :, None, None, :]  # (N, 1, S, S)
    return images.masked_fill(hole, 0)


def _uniform(images: Tensor, random: torch.Generator | None) -> Tensor:
    """A number from 0 to 1 for each image, of shape (N, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, generator=random, device=images.device)

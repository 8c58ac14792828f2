"""Train the face encoder that `gan_lib.metrics` looks through: about six minutes of one CPU core.

    python benchmarks/train_encoder.py --faces img_align_celeba.zip --attributes list_attr_celeba.txt --first 8000

It learns three things at once from the same 64 features: CelebA's 40 attributes; which damage was done to the
image, and how much (noise, blur, speckle, a covered patch, another face's half, a ghost of another face, a warp,
big pixels); and the first 16 eigenface coefficients, that is pose, light and background. So the features notice
a face that is wrong as well as a set of faces that lacks variety. At the end they are whitened: on the training
faces, each direction has mean 0 and variance 1. Written are gan_lib/pretrained/encoders/face-encoder.safetensors
and, to stdout, the figures of its card, measured on the faces after the first 8,000.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from gan_lib import celeba_faces, to_float
from gan_lib.networks.encoder import FaceEncoder
from gan_lib.training import Batches, fast_bf16, mirror_half
from gan_lib.weights import ENCODERS, save_encoder

EIGENFACES = 16
BATCH, EPOCHS, RATE, DECAY = 128, 20, 1.2e-3, 0.1
DAMAGED = 0.09  # chance of each damage; about half of the images have none


# --- Damages: (images in [-1, 1], strengths in [0, 1] of shape (N, 1, 1, 1)) -> images ---------------------


def half_of_another(images: Tensor, strength: Tensor) -> Tensor:
    """Put another face's half beside or under what is left of this one, the more the stronger."""
    ramp = torch.linspace(0, 1, 64)
    cut = 1 - strength / 2
    side = (ramp.view(1, 1, 1, 64) > cut) if torch.rand(()) < 0.5 else (ramp.view(1, 1, 64, 1) > cut)
    return torch.where(side, images.roll(1, 0), images)


def ghost(images: Tensor, strength: Tensor) -> Tensor:
    """Let another face shine through."""
    return torch.lerp(images, images.roll(1, 0), strength / 2)


def warp(images: Tensor, strength: Tensor) -> Tensor:
    """Shift parts of the face, by up to eight pixels on average."""
    coarse = 0.25 * torch.randn(len(images), 2, 5, 5) * strength
    flow = F.interpolate(coarse, size=(64, 64), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    still = F.affine_grid(torch.eye(2, 3).expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, still + flow, padding_mode="border", align_corners=False)


def blur(images: Tensor, strength: Tensor) -> Tensor:
    """Blur with a Gaussian of up to 2.5 pixels."""
    sigma = 2.5 * strength.view(-1, 1) + 1e-3
    kernel = torch.softmax(-torch.arange(-6, 7).square() / (2 * sigma.square()), 1)  # (N, 13)
    rows = images.transpose(0, 1)  # (3, N, 64, 64): each image is a channel with a kernel of its own
    rows = F.conv2d(F.pad(rows, (6, 6, 0, 0), "replicate"), kernel.view(-1, 1, 1, 13), groups=len(images))
    rows = F.conv2d(F.pad(rows, (0, 0, 6, 6), "replicate"), kernel.view(-1, 1, 13, 1), groups=len(images))
    return rows.transpose(0, 1)


def big_pixels(images: Tensor, strength: Tensor) -> Tensor:
    """Mix with the image at a quarter of its size, enlarged without smoothing."""
    coarse = F.interpolate(F.avg_pool2d(images, 4), scale_factor=4, mode="nearest")
    return torch.lerp(images, coarse, strength)


def cover(images: Tensor, strength: Tensor) -> Tensor:
    """Cover a rectangle, up to half of the image, with one colour."""
    count = len(images)
    height, width = (64 * strength.sqrt() * (0.5 + 0.4 * torch.rand(count, 1, 1, 1)) for _ in range(2))
    top, left = (64 - height) * torch.rand(count, 1, 1, 1), (64 - width) * torch.rand(count, 1, 1, 1)
    y, x = torch.arange(64.0).view(1, 1, 64, 1), torch.arange(64.0).view(1, 1, 1, 64)
    inside = (y >= top) & (y < top + height) & (x >= left) & (x < left + width)
    return torch.where(inside, 2 * torch.rand(count, 3, 1, 1) - 1, images)


def noise(images: Tensor, strength: Tensor) -> Tensor:
    """Add Gaussian noise of up to 64 grey levels."""
    return images + 0.5 * strength.square() * torch.randn_like(images)


def speckle(images: Tensor, strength: Tensor) -> Tensor:
    """Give up to a tenth of the pixels any colour."""
    hit = torch.rand_like(images[:, :1]) < 0.1 * strength.square()
    return torch.where(hit, 2 * torch.rand_like(images) - 1, images)


DAMAGES = (half_of_another, ghost, warp, blur, big_pixels, cover, noise, speckle)
MIXING = 2  # the first two bring in another face, whose attributes are not this one's


def damaged(images: Tensor) -> tuple[Tensor, Tensor]:
    """Do each damage to some of the images; also their strengths, of shape (N, 8), 0 where not done."""
    strengths = torch.rand(len(images), len(DAMAGES)) * (torch.rand(len(images), len(DAMAGES)) < DAMAGED)
    for i, damage in enumerate(DAMAGES):
        rows = strengths[:, i].nonzero()[:, 0]
        if len(rows) > 1:
            images[rows] = damage(images[rows], strengths[rows, i].view(-1, 1, 1, 1))
        else:
            strengths[:, i] = 0
    return images.clamp(-1, 1), strengths


def augmented(images: Tensor) -> Tensor:
    """What leaves a face as good as it was: mirrored, shifted by up to 3 pixels, a little brighter or paler."""
    images = mirror_half(images, torch.default_generator)
    top, left = torch.randint(0, 7, (2,)).tolist()
    images = F.pad(images, (3, 3, 3, 3), "reflect")[:, :, top : top + 64, left : left + 64]
    gain, shift = 1 + 0.1 * torch.randn(2, len(images), 1, 1, 1)
    return (images * gain + shift - 1).clamp(-1, 1)


# --- Training -----------------------------------------------------------------------------------------------


class Eigenfaces:
    """The first principal components of the training faces, at 16×16, each coefficient of variance 1."""

    def __init__(self, images: np.ndarray):
        small = self.small(to_float(images))
        self.mean = small.mean(0)
        _, scale, axes = torch.linalg.svd(small - self.mean, full_matrices=False)
        self.axes = axes[:EIGENFACES].T / scale[:EIGENFACES] * math.sqrt(len(small))

    @staticmethod
    def small(images: Tensor) -> Tensor:
        return F.avg_pool2d(images, 4).flatten(1)  # (N, 768)

    def __call__(self, images: Tensor) -> Tensor:
        return (self.small(images) - self.mean) @ self.axes  # (N, 16)


def fit(encoder: FaceEncoder, faces, seed: int) -> None:
    """Train in place."""
    torch.manual_seed(seed)
    eigenfaces = Eigenfaces(faces.images)
    head = nn.Linear(encoder.num_features, len(DAMAGES) + EIGENFACES)
    nn.init.zeros_(head.weight)  # or its first errors, which are huge, would fill Adam's memory
    labels = torch.from_numpy(faces.attributes).float()
    steps = EPOCHS * len(faces) // BATCH
    weights = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, RATE, (0.9, 0.99), weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    batches, rows = Batches(faces.images, BATCH, seed), Batches(np.arange(len(faces)), BATCH, seed)
    encoder.train()
    for step in (bar := tqdm(range(steps), unit="step", mininterval=5)):
        clean = augmented(to_float(batches[step]))
        coefficients = eigenfaces(clean)
        images, strengths = damaged(clean)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bf16(torch.device("cpu"))):
            features = encoder(images)
        features = features.float()
        own = (strengths[:, :MIXING].sum(1) == 0).float()[:, None]
        attribute_loss = F.binary_cross_entropy_with_logits(
            encoder.attribute_logits(features), labels[rows[step]], own.expand(-1, labels.shape[1])
        )
        harm, eigen = head(features).split([len(DAMAGES), EIGENFACES], 1)
        harm_loss = F.mse_loss(harm, strengths)
        eigen_loss = F.mse_loss(eigen * own, coefficients * own)
        optimizer.zero_grad()
        (attribute_loss + 5 * harm_loss + 0.2 * eigen_loss).backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            bar.set_postfix(attributes=attribute_loss.item(), harm=harm_loss.item(), eigen=eigen_loss.item())
    encoder.eval()


@torch.no_grad()
def encode(encoder: FaceEncoder, images) -> Tensor:
    """Features of uint8 images, (N, num_features)."""
    return torch.cat([encoder(to_float(images[i : i + 500])) for i in range(0, len(images), 500)])


def areas(scores: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each column: the chance that who has it scores above who has not."""
    ranks = scores.argsort(0).argsort(0) + 1
    have = truths.sum(0)
    return ((ranks * truths).sum(0) - have * (have + 1) / 2) / (have * (len(truths) - have))


def judge(encoder: FaceEncoder, faces, seen: np.ndarray) -> dict:
    """The attribute figures of the card, on faces held out."""
    logits = encoder.attribute_logits(encode(encoder, faces.images)).detach().numpy()
    truths = faces.attributes
    majority = seen.mean(0) > 0.5
    return {
        "held_out_faces": len(faces),
        "accuracy": float(((logits > 0) == truths).mean()),
        "accuracy_of_majority": float((majority == truths).mean()),
        "mean_auc": float(np.nanmean(areas(logits, truths))),
        "auc": dict(zip(faces.attribute_names, areas(logits, truths).round(3).tolist(), strict=True)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", required=True, help="CelebA's zip")
    parser.add_argument("--attributes", required=True, help="list_attr_celeba.txt")
    parser.add_argument("--first", type=int, default=8000, help="faces to train on; the others are held out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ENCODERS / "face-encoder.safetensors")
    options = parser.parse_args()
    faces = celeba_faces(options.faces, options.attributes)
    seen, held_out = faces[: options.first], faces[options.first :]
    torch.manual_seed(options.seed)
    encoder = FaceEncoder(faces.attribute_names)
    start = time.perf_counter()
    fit(encoder, seen, options.seed)
    seconds = time.perf_counter() - start
    encoder.whiten(encode(encoder, seen.images))
    save_encoder(encoder, options.out)
    figures = {
        "parameters": sum(weight.numel() for weight in encoder.parameters()),
        "bytes": options.out.stat().st_size,
        "seconds": seconds,
    }
    print(json.dumps(figures | judge(encoder, held_out, seen.attributes), indent=2))


if __name__ == "__main__":
    main()

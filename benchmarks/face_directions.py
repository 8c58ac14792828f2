"""Find the directions whose sliders a sampler of the library's faces has: about two minutes of one CPU core.

    python benchmarks/face_directions.py

As in the book's chapter on walking: the library's encoder judges 4,000 generated faces, and least squares finds
in which direction of the latents its verdict grows. Light is the mean brightness in the middle of a picture, and
Male is taken without it; Turned is the direction that the first layer stretches most. Written is
gan_lib/pretrained/directions/faces.safetensors.
"""

from torch import Tensor

from gan_lib import attribute_directions, attribute_scores, conditional, face_encoder, pretrained, sefa
from gan_lib.latent import save_directions
from gan_lib.training import latents_from_seed
from gan_lib.weights import DIRECTIONS

FACES, SEED = 4000, 1
ATTRIBUTES = ("Smiling", "Young", "Male", "Blond_Hair", "Bangs")


def brightness(images: Tensor) -> Tensor:
    """Mean brightness (n, 1) in the middle of images (n, 3, 64, 64), where the face is."""
    return images[:, :, 20:50, 18:46].mean((1, 2, 3))[:, None]


def main():
    generator, encoder = pretrained("faces"), face_encoder()
    columns = [encoder.attribute_names.index(name) for name in ATTRIBUTES]

    def judge(images):
        return encoder.attribute_logits(encoder(images))[:, columns]

    latents = latents_from_seed(SEED, FACES, generator.latent_size)
    found = attribute_directions(latents, attribute_scores(generator, judge, latents), ATTRIBUTES)
    found |= attribute_directions(latents, attribute_scores(generator, brightness, latents), ["Light"])
    found["Male"] = conditional(found["Male"], found["Light"])
    found["Turned"] = sefa(generator, 1)[0]
    DIRECTIONS.mkdir(exist_ok=True)
    save_directions(found, DIRECTIONS / "faces.safetensors")
    print(f"{', '.join(found)}: written to {DIRECTIONS / 'faces.safetensors'}")


if __name__ == "__main__":
    main()

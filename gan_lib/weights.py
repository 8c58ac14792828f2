"""The trained networks that come with the library, and how they are packed."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .checkpoints import CheckpointError, write_safetensors
from .latent import load_directions
from .networks import NETWORKS
from .networks.encoder import FaceEncoder

FOLDER = Path(__file__).parent / "pretrained"  # generators
ENCODERS = FOLDER / "encoders"  # what is no generator
DIRECTIONS = FOLDER / "directions"  # of generators' latents, by the generator's name
LARGE = 1_000_000  # a matrix with more entries than this is stored in 8 bits


def pretrained(name: str = "faces") -> nn.Module:
    """A trained generator that comes with the library, ready to draw.

    Parameters
    ----------
    name : str, default="faces"
        One of `pretrained_names()`. What it was trained on, and on which terms it may be used, stands in
        `pretrained_card(name)`.

    Returns
    -------
    nn.Module
        In evaluation mode, on the CPU, in float32; it maps latents of shape (N, `latent_size`), standard
        normal, to images of shape (N, 3, 64, 64) in [-1, 1].

    Raises
    ------
    ValueError
        When there is none of that name.

    Examples
    --------
    >>> import torch
    >>> from gan_lib import pretrained
    >>> generator = pretrained("faces")
    >>> generator(torch.randn(2, generator.latent_size)).shape
    torch.Size([2, 3, 64, 64])
    """
    return load_generator(_file(name, ".safetensors"))


def pretrained_card(name: str = "faces") -> str:
    """The card of a trained generator: data, terms, recipe, figures; Markdown text."""
    return _file(name, ".md").read_text(encoding="utf-8")


def pretrained_names() -> list[str]:
    """The names that `pretrained` knows."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def pretrained_directions(name: str = "faces") -> dict[str, Tensor]:
    """The named directions that come with a trained generator, found by `benchmarks/face_directions.py`.

    Parameters
    ----------
    name : str, default="faces"
        One of `pretrained_names()`.

    Returns
    -------
    dict of str to Tensor of shape (latent_size,)
        Of length 1; empty where none have been found.
    """
    path = DIRECTIONS / _file(name, ".safetensors").name
    return load_directions(path) if path.exists() else {}


def pretrained_name(generator: nn.Module) -> str | None:
    """Tell which trained generator of the library this is: its name, or None when it is none of them.

    The weights are compared, so that a generator that has been trained further is not taken for what it was.
    """
    state = generator.state_dict()
    shapes = {name: value.shape for name, value in state.items()}
    for known in pretrained_names():
        with safe_open(_file(known, ".safetensors"), framework="pt") as file:
            stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        alike = shapes == {name: shape for name, shape in stored.items() if not name.endswith(".scale")}
        if alike and _same(state, pretrained(known).state_dict()):
            return known
    return None


def _same(state: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value.cpu().float(), other[name].float()) for name, value in state.items())


def _file(name: str, ending: str) -> Path:
    if name not in pretrained_names():
        raise ValueError(
            f"There is no pretrained generator {name!r}; choose one of {', '.join(pretrained_names())}."
        )
    return FOLDER / (name + ending)


def save_generator(generator: nn.Module, path: str | Path, network: str) -> None:
    """Pack a generator into a small file: large matrices in 8 bits, the rest in float16.

    An 8-bit matrix has one float32 scale for each row, its largest magnitude / 127, so that an entry is off
    by at most half a scale.

    Parameters
    ----------
    generator : nn.Module
        With a `latent_size`.
    path : path
        The file to write; it appears whole or not at all.
    network : str
        Its key in `gan_lib.networks.NETWORKS`, from which it is built again.

    Raises
    ------
    ValueError
        When there is no such key, the generator is not what is built from it, or a weight is not finite or beyond
        float16's 65,504; nothing is written then.
    """
    _check_network(generator, network)
    tensors: dict[str, Tensor] = {}
    for name, value in generator.state_dict().items():
        if value.dim() == 2 and value.numel() > LARGE:
            tensors[name], tensors[name + ".scale"] = quantise_rows(value)
        else:
            tensors[name] = value.half() if value.is_floating_point() else value
        if not (value.isfinite().all() and tensors[name].isfinite().all()):
            raise ValueError(f"{name} holds numbers that are not finite or beyond 65,504; nothing was written.")
    notes = {"network": network, "latent_size": generator.latent_size}
    write_safetensors(Path(path), tensors, {"gan_lib": json.dumps(notes)})


def _check_network(generator: nn.Module, network: str) -> None:
    """Raise ValueError unless the generator has just the weights of the named network."""
    if network not in NETWORKS:
        raise ValueError(f"network is {network!r}; choose one of {', '.join(NETWORKS)}.")
    with torch.device("meta"):  # shapes without numbers
        twin = NETWORKS[network][0](generator.latent_size)
    ours, built = ({name: value.shape for name, value in net.state_dict().items()} for net in (generator, twin))
    if ours != built:
        raise ValueError(
            f"This {type(generator).__name__} is not the generator of {network!r}: its weights have other names "
            "or shapes, and the file could not be read again. Give the name that NETWORKS builds it by."
        )


def load_generator(path: str | Path) -> nn.Module:
    """Read what `save_generator` wrote, in evaluation mode and float32.

    Raises
    ------
    CheckpointError
        When the file is truncated or not such a file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads((file.metadata() or {})["gan_lib"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if "recipe" in notes:
            raise ValueError("it is a checkpoint; take load_checkpoint(path).sampler")
        generator = NETWORKS[notes["network"]][0](notes["latent_size"])
        generator.load_state_dict(_widen(tensors))
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} holds no generator that gan_lib can read: {error}") from None
    return generator.eval()


def quantise_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Round a matrix to int8 with a float32 scale for each row; `int8 * scale` gives it back.

    Parameters
    ----------
    matrix : Tensor of shape (R, C)
        Any finite values.

    Returns
    -------
    int8 Tensor of shape (R, C), float32 Tensor of shape (R, 1)
    """
    scale = matrix.abs().amax(1, keepdim=True).float().clamp_min(1e-12) / 127
    return (matrix / scale).round().to(torch.int8), scale


def _widen(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    whole = {}
    for name, value in tensors.items():
        if name.endswith(".scale"):
            continue
        scale = tensors.get(name + ".scale")
        whole[name] = value.float() if value.is_floating_point() else value
        if scale is not None:
            whole[name] = value.float() * scale
    return whole


def face_encoder(path: str | Path = ENCODERS / "face-encoder.safetensors") -> FaceEncoder:
    """The encoder that `gan_lib.metrics` looks through, learned from CelebA's first 8,000 faces.

    Its card stands beside its weights: `gan_lib/pretrained/encoders/face-encoder.md`.

    Parameters
    ----------
    path : path, optional
        What `save_encoder` wrote; by default the encoder that comes with the library.

    Returns
    -------
    FaceEncoder
        In evaluation mode, on the CPU, in float32; it maps images of shape (N, 3, 64, 64) in [-1, 1] to features
        of shape (N, 64).

    Raises
    ------
    CheckpointError
        When the file is missing, truncated or no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads((file.metadata() or {})["gan_lib"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        encoder = FaceEncoder(notes["attribute_names"], notes["num_features"])
        encoder.load_state_dict(_widen(tensors))
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} holds no face encoder that gan_lib can read: {error}") from None
    return encoder.eval().requires_grad_(False)


def save_encoder(encoder: FaceEncoder, path: str | Path) -> None:
    """Pack a face encoder into a small file, in float16."""
    tensors = {name: value.half() for name, value in encoder.state_dict().items()}
    notes = {"attribute_names": encoder.attribute_names, "num_features": encoder.num_features}
    write_safetensors(Path(path), tensors, {"gan_lib": json.dumps(notes)})

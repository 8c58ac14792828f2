"""Checkpoints: whole, atomic, and safe to load.

A checkpoint is one safetensors file: every tensor of the run by name, and in the file's metadata a JSON
text with the recipe, the step and the optimizers' settings. Nothing in it can run code. It holds all that
decides what comes next (the order of the faces follows from the seed and the step), so that a run that is
killed and resumed gives the weights of the run that was not, bit for bit, on the same kind of device.
"""

import hashlib
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .training import Recipe, TrainingState, recipe_from_dict

FORMAT = 1
KEPT = 2  # so that there is always one before the newest


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the sentence says why and what to do."""


def save_checkpoint(state: TrainingState, folder: str | Path) -> Path:
    """Write `state` to `checkpoint-<step>.safetensors` in a folder, which is made when missing.

    The file appears whole or not at all, and the newest two are kept.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OSError
        When the disk is full, say; the checkpoints already there are as they were.
    CheckpointError
        When the folder holds checkpoints of later steps: those of another run.
    """
    folder = Path(folder)
    check_folder(folder, state)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"checkpoint-{state.step:07d}.safetensors"
    tensors = _tensors(state)
    notes = {
        "format": FORMAT,
        "recipe": asdict(state.recipe),
        "step": state.step,
        "optimizers": {name: opt.state_dict()["param_groups"] for name, opt in _optimizers(state).items()},
    }
    notes["sha256"] = _digest(tensors, notes)
    write_safetensors(path, tensors, {"gan_lib": json.dumps(notes)})
    for old in checkpoints_in(folder)[:-KEPT]:
        old.unlink()
    return path


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> TrainingState:
    """Read a checkpoint, or the newest one in a folder, as a state to sample from or to go on with.

    Parameters
    ----------
    path : path
        A file, or a folder of checkpoints.
    device : str or torch.device, default="cpu"
        Where the networks shall live.

    Returns
    -------
    TrainingState

    Raises
    ------
    CheckpointError
        When there is none, or it is truncated, altered, newer than this library, or not a checkpoint.
        Nothing is deleted; an earlier checkpoint in the folder is named.
    """
    path = Path(path)
    if path.is_dir():
        path = latest_checkpoint(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {path}; train with a folder to make one.")
    tensors, notes = _read(path)
    state = TrainingState(_recipe(path, notes), device)
    _restore(state, tensors, notes, path)
    return state


def resume(folder: str | Path, recipe: Recipe, device: str | torch.device = "cpu") -> TrainingState:
    """The newest state in a folder, made sure to be of this recipe, or a new state if there is none.

    The recipe may ask for other `steps` than the checkpoint's, so that a finished run can go on.

    Returns
    -------
    TrainingState

    Raises
    ------
    CheckpointError
        As `load_checkpoint`, or when the checkpoint is of another recipe; the fields that differ are named.
    """
    if not checkpoints_in(folder):
        return TrainingState(recipe, device)
    state = load_checkpoint(folder, device)
    ours, theirs = asdict(recipe), asdict(state.recipe)
    differing = [f"{k} = {theirs[k]!r}, not {ours[k]!r}" for k in ours if k != "steps" and ours[k] != theirs[k]]
    if differing:
        raise CheckpointError(
            f"{latest_checkpoint(folder)} was made by another recipe ({'; '.join(differing)}); "
            "resume with that recipe, or choose another folder."
        )
    state.recipe = recipe
    return state


def check_folder(folder: str | Path, state: TrainingState) -> None:
    """Raise CheckpointError when the folder's newest checkpoint is later than the state: a run would be lost."""
    for path in checkpoints_in(folder)[-1:]:
        if _step(path) > state.step:
            raise CheckpointError(
                f"{folder} holds {path.name}, and this state is at step {state.step}; "
                "go on from there with `resume(folder, recipe)`, or choose another folder."
            )


def checkpoints_in(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; a copy under another name, such as `best`, is none of them."""
    found = Path(folder).glob("checkpoint-*.safetensors")
    return sorted((path for path in found if path.stem.removeprefix("checkpoint-").isdigit()), key=_step)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("checkpoint-"))


def latest_checkpoint(folder: str | Path) -> Path:
    """The newest checkpoint in a folder.

    Raises
    ------
    CheckpointError
        When the folder holds none.
    """
    found = checkpoints_in(folder)
    if not found:
        raise CheckpointError(f"There is no checkpoint in {folder}; train with this folder to make one.")
    return found[-1]


def write_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file that appears whole or not at all."""
    for abandoned in path.parent.glob(".*.safetensors.part"):  # of a process that was killed while writing
        if time.time() - abandoned.stat().st_mtime > 3600:  # a younger one may be in the making
            abandoned.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata)
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except (SafetensorError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise OSError(f"Could not write {path}: {error}. What was there before is unchanged.") from error


def _optimizers(state: TrainingState) -> dict[str, torch.optim.Optimizer]:
    return {"g_optimizer": state.g_optimizer, "d_optimizer": state.d_optimizer}


def _networks(state: TrainingState) -> dict[str, torch.nn.Module]:
    networks = {"generator": state.generator, "discriminator": state.discriminator, "average": state.average}
    return {name: network for name, network in networks.items() if network is not None}


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    """Every tensor of a state, under names such as `generator.dense.weight`."""
    tensors = {"random": state.random.get_state()}
    for name, network in _networks(state).items():
        tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
    for name, optimizer in _optimizers(state).items():
        for index, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{key}": value for key, value in slots.items()}
    return tensors


def _digest(tensors: dict[str, Tensor], notes: dict) -> str:
    """SHA-256 over the notes and all tensors."""
    digest = hashlib.sha256(json.dumps({**notes, "sha256": None}, sort_keys=True).encode())
    for name in sorted(tensors):
        data = tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(name.encode())
        digest.update(data.numpy())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, Tensor], dict]:
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads((file.metadata() or {})["gan_lib"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is truncated or no checkpoint ({error}); {_instead(path)}") from None
    except (KeyError, json.JSONDecodeError):
        raise CheckpointError(f"{path} was not written by gan_lib; {_instead(path)}") from None
    if notes.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is of format {notes.get('format')} and this gan_lib reads format {FORMAT}; "
            "use the version of gan_lib that wrote it."
        )
    if _digest(tensors, notes) != notes.get("sha256"):
        raise CheckpointError(f"{path} was altered after it was written; {_instead(path)}")
    return tensors, notes


def _instead(path: Path) -> str:
    """What to do about a bad checkpoint: name the one before it, where there is one."""
    earlier = [other for other in checkpoints_in(path.parent) if other.name < path.name]
    if earlier:
        return f"move it away to go on from {earlier[-1].name}, which is still there."
    return "choose another file or start anew in another folder."


def _recipe(path: Path, notes: dict) -> Recipe:
    try:
        return recipe_from_dict(notes["recipe"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} holds a recipe that this gan_lib cannot use: {error}") from None


def _restore(state: TrainingState, tensors: dict[str, Tensor], notes: dict, path: Path) -> None:
    try:
        for name, network in _networks(state).items():
            network.load_state_dict(_under(name, tensors))
        for name, optimizer in _optimizers(state).items():
            slots = _slots(_under(name, tensors))
            optimizer.load_state_dict({"param_groups": notes["optimizers"][name], "state": slots})
            _lay_out_as_weights(optimizer)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit the networks of its recipe: {error}") from None
    state.step = notes["step"]
    if tensors["random"].shape == state.random.get_state().shape:
        state.random.set_state(tensors["random"])
    else:  # made on another kind of device, whose random numbers are others
        state.random.manual_seed(state.recipe.seed + state.step)


def _lay_out_as_weights(optimizer: torch.optim.Optimizer) -> None:
    """Give an optimizer's moments the memory layout of their weights, which fused Adam takes for granted.

    All slots are copied: none may hold on to the file, which Windows could then not delete.
    """
    for weight, slots in optimizer.state.items():
        for key, value in slots.items():
            like = weight if value.shape == weight.shape else value
            slots[key] = torch.empty_like(like).copy_(value)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    start = prefix + "."
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}


def _slots(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """From `0.exp_avg` to nested dictionaries by parameter and slot, as an optimizer has them."""
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        slots.setdefault(int(index), {})[key] = value
    return slots

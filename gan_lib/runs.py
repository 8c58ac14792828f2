"""The record of a run: recipe, metrics of every step, sample grids, hardware, versions.

Its folder holds::

    run/
      recipe.json        the recipe, the faces, the hardware, versions and date
      metrics.csv        one line a step
      samples/000791.png the same 64 latents, drawn after that many steps
      checkpoint-*.safetensors
"""

import csv
import json
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .checkpoints import check_folder
from .data import Faces, to_uint8
from .training import Record, TrainingState, latents_from_seed, sample

COLUMNS = [f.name for f in fields(Record)]
SAMPLE_SEED = 2019  # the 64 latents of a run's grids


def record_run(
    records: Iterable[Record],
    state: TrainingState,
    faces: Faces,
    folder: str | Path,
    grids: Iterable[int] = (),
) -> Iterator[Record]:
    """Pass records through, writing them and the sample grids down on the way.

    Lines of an earlier try beyond `state.step` are dropped first, for they are about to be made again.

    Parameters
    ----------
    records : iterable of Record
        As `gan_lib.training.train` yields them.
    state : TrainingState
        The state being trained.
    faces : Faces
        What it is trained on; its source and number are written down.
    folder : path
        Made when missing.
    grids : iterable of int
        Steps after which to draw 64 samples; 0 is before the first.

    Yields
    ------
    Record
        The same ones.

    Raises
    ------
    CheckpointError
        When the folder holds checkpoints of later steps, those of another run: its record stays as it is.
    """
    folder, grids = Path(folder), set(grids)
    check_folder(folder, state)
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    _describe_once(state, faces, folder / "recipe.json")
    if 0 in grids and state.step == 0:
        save_grid(state, folder)
    with _metrics_file(folder / "metrics.csv", state.step) as file:
        rows = csv.writer(file)
        for record in records:
            rows.writerow(_row(record))
            file.flush()
            if record.step in grids:
                save_grid(state, folder)
            yield record


def read_metrics(path: str | Path) -> dict[str, np.ndarray]:
    """Read `metrics.csv` as one float array for each column of `Record`, all of the same length.

    A last line without an end is left out: the run is just writing it. Raises ValueError when there is no line.
    """
    text = Path(path).read_text()
    if "\n" not in text:
        raise ValueError(f"{path} holds no metrics; its first line should name their columns.")
    names, *rows = csv.reader(text[: text.rfind("\n") + 1].splitlines())
    table = np.array([[float(value) for value in row] for row in rows]).reshape(-1, len(names))
    return dict(zip(names, table.T, strict=True))


def describe_run(state: TrainingState, faces: Faces) -> dict:
    """What one must know to make a run again: recipe, faces, hardware, versions, date."""
    return {
        "recipe": asdict(state.recipe),
        "faces": {"count": len(faces), "size": faces.size, "source": faces.source},
        "hardware": hardware(state.device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "started": date.today().isoformat(),
    }


def _describe_once(state: TrainingState, faces: Faces, path: Path) -> None:
    """Write a run's description; where it goes on, with the day on which it began."""
    notes = describe_run(state, faces)
    if state.step and path.is_file():
        notes["started"] = json.loads(path.read_text(encoding="utf-8")).get("started", notes["started"])
    write_json(path, notes)


def hardware(device: torch.device) -> str:
    """The processor or GPU in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{os.cpu_count()} CPU cores, {_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())


def save_grid(state: TrainingState, folder: str | Path) -> Path:
    """Draw the run's 64 latents as they are now and save them, whole or not at all, as `samples/<step>.png`."""
    latents = latents_from_seed(SAMPLE_SEED, 64, state.recipe.latent_size).to(state.device)
    path = Path(folder) / "samples" / f"{state.step:06d}.png"
    temporary = path.with_name(f".{path.name}.part")
    grid_image(sample(state.sampler, latents)).save(temporary, format="png")
    os.replace(temporary, path)
    return path


def grid_image(images: Tensor, columns: int = 8) -> Image.Image:
    """Lay images of shape (N, 3, S, S) in [-1, 1] side by side in one picture, row by row."""
    pixels = to_uint8(images.cpu())
    missing = -len(pixels) % columns
    pixels = torch.cat([pixels, pixels.new_full((missing, *pixels.shape[1:]), 255)])
    side = pixels.shape[-1]
    rows = pixels.view(-1, columns, 3, side, side).permute(0, 3, 1, 4, 2)  # (rows, S, columns, S, 3)
    return Image.fromarray(rows.reshape(-1, columns * side, 3).contiguous().numpy())


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file that appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _metrics_file(path: Path, step: int):
    """Open the metrics for appending, cut to the first `step` steps."""
    kept = []
    if path.exists():
        rows = path.read_text().split("\n")[1:-1]  # without the names, and without a line that has no end
        kept = [row for row in rows if float(row.split(",")[0]) <= step]
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text("\n".join([",".join(COLUMNS), *kept]) + "\n")
    os.replace(temporary, path)
    return path.open("a", newline="")


def _row(record: Record) -> list[str]:
    return [f"{getattr(record, name):.6g}" for name in COLUMNS]

"""The record of a run on disk."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lib.runs import grid_image, read_metrics, record_run, save_grid
from gan_lib.training import TrainingState, train


def test_what_is_written_is_what_was_yielded(tiny, noise_faces, tmp_path):
    state = TrainingState(tiny)
    records = list(record_run(train(tiny, noise_faces, state), state, noise_faces, tmp_path, grids=[0, 4]))
    metrics = read_metrics(tmp_path / "metrics.csv")
    assert metrics["step"].tolist() == [1, 2, 3, 4, 5, 6]
    for name in ("d_loss", "g_loss", "d_accuracy_real", "g_grad_norm"):
        np.testing.assert_allclose(metrics[name], [getattr(r, name) for r in records], rtol=1e-5)
    assert sorted(p.name for p in (tmp_path / "samples").iterdir()) == ["000000.png", "000004.png"]
    notes = json.loads((tmp_path / "recipe.json").read_text())
    assert notes["recipe"]["batch_size"] == 8
    assert notes["faces"] == {"count": 40, "size": 64, "source": "noise"}


def test_a_resumed_run_drops_the_lines_it_makes_again(tiny, noise_faces, tmp_path):
    state = TrainingState(tiny)
    for record in record_run(train(tiny, noise_faces, state, tmp_path), state, noise_faces, tmp_path):
        if record.step == 4:
            break
    whole = read_metrics(tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("5,0,5,0,0,0,0,0,0,0\n6,0,6")  # lines beyond the checkpoint, the last cut short
    list(record_run(train(tiny, noise_faces, state), state, noise_faces, tmp_path))
    again = read_metrics(tmp_path / "metrics.csv")
    assert again["step"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(again["d_loss"][:4], whole["d_loss"])
    assert again["d_loss"][4] != 0


def test_a_record_that_begins_late_is_cut_by_step_too(tiny, noise_faces, tmp_path):
    state = TrainingState(tiny)
    run = train(tiny, noise_faces, state)
    next(run), next(run), run.close()
    list(record_run(train(replace(tiny, steps=5), noise_faces, state), state, noise_faces, tmp_path))
    began = json.loads((tmp_path / "recipe.json").read_text()) | {"started": "2019-06-01"}
    (tmp_path / "recipe.json").write_text(json.dumps(began))
    state.step = 4  # as after a kill
    list(record_run(train(tiny, noise_faces, state), state, noise_faces, tmp_path))
    assert read_metrics(tmp_path / "metrics.csv")["step"].tolist() == [3, 4, 5, 6]
    assert json.loads((tmp_path / "recipe.json").read_text())["started"] == "2019-06-01"


def test_a_grid_shows_every_image_in_its_place(tiny):
    images = torch.linspace(-1, 1, 5)[:, None, None, None].expand(5, 3, 4, 4)
    pixels = np.asarray(grid_image(images, columns=3))
    assert pixels.shape == (8, 12, 3)
    centres = [int(pixels[y, x, 0]) for y in (2, 6) for x in (2, 6, 10)]
    assert centres == [0, 64, 128, 191, 255, 255]  # the last place is empty


def test_the_grid_of_a_step_is_always_of_the_same_latents(tiny, tmp_path):
    state = TrainingState(tiny)
    first = save_grid(state, tmp_path_samples(tmp_path)).read_bytes()
    state.latents(100)
    assert save_grid(state, tmp_path).read_bytes() == first
    assert Image.open(tmp_path / "samples/000000.png").size == (512, 512)


def tmp_path_samples(folder):
    (folder / "samples").mkdir()
    return folder


def test_a_grid_is_drawn_by_the_average(averaged, tmp_path):
    assert np.asarray(Image.open(save_grid(averaged, tmp_path_samples(tmp_path)))).mean() < 200


def test_a_grid_is_whole_or_not_there(tiny, tmp_path, monkeypatch):
    def half(image, path, **options):
        Path(path).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(OSError, match="No space"):
        save_grid(TrainingState(tiny), tmp_path_samples(tmp_path))
    assert not list((tmp_path / "samples").glob("[0-9]*"))


def test_metrics_of_a_run_not_begun_are_empty(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,d_loss\n")
    assert read_metrics(tmp_path / "metrics.csv")["d_loss"].shape == (0,)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match="empty.csv holds no metrics"):
        read_metrics(tmp_path / "empty.csv")
    with pytest.raises(FileNotFoundError):
        read_metrics(tmp_path / "none.csv")

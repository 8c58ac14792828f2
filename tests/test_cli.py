"""The command line, as a person types it."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from gan_lib import latents_from_seed, sample, to_uint8
from gan_lib.checkpoints import checkpoints_in, load_checkpoint, save_checkpoint
from gan_lib.cli import main, make_parser
from gan_lib.runs import read_metrics

TRAIN = ["train", "--faces", "drawn:40", "--batch-size", "8", "--grids", "2"]


def run(*arguments):
    """A command in a process of its own: its status, what it said, what it complained of."""
    command = [sys.executable, "-m", "gan_lib", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def test_train_stop_resume_and_sample(tmp_path):
    folder = tmp_path / "run"
    status, said, _ = run(*TRAIN, "--out", folder, "--steps", 2)
    assert status == 0
    assert re.search(r"^0 2 \[D loss: \d+\.\d{6}, acc\.: \d+\.\d\d%\] \[G loss: \d+\.\d{6}\]$", said, re.M)
    assert main([*TRAIN, "--out", str(folder), "--steps", "3", "--resume"]) == 0
    assert load_checkpoint(folder).step == 3
    assert read_metrics(folder / "metrics.csv")["step"].tolist() == [1, 2, 3]
    assert sorted(p.name for p in (folder / "samples").iterdir()) == ["000000.png", "000002.png", "000003.png"]
    picture = tmp_path / "faces.png"
    assert main(["sample", "--from", str(folder), "--out", str(picture), "--count", "6", "--columns", "3"]) == 0
    assert Image.open(picture).size == (192, 128)


def test_what_is_asked_of_train_is_done(tmp_path):
    asked = ["--steps", "2", "--first", "12", "--seed", "3", "--checkpoints", "1"]
    assert main([*TRAIN, *asked, "--out", str(tmp_path)]) == 0
    notes = json.loads((tmp_path / "recipe.json").read_text())
    assert (notes["faces"]["count"], notes["recipe"]["seed"]) == (12, 3)
    assert [path.name[-13] for path in checkpoints_in(tmp_path)] == ["1", "2"]


def test_a_run_that_is_stopped_says_so_to_the_shell(tmp_path):
    command = [sys.executable, "-u", "-m", "gan_lib", *TRAIN, "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    process.stdout.readline()
    process.terminate()
    assert "--resume goes on" in process.communicate()[0]
    assert process.returncode == 130


def test_a_runs_faces_are_drawn_by_the_average_and_are_those_of_the_seed(averaged, tmp_path):
    save_checkpoint(averaged, tmp_path)
    out = tmp_path / "faces.png"
    assert main(["sample", "--from", str(tmp_path), "--out", str(out), "--count", "1", "--seed", "7"]) == 0
    expected = to_uint8(sample(averaged.ema, latents_from_seed(7, 1, 8)))[0]
    assert (np.array(Image.open(out)).transpose(2, 0, 1) == expected.numpy()).all()


def test_a_folder_of_photos_called_faces_does_not_hide_the_generator_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    assert main(["sample", "--count", "1"]) == 0
    assert Image.open("faces.png").size == (64, 64)


def test_a_run_called_like_a_pretrained_generator_is_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, "--out", "faces", "--steps", "1"]) == 0
    assert main(["sample", "--count", "1"]) == 0
    ours = sample(load_checkpoint("faces").sampler, latents_from_seed(0, 1, 4096))
    assert (np.array(Image.open("faces.png")).transpose(2, 0, 1) == to_uint8(ours)[0].numpy()).all()


def test_a_run_is_not_overwritten(tmp_path, capsys):
    (tmp_path / "checkpoint-0000001.safetensors").write_bytes(b"")
    assert main([*TRAIN, "--out", str(tmp_path)]) == 1
    assert "holds a run already; add --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--recipe", "vgg", "--out", "x"], "There is no recipe 'vgg'; choose one of report"),
        (["train", "--faces", "no/such/place", "--out", "x"], "no/such/place"),
        (["train", "--batch-size", "3", "--out", "x"], "batch_size is 3; it must be even"),
        (["train", "--device", "gpu", "--out", "x"], "There is no device 'gpu' here; give cpu, cuda"),
        (["train", "--device", "cuda:99", "--out", "x"], "There is no device 'cuda:99' here; give cpu, cuda"),
        (["sample", "--from", "monet"], "no pretrained generator 'monet', nor a file or folder of that name"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    complaint = capsys.readouterr().err
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", ["0", "-3", "many", "1.5"])
@pytest.mark.parametrize(
    "command",
    ["train --out x --first", "train --out x --grids", "train --out x --checkpoints", "sample --count",
     "sample --columns", "measure --faces drawn:90 --first", "measure --samples", "export --batch"],
)  # fmt: skip
def test_numbers_of_things_are_whole_and_from_1_up(command, number, capsys):
    with pytest.raises(SystemExit):
        make_parser().parse_args([*command.split(), number])
    assert f"{number} is no whole number from 1 up" in capsys.readouterr().err


def test_home_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, "--out=~/run", "--steps", "1"]) == 0
    assert main(["sample", "--from=~/run", "--out=~/run.png"]) == 0
    assert main(["doctor", "~/run"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.png"]


@pytest.mark.parametrize("command", ["", "train", "sample", "prepare", "measure", "export", "doctor"])
def test_help_is_there_for_every_command(command):
    status, said, _ = run(*command.split(), "--help")
    assert status == 0
    assert said.startswith("usage: python -m gan_lib")

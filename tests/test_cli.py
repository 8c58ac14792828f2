"""The command line, as a person types it."""

import re
import subprocess
import sys

import pytest
from PIL import Image

from gan_lib.checkpoints import load_checkpoint
from gan_lib.cli import main
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
        (["sample", "--from", "monet"], "There is no pretrained generator 'monet'"),
        (["sample", "--count", "0"], "--count is 0"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    complaint = capsys.readouterr().err
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [[], ["train"], ["sample"], ["prepare"], ["export"], ["doctor"]])
def test_help_is_there_for_every_command(command):
    status, said, _ = run(*command, "--help")
    assert status == 0
    assert said.startswith("usage: python -m gan_lib")

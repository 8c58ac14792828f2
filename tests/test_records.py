"""The records of the book's runs go wherever a chapter goes."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gan_lib import records

ROOT = Path(__file__).parents[1]


def test_records_are_put_beside_a_notebook_and_what_is_there_stays(tmp_path):
    kept = tmp_path / "runs" / "faces" / "metrics.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    assert records.copy_records(tmp_path / "runs") == tmp_path / "runs"
    assert kept.read_text() == "mine"
    copied = {path.relative_to(tmp_path / "runs") for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    runs = ROOT / "book" / "runs"
    assert copied == {path.relative_to(runs) for path in runs.rglob("*") if path.is_file()}


def test_a_copy_that_is_interrupted_is_made_again(tmp_path, monkeypatch):
    def interrupted(source, target):
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "copyfile", interrupted)
        records.copy_records(tmp_path)
    records.copy_records(tmp_path)
    whole = ROOT / "book" / "runs"
    for path in (path for path in whole.rglob("*") if path.is_file()):
        assert (tmp_path / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_without_records_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "_HERE", tmp_path / "gan_lib")
    with pytest.raises(FileNotFoundError, match="pip install ."):
        records.copy_records(tmp_path)


def test_an_installed_library_has_them(tmp_path):
    for name in ("gan_lib", "book/runs", "pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, tmp_path / "source" / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", tmp_path, tmp_path / "source"], check=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    for path in (ROOT / "book" / "runs").rglob("*"):
        assert path.is_dir() or f"gan_lib/recorded/{path.relative_to(ROOT / 'book' / 'runs').as_posix()}" in names

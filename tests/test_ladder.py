"""The ladder: its records are of the recipes as they are, and a rung can be climbed again."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gan_lib import LADDER
from gan_lib.training import recipe_from_dict

ROOT = Path(__file__).parents[1]
RECORDS = sorted((ROOT / "book" / "runs" / "ladder").glob("*-[0-9].json"))


@pytest.fixture
def ladder(monkeypatch):
    """Call benchmarks/ladder.py with arguments."""
    spec = importlib.util.spec_from_file_location("ladder", ROOT / "benchmarks" / "ladder.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ladder.py", *map(str, arguments)])
        module.main()

    return call


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_of_the_recipe_as_it_is(path):
    rung, _, seed = path.stem.rpartition("-")
    record = json.loads(path.read_text())
    assert recipe_from_dict(record["recipe"]) == replace(LADDER[rung], seed=int(seed))
    assert record["faces"]["count"] == 8000 and record["samples"] == 1000
    for name, (value, low, high) in record["figures"].items():
        assert low <= value <= high, name


def test_every_rung_has_a_record_and_a_sheet():
    assert {path.stem.rpartition("-")[0] for path in RECORDS} == set(LADDER)
    assert {path.stem for path in RECORDS[0].parent.glob("*.webp")} == set(LADDER)


def test_the_table_is_printed_from_the_records(ladder, capsys):
    ladder(RECORDS[0].parent, "--table")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [*LADDER, "floor", "ceiling"]


def test_without_faces_there_is_a_sentence(ladder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        ladder(tmp_path)
    assert "--faces is missing" in capsys.readouterr().err


def test_a_rung_is_climbed_once(ladder, tmp_path, capsys, monkeypatch):
    arguments = (
        tmp_path,
        "--work",
        tmp_path / "work",
        "--faces",
        "drawn:720",
        "--steps",
        2,
        "--rungs",
        "r1",
        "--seeds",
        3,
    )
    ladder(*arguments)
    record = json.loads((tmp_path / "r1-3.json").read_text())
    assert record["recipe"]["seed"] == 3 and record["recipe"]["steps"] == 2
    assert record["faces"]["count"] == 640 and record["samples"] == 80
    assert (tmp_path / "r1.webp").exists()
    first = capsys.readouterr().out
    (tmp_path / "work").rename(tmp_path / "gone")
    ladder(*arguments)
    assert capsys.readouterr().out == first and not (tmp_path / "work").exists()

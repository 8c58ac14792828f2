"""Preparing that is killed, fills the disk, runs twice: nothing is lost and nothing half is taken for whole."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
from test_data_celeba import jpeg

from gan_lib.data import DataError, PreparationReport, celeba_faces, open_faces, packing

KEEP_WRITING = """
import sys
from gan_lib.data import celeba_faces, packing
packing.SYNC = 100
celeba_faces(sys.argv[1], cache=sys.argv[2], progress=False)
"""
LIMITED = """
import resource, sys
from gan_lib.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
sys.exit(main(["prepare", "celeba", sys.argv[1], "--out", sys.argv[2]]))
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A zip of 3,000 images, every hundredth broken, and what it becomes when nothing happens."""
    folder = tmp_path_factory.mktemp("many")
    kinds = [jpeg(i, 89, 109) for i in range(60)]
    with zipfile.ZipFile(folder / "celeba.zip", "w") as archive:
        for i in range(3000):
            archive.writestr(f"{i:06d}.jpg", b"broken" if i % 100 == 50 else kinds[i * i % 60])
    faces = celeba_faces(folder / "celeba.zip", cache=folder / "cache", progress=False)
    assert faces.report.read == 2970
    return folder / "celeba.zip", faces


def same(faces, expected):
    np.testing.assert_array_equal(faces.images, expected.images)
    assert faces.report == expected.report


def done_in(cache):
    """How far the journal of a preparation is."""
    for journal in cache.glob("*.partial/journal.jsonl"):
        lines = journal.read_text().splitlines()[1:]
        return json.loads(lines[-1])["done"] if lines and lines[-1].endswith("}") else 0
    return 0


def test_killed_three_times_it_goes_on_and_ends_the_same(many, tmp_path):
    zip_path, expected = many
    done = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", KEEP_WRITING, str(zip_path), str(tmp_path)])
        deadline = time.monotonic() + 60
        while done_in(tmp_path) < done + 300 and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.name.endswith(".partial")
        with pytest.raises(DataError, match="not a whole one"):
            open_faces(unfinished)
        assert done_in(tmp_path) >= done + 300
        done = done_in(tmp_path)
    same(celeba_faces(zip_path, cache=tmp_path, progress=False), expected)
    assert [path.name for path in tmp_path.iterdir()] == [unfinished.name.removesuffix(".partial")]
    assert "journal.jsonl" not in os.listdir(next(tmp_path.iterdir()))


SETTINGS = {"kind": "test", "size": 32}
NAMES = [f"{i}.png" for i in range(1000)]


def work(first, last):
    """Images of which each can be told from every other; numbers that end in 7 are skipped."""
    kept = [i for i in range(first, last) if i % 10 != 7]
    images = np.zeros((len(kept), 3, 32, 32), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.array(kept) % 256, np.array(kept) // 256
    return images, {i: "ends in seven" for i in range(first, last) if i % 10 == 7}


def prepare(folder, work=work, **options):
    options = {"names": NAMES, "settings": SETTINGS, "source": "a test", "progress": False} | options
    return packing.prepare(folder, work=work, **options)


def check(faces):
    low, high = faces.images[:, 0, 0, :2].astype(int).T
    numbers = low + 256 * high
    kept = [i for i in range(1000) if i % 10 != 7]
    np.testing.assert_array_equal(numbers, kept)
    skipped = sorted((f"{i}.png", "ends in seven") for i in range(1000) if i % 10 == 7)
    assert faces.report == PreparationReport(900, skipped)


def interrupted(folder, monkeypatch, at=600):
    monkeypatch.setattr(packing, "SYNC", 100)

    def failing(first, last):
        if first >= at:
            raise KeyboardInterrupt
        return work(first, last)

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, failing)
    return folder.with_name(folder.name + ".partial")


def test_the_order_and_the_report_do_not_depend_on_the_threads(tmp_path):
    def uneven(first, last):
        time.sleep(0.02 * (first // 100 % 2))
        return work(first, last)

    check(prepare(tmp_path / "faces", uneven))
    names = json.loads((tmp_path / "faces" / "names.json").read_text())
    assert names == [name for i, name in enumerate(NAMES) if i % 10 != 7]


def test_what_was_done_is_not_done_again(tmp_path, monkeypatch):
    interrupted(tmp_path / "faces", monkeypatch)
    done = done_in(tmp_path)
    assert 0 < done <= 600
    seen = []
    check(prepare(tmp_path / "faces", lambda first, last: (seen.append(first), work(first, last))[1]))
    assert min(seen) == done
    check(prepare(tmp_path / "faces", None))  # it is there: no work at all


def test_whatever_is_cut_off_the_end_is_the_same(tmp_path, monkeypatch):
    """A kill may leave any number of bytes of either file; a power cut, fewer images than the journal says."""
    unfinished = interrupted(tmp_path / "original", monkeypatch)
    journal, images = ((unfinished / name).read_bytes() for name in ("journal.jsonl", "images.npy"))
    rng = np.random.default_rng(0)
    for i in range(40):
        copy = tmp_path / f"{i}.partial"
        copy.mkdir()
        cut_journal = rng.integers(0, len(journal) + 1)
        cut_images = rng.integers(0, len(images) + 1) if i % 2 else len(images)
        (copy / "journal.jsonl").write_bytes(journal[:cut_journal])
        (copy / "images.npy").write_bytes(images[:cut_images] + bytes(rng.integers(0, 5000)) * (i % 3 == 0))
        check(prepare(tmp_path / str(i)))


def test_other_settings_start_afresh(tmp_path, monkeypatch):
    interrupted(tmp_path / "faces", monkeypatch)
    other = {"kind": "another", "size": 32}
    check(prepare(tmp_path / "faces", settings=other))
    with pytest.raises(DataError, match="other settings"):
        prepare(tmp_path / "faces")


def test_an_error_of_the_disk_is_no_reason_to_skip(tmp_path, monkeypatch):
    def unplugged(first, last):
        if first >= 500:
            raise OSError(5, "Input/output error")
        return work(first, last)

    monkeypatch.setattr(packing, "SYNC", 100)
    with pytest.raises(OSError, match="Input/output error"):
        prepare(tmp_path / "faces", unplugged)
    assert not (tmp_path / "faces").exists()
    assert done_in(tmp_path) == 500
    check(prepare(tmp_path / "faces"))


def test_a_second_process_is_refused_while_the_first_works(tmp_path):
    unfinished = tmp_path / "faces.partial"
    unfinished.mkdir()
    handle = os.open(unfinished, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(DataError, match="Another process is preparing faces"):
        prepare(tmp_path / "faces")
    os.close(handle)
    check(prepare(tmp_path / "faces"))


def test_torch_keeps_its_threads(tmp_path):
    before = torch.get_num_threads()
    prepare(tmp_path / "faces")
    assert torch.get_num_threads() == before


def test_a_full_disk_in_the_middle_is_a_sentence_and_nothing_is_lost(many, tmp_path):
    """A limit on the length of files stands for the disk: the kernel refuses to write, for real."""
    zip_path, expected = many
    out = tmp_path / "faces"
    run = subprocess.run([sys.executable, "-c", LIMITED, str(zip_path), str(out)], capture_output=True, text=True)
    assert run.returncode == 1
    sentence = run.stderr.splitlines()[-1]
    assert sentence.startswith(f"gan_lib: The disk of {tmp_path} is full") and "goes on from there" in sentence
    assert "Traceback" not in run.stderr and not out.exists()
    assert (tmp_path / "faces.partial" / "images.npy").stat().st_size == 8_000_000
    same(celeba_faces(zip_path, out=out, progress=False), expected)


def test_a_disk_too_small_is_seen_before_the_work(tmp_path, monkeypatch):
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    names = range(2 * free // (3 * 128 * 128))
    with pytest.raises(DataError, match="make room or choose another place"):
        prepare(tmp_path / "faces", None, names=names, settings={"size": 128})
    assert not (tmp_path / "faces").exists()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY

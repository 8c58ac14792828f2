"""`Faces`, its conversions, prepared folders, `load_faces` and the command."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gan_lib.cli import main
from gan_lib.data import (
    DataError,
    Faces,
    PreparationReport,
    drawn_faces,
    load_faces,
    open_faces,
    prepare_drawn,
    to_float,
    to_uint8,
)


def some_faces(count=5, size=32):
    images = np.arange(count * 3 * size * size).reshape(count, 3, size, size).astype(np.uint8)
    attributes = np.arange(count * 2).reshape(count, 2) % 3 == 0
    return Faces(images, attributes, ("Smiling", "Male"), "a test")


def test_every_grey_level_survives_the_way_to_floats_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    floats = to_float(levels)
    assert floats.dtype == torch.float32
    np.testing.assert_allclose(floats.numpy(), np.arange(256, dtype=np.float64) / 127.5 - 1, atol=1e-6)
    assert floats.min() == -1 and floats.max() == 1
    assert torch.equal(to_uint8(floats), levels)


@given(hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(-3, 3, width=32)))
def test_to_uint8_rounds_and_clamps(values):
    expected = np.clip((values.astype(np.float64) + 1) * 127.5, 0, 255)
    given_back = to_uint8(torch.from_numpy(values)).numpy()
    assert given_back.dtype == np.uint8
    assert np.abs(given_back - expected).max() <= 0.5001


def test_conversions_leave_their_input_alone():
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    floats = to_float(images)
    before = floats.clone()
    to_uint8(floats)
    assert torch.equal(floats, before)
    array = images.numpy()
    to_float(array).zero_()
    assert torch.equal(torch.from_numpy(array), images)
    with pytest.raises(DataError, match="uint8"):
        to_float(floats)


def test_to_uint8_takes_arrays_and_refuses_what_is_no_picture_of_floats():
    floats = np.linspace(-1, 1, 256).astype(np.float32)
    assert to_uint8(floats[::-1]).tolist() == list(range(255, -1, -1))
    for images in (to_uint8(floats), np.arange(5)):
        with pytest.raises(DataError, match="to_uint8 takes floats, from -1 to 1"):
            to_uint8(images)
    with pytest.raises(DataError, match="pixels are not numbers"):
        to_uint8(torch.tensor([0.0, torch.nan]))


def test_faces_are_made_of_tensors_too():
    faces = some_faces()
    same = Faces(torch.tensor(faces.images), torch.tensor(faces.attributes), faces.attribute_names)
    assert np.array_equal(same.images, faces.images) and same.attribute("Male").tolist()
    assert torch.equal(to_float(same), to_float(faces.images))
    with pytest.raises(DataError, match=r"Images are float32 of shape \(5, 3, 32, 32\)"):
        Faces(to_float(faces))


def test_indexing_keeps_images_and_attributes_together():
    faces = some_faces()
    for index in (slice(1, 4), np.array([4, 0]), [2, 2], faces.attribute("Smiling"), torch.tensor([1, 3]).numpy()):
        part = faces[index]
        np.testing.assert_array_equal(part.images, faces.images[index])
        np.testing.assert_array_equal(part.attributes, faces.attributes[index])
        assert part.attribute_names == faces.attribute_names
    assert len(faces[-1]) == 1 and np.array_equal(faces[-1].images[0], faces.images[4])
    with pytest.raises(IndexError):
        faces[5]
    assert faces.size == 32
    assert "5 of 32×32, 2 attributes, a test" in repr(faces)


def test_an_attribute_by_its_name():
    faces = some_faces()
    np.testing.assert_array_equal(faces.attribute("Male"), faces.attributes[:, 1])
    with pytest.raises(DataError, match="no attribute 'Smirking'; they have Smiling, Male"):
        faces.attribute("Smirking")
    with pytest.raises(DataError, match="none at all"):
        Faces(faces.images).attribute("Male")


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 3, 48, 48), np.uint8), np.zeros((2, 64, 64, 3), np.uint8), np.zeros((3, 64, 64), np.uint8),
     np.zeros((2, 3, 64, 64), np.float32)],
)  # fmt: skip
def test_images_of_another_kind_are_refused(images):
    with pytest.raises(DataError, match=r"give uint8 of shape \(N, 3, S, S\)"):
        Faces(images)


def test_attributes_of_another_kind_are_refused():
    images = np.zeros((2, 3, 64, 64), np.uint8)
    for attributes in (np.zeros((3, 1), bool), np.zeros((2, 2), bool), np.zeros((2, 1), int)):
        with pytest.raises(DataError, match=r"need bool of \(2, 1\)"):
            Faces(images, attributes, ("Male",))
    with pytest.raises(DataError, match="give both or neither"):
        Faces(images, None, ("Male",))


def test_the_report_reads_as_a_paragraph():
    assert str(PreparationReport(1234)) == "1,234 images read, none skipped."
    skipped = [("a.jpg", "truncated"), ("b.txt", "not an image"), ("c\n\udcff.jpg", "truncated")]
    assert str(PreparationReport(2, skipped)) == (
        "2 images read, 3 skipped; truncated: a.jpg, c\\n\\udcff.jpg; not an image: b.txt."
    )
    assert "and 92 more" in str(PreparationReport(0, [(f"{i}.jpg", "truncated") for i in range(100)]))


def test_prepared_drawn_faces_are_the_drawn_faces(tmp_path):
    prepared = prepare_drawn(230, seed=3, size=32, cache=tmp_path, progress=False)
    drawn = drawn_faces(230, seed=3, size=32)
    assert isinstance(prepared.images, np.memmap)
    assert isinstance(prepared[10:20].images, np.memmap)
    np.testing.assert_array_equal(prepared.images, drawn.images)
    np.testing.assert_array_equal(prepared.attributes, drawn.attributes)
    assert prepared.attribute_names == drawn.attribute_names
    assert prepared.report == PreparationReport(230, [])
    assert len(list(tmp_path.iterdir())) == 1
    prepare_drawn(230, seed=4, size=32, cache=tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_lies_in_a_prepared_folder_can_be_read_without_this_library(tmp_path):
    prepare_drawn(7, size=32, out=tmp_path / "faces", progress=False)
    assert np.load(tmp_path / "faces" / "images.npy").shape == (7, 3, 32, 32)
    assert json.loads((tmp_path / "faces" / "meta.json").read_text())["read"] == 7
    assert len(json.loads((tmp_path / "faces" / "names.json").read_text())) == 7


def test_the_cache_is_where_xdg_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    prepare_drawn(3, size=32, progress=False)
    assert [path.name.split("-")[0] for path in (tmp_path / "x" / "gan_lib").iterdir()] == ["drawn"]
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    prepare_drawn(3, size=32, progress=False)
    assert (tmp_path / "home" / ".cache" / "gan_lib").is_dir()


def test_load_faces_takes_what_it_is_given(tmp_path):
    assert len(load_faces("drawn:12", size=32)) == 12
    prepare_drawn(7, size=32, out=tmp_path / "faces", progress=False)
    assert len(load_faces(tmp_path / "faces", size=32)) == 7
    for source, words in [
        ("drawn:many", "write for example drawn:20000"),
        (tmp_path / "nothing", "does not exist"),
        (tmp_path / "faces", "size 32, not 64"),
    ]:
        with pytest.raises(DataError, match=words):
            load_faces(source)


def test_what_is_for_celebas_zip_is_refused_for_anything_else(tmp_path):
    prepare_drawn(7, out=tmp_path / "faces", progress=False)
    for source in ("drawn:7", tmp_path / "faces", tmp_path):
        with pytest.raises(DataError, match="crop, split: for CelebA's zip only, and .* is none"):
            load_faces(source, split="train", crop=(25, 57, 153, 185))
    assert len(load_faces(tmp_path / "faces")) == 7


def test_folders_are_found_from_home_and_from_where_one_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    prepare_drawn(np.int64(3), np.int64(0), np.int64(32), out="~/faces", progress=False)
    assert len(open_faces("~/faces")) == len(load_faces("~/faces", size=32)) == 3
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(DataError, match="empty is the folder you are in; give a new one, in it or beside it"):
        prepare_drawn(3, size=32, out=".", progress=False)
    assert not list(tmp_path.glob("*.partial"))
    monkeypatch.chdir(tmp_path / "faces")
    assert len(prepare_drawn(3, size=32, out=".", progress=False)) == 3


@pytest.fixture
def prepared(tmp_path):
    prepare_drawn(7, size=32, out=tmp_path / "faces", progress=False)
    return tmp_path / "faces"


def damage_images(folder):
    data = (folder / "images.npy").read_bytes()
    (folder / "images.npy").write_bytes(data[:-100])


def pickle_images(folder):
    np.save(folder / "images.npy", np.array([{"code": "would run"}], dtype=object), allow_pickle=True)


def other_images(folder):
    np.save(folder / "images.npy", np.zeros((6, 3, 32, 32), np.uint8))


def other_format(folder):
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | {"format": 99}))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (damage_images, "cannot be read"),
        (pickle_images, "cannot be read"),
        (other_images, "has shape"),
        (other_format, "format 99"),
        (lambda folder: (folder / "meta.json").unlink(), "not a whole one"),
        (lambda folder: (folder / "images.npy").unlink(), "not a whole one"),
        (lambda folder: (folder / "meta.json").write_text('{"format": 1, "re'), "not a whole one"),
        (lambda folder: (folder / "meta.json").write_text("[]"), "not a whole one"),
        (lambda folder: (folder / "meta.json").write_text('{"format": 1}'), "not a whole one"),
        (lambda folder: (folder / "attributes.npz").write_bytes(b"PK nonsense"), "attributes.npz cannot be read"),
        (lambda folder: (folder / "attributes.npz").write_bytes(b""), "attributes.npz cannot be read"),
        (lambda folder: (folder / "images.npy").write_bytes(b""), "images.npy cannot be read"),
    ],
)
def test_a_damaged_folder_is_refused_in_a_sentence(prepared, harm, words):
    assert len(open_faces(prepared)) == 7
    harm(prepared)
    with pytest.raises(DataError, match=words):
        open_faces(prepared)


def test_a_folder_that_holds_something_else_is_left_alone(prepared, tmp_path):
    with pytest.raises(DataError, match="other settings; choose another folder"):
        prepare_drawn(8, size=32, out=prepared, progress=False)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear")
    with pytest.raises(DataError, match="something else"):
        prepare_drawn(8, size=32, out=tmp_path / "letters", progress=False)
    assert (tmp_path / "letters" / "dear.txt").read_text() == "Dear"
    assert len(open_faces(prepared)) == 7
    (tmp_path / "empty").mkdir()
    assert len(prepare_drawn(8, size=32, out=tmp_path / "empty", progress=False)) == 8


def test_bad_numbers_are_refused(tmp_path):
    with pytest.raises(DataError, match="size is 50"):
        prepare_drawn(5, size=50, cache=tmp_path)
    with pytest.raises(DataError, match="count is 0"):
        prepare_drawn(0, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_prepares_and_reports(tmp_path, capsys):
    out = tmp_path / "faces"
    assert main(["prepare", "drawn", "--count", "40", "--seed", "2", "--size", "32", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "40 images read, none skipped." in printed.out and str(out) in printed.out
    assert "40/40" in printed.err  # the progress
    np.testing.assert_array_equal(open_faces(out).images, drawn_faces(40, seed=2, size=32).images)


def test_the_command_says_an_error_in_one_sentence(tmp_path, capsys):
    assert main(["prepare", "celeba", str(tmp_path / "no.zip")]) == 1
    assert main(["prepare", "folder", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("gan_lib: ") for line in lines)

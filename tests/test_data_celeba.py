"""CelebA from its zip: pixels, attributes, partition, and zips that mean harm."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_lib.cli import main
from gan_lib.data import DataError, Faces, celeba_faces, load_faces, open_faces, pictures

NAMES = ("Smiling", "Male", "Young")


def jpeg(seed, width=178, height=218, mode="RGB", **options):
    """A smooth picture, as JPEG."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (7, 6, 3), dtype=np.uint8))
    file = io.BytesIO()
    small.resize((width, height), Image.BICUBIC).convert(mode).save(file, "JPEG", quality=92, **options)
    return file.getvalue()


def make_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def celeba(tmp_path):
    """The official layout: a zip of twelve images, their attributes and their partition."""
    files = {f"img_align_celeba/{i:06d}.jpg": jpeg(i) for i in reversed(range(1, 13))}
    make_zip(tmp_path / "img_align_celeba.zip", files)
    values = np.random.default_rng(0).choice([-1, 1], (12, 3))
    rows = [f"{i:06d}.jpg " + " ".join(f"{v:2d}" for v in values[i - 1]) for i in range(1, 13)]
    (tmp_path / "attributes.txt").write_text("\n".join(["12", " ".join(NAMES) + " ", *rows, ""]))
    parts = [f"{i:06d}.jpg {0 if i <= 7 else 1 if i <= 9 else 2}" for i in range(1, 13)]
    (tmp_path / "partition.txt").write_text("\n".join(parts))
    return tmp_path, values


def faces_of(folder, **options):
    options.setdefault("cache", folder / "cache")
    return celeba_faces(folder / "img_align_celeba.zip", progress=False, **options)


def pillow(data, box, size):
    """The authority: Pillow's own decoder, crop and antialiased bilinear resize."""
    picture = Image.open(io.BytesIO(data)).convert("RGB").crop(box).resize((size, size), Image.BILINEAR)
    return np.asarray(picture).transpose(2, 0, 1).astype(int)


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("crop", [None, (0, 20, 178, 198), (40, 70, 110, 140)])
def test_pixels_are_those_of_pillow(celeba, size, crop):
    folder, _ = celeba
    faces = faces_of(folder, size=size, crop=crop)
    assert faces.images.shape == (12, 3, size, size) and isinstance(faces.images, np.memmap)
    for i in (0, 6, 11):
        difference = faces.images[i] - pillow(jpeg(i + 1), crop or (25, 57, 153, 185), size)
        assert np.abs(difference).max() <= 1
        assert np.abs(difference).mean() < 0.03


def test_half_size_files_show_the_same_face(tmp_path):
    half = io.BytesIO()
    Image.open(io.BytesIO(jpeg(5))).resize((89, 109), Image.BOX).save(half, "JPEG", quality=98)
    files = {"1.jpg": jpeg(5), "2.jpg": half.getvalue(), "3.jpg": jpeg(6)}
    make_zip(tmp_path / "img_align_celeba.zip", files)
    whole, halved, another = faces_of(tmp_path).images.astype(int)
    np.testing.assert_array_equal(halved, pillow(files["2.jpg"], (12, 28, 76, 92), 64))
    assert np.abs(whole - halved).mean() < 0.1 * np.abs(whole - another).mean()


@pytest.mark.parametrize("crop", [(0, 40, 178, 218), (50, 90, 178, 218), (0, 0, 178, 178)])
def test_a_crop_at_the_rim_is_square_in_files_of_any_size(tmp_path, crop):
    sizes = [(89, 109), (89, 108), (89, 110), (90, 110), (91, 111), (133, 163), (356, 436), (60, 74), (1, 1)]
    files = {f"{i}.jpg": jpeg(i, *size) for i, size in enumerate(sizes)}
    make_zip(tmp_path / "img_align_celeba.zip", files)
    faces = faces_of(tmp_path, crop=crop)
    assert len(faces) == 8 and faces.report.skipped[0][0] == "8.jpg"


def test_another_crop_and_other_images_are_prepared_anew(tmp_path):
    zip_path = make_zip(tmp_path / "img_align_celeba.zip", {"1.jpg": jpeg(1).ljust(30_000, b"\0")})
    first = faces_of(tmp_path).images.copy()
    assert not np.array_equal(faces_of(tmp_path, crop=(0, 0, 178, 178)).images, first)
    make_zip(zip_path, {"1.jpg": jpeg(2).ljust(30_000, b"\0")})  # of the same length
    assert not np.array_equal(faces_of(tmp_path).images, first)


def test_with_and_without_simplejpeg_the_same(celeba, monkeypatch):
    folder, _ = celeba
    fast = faces_of(folder)
    assert pictures.simplejpeg is not None
    monkeypatch.setattr(pictures, "simplejpeg", None)
    slow = faces_of(folder, cache=folder / "other")
    np.testing.assert_array_equal(fast.images, slow.images)


def test_grey_and_cmyk_jpegs_are_read_too(tmp_path):
    files = {"1.jpg": jpeg(1, mode="L"), "2.jpg": jpeg(1, mode="CMYK"), "3.jpg": jpeg(1, progressive=True)}
    make_zip(tmp_path / "img_align_celeba.zip", files)
    faces = faces_of(tmp_path)
    for image, data in zip(faces.images, files.values(), strict=True):
        assert np.abs(image - pillow(data, (25, 57, 153, 185), 64)).max() <= 1


def test_attributes_come_in_the_order_of_the_images(celeba):
    folder, values = celeba
    faces = faces_of(folder, attributes=folder / "attributes.txt")
    assert faces.attribute_names == NAMES
    np.testing.assert_array_equal(faces.attributes, values == 1)
    assert faces_of(folder).attributes is None
    again = faces_of(folder, attributes=folder / "attributes.txt")
    np.testing.assert_array_equal(again.attributes, values == 1)
    assert len(list((folder / "cache").iterdir())) == 1  # the images are prepared once


def test_attributes_of_the_images_that_were_read(celeba):
    folder, values = celeba
    files = {f"img_align_celeba/{i:06d}.jpg": jpeg(i) for i in range(1, 13)}
    files["img_align_celeba/000004.jpg"] = files["img_align_celeba/000004.jpg"][:900]
    files["img_align_celeba/000009.jpg"] = b"no image"
    make_zip(folder / "img_align_celeba.zip", files)
    faces = faces_of(folder, attributes=folder / "attributes.txt")
    np.testing.assert_array_equal(faces.attributes, np.delete(values, [3, 8], axis=0) == 1)
    assert faces.report.read == 10
    assert faces.report.skipped == [
        ("img_align_celeba/000004.jpg", "truncated"),
        ("img_align_celeba/000009.jpg", "not an image (of JPEG, PNG, WebP, BMP, GIF)"),
    ]


def test_the_official_partition(celeba):
    folder, values = celeba
    whole = faces_of(folder)
    files = {"partition": folder / "partition.txt", "attributes": folder / "attributes.txt"}
    for split, part in {"train": slice(0, 7), "valid": slice(7, 9), "test": slice(9, 12)}.items():
        faces = faces_of(folder, split=split, **files)
        np.testing.assert_array_equal(faces.images, whole.images[part])
        np.testing.assert_array_equal(faces.attributes, values[part] == 1)


def test_load_faces_hands_everything_on(celeba):
    folder, values = celeba
    files = {"attributes": folder / "attributes.txt", "partition": folder / "partition.txt"}
    options = files | {"split": "test", "size": 32, "crop": (0, 20, 178, 198)}
    found = load_faces(folder / "img_align_celeba.zip", cache=folder / "one", **options)
    np.testing.assert_array_equal(found.images, faces_of(folder, cache=folder / "other", **options).images)
    np.testing.assert_array_equal(found.attributes, values[9:] == 1)
    assert (folder / "one").is_dir()


def test_the_command_keeps_attributes_with_the_faces(celeba, capsys):
    folder, values = celeba
    options = ["--attributes", "attributes.txt", "--partition", "partition.txt"]
    options = [str(folder / text) if text.endswith(".txt") else text for text in options]
    command = ["prepare", "celeba", str(folder / "img_align_celeba.zip"), *options, "--split", "valid"]
    crop = ["--crop", "0", "0", "100", "100"]
    assert main([*command, *crop, "--size", "32", "--out", str(folder / "faces")]) == 0
    assert "2 images read" in capsys.readouterr().out
    faces = open_faces(folder / "faces")
    np.testing.assert_array_equal(faces.attribute("Young"), values[7:9, 2] == 1)
    assert np.abs(faces.images[0] - pillow(jpeg(8), (0, 0, 100, 100), 32)).max() <= 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("12\n", "13\n", "announces 13 images and has rows for 12"),
        ("12\n", "", "starts without a count"),
        ("000003.jpg", "000004.jpg", "announces 12 images and has rows for 11"),
        ("000003.jpg", "900003.jpg", "no row for 1 of 12 images, the first 000003.jpg"),
        ("000003.jpg ", "000003.jpg 1 ", "line 5: expected a name and 3 values, each -1 or 1"),
        ("-1", " 0", "each -1 or 1"),
    ],
)
def test_a_wrong_attribute_file_is_refused_before_the_work(celeba, old, new, words):
    folder, _ = celeba
    text = (folder / "attributes.txt").read_text()
    assert old in text
    (folder / "attributes.txt").write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=words):
        faces_of(folder, attributes=folder / "attributes.txt")
    assert not (folder / "cache").exists()


def test_wrong_files_and_parameters_are_refused(celeba):
    folder, _ = celeba
    (folder / "noise.txt").write_bytes(bytes(range(128, 256)))
    (folder / "none.txt").write_text("000099.jpg 0\n")
    partition = folder / "partition.txt"
    for options, words in [
        ({"attributes": folder / "noise.txt"}, "is no text"),
        ({"attributes": folder / "missing.txt"}, "is no file"),
        ({"attributes": partition}, "starts without a count"),
        ({"partition": folder / "attributes.txt", "split": "train"}, "line 1: expected a file name and 0, 1 or 2"),
        ({"partition": partition, "split": "training"}, "choose one of train, valid, test"),
        ({"partition": folder / "none.txt", "split": "train"}, "No image in the zip"),
        ({"partition": partition}, "give both or neither"),
        ({"split": "train"}, "give both or neither"),
        ({"crop": (0, 0, 100, 90)}, "a square within 178×218"),
        ({"crop": (100, 0, 200, 100)}, "a square within 178×218"),
        ({"crop": (-1, 0, 99, 100)}, "a square within 178×218"),
        ({"crop": (50, 50, 50, 50)}, "a square within 178×218"),
        ({"size": 63}, "size is 63"),
    ]:
        with pytest.raises(DataError, match=words):
            faces_of(folder, **options)
    assert not (folder / "cache").exists()


def test_a_zip_that_is_none(tmp_path):
    zip_path = tmp_path / "img_align_celeba.zip"
    with pytest.raises(DataError, match="is no file"):
        faces_of(tmp_path)
    zip_path.write_text("<!doctype html> Too many people have downloaded this file")
    with pytest.raises(DataError, match="is no zip, or not a whole one"):
        faces_of(tmp_path)
    make_zip(zip_path, {"1.jpg": jpeg(1), "2.jpg": jpeg(2)})
    zip_path.write_bytes(zip_path.read_bytes()[:-40])
    with pytest.raises(DataError, match="is no zip, or not a whole one"):
        faces_of(tmp_path)
    make_zip(zip_path, {"readme.txt": "no image", "folder/": ""})
    with pytest.raises(DataError, match="holds no image"):
        faces_of(tmp_path)


def patch(path, name, **changes):
    """Change fields of a zip entry in both its headers."""
    data = bytearray(path.read_bytes())
    for magic, fields in ((b"PK\3\4", {"flags": 6, "method": 8, "crc": 14, "size": 22}),
                          (b"PK\1\2", {"flags": 8, "method": 10, "crc": 16, "size": 24})):  # fmt: skip
        start = data.find(name.encode(), data.find(magic)) - (30 if magic == b"PK\3\4" else 46)
        while data[start : start + 4] != magic:
            start = data.find(name.encode(), start + 47) - (30 if magic == b"PK\3\4" else 46)
        for field, value in changes.items():
            kind = "<H" if field in ("flags", "method") else "<I"
            struct.pack_into(kind, data, start + fields[field], value)
    path.write_bytes(data)


def test_entries_that_mean_harm_are_skipped_with_a_reason(tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "img_align_celeba.zip"
    odd = ["../../up.jpg", "/root.jpg", "a/../../b.jpg", "C:/windows.jpg", "..\\up2.jpg"]
    files = dict.fromkeys(odd, jpeg(2)) | {
        "good.jpg": jpeg(1),
        "secret.jpg": jpeg(3),
        "newer.jpg": jpeg(4),
        "crc.jpg": jpeg(5),
        "notes.txt": b"text",
        "wide.jpg": jpeg(6, 300, 100),
        "tiny.jpg": jpeg(7, 20, 24),
        "vast.jpg": jpeg(8, 1780, 2180),
        "__MACOSX/._good.jpg": b"shadow",
        ".hidden.jpg": b"hidden",
        "folder/": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("bomb.jpg", bytes(20_000_000), zipfile.ZIP_DEFLATED)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("good.jpg", jpeg(9))
    patch(path, "secret.jpg", flags=1)
    patch(path, "newer.jpg", method=99)
    patch(path, "crc.jpg", crc=1)
    before = sorted(tmp_path.rglob("*"))
    faces = celeba_faces(path, cache=tmp_path / "cache", progress=False)
    assert len(faces) == 1
    reasons = dict(faces.report.skipped)
    assert {reasons.pop(name) for name in odd} == {"its path leads out of the archive"}
    assert reasons.pop("secret.jpg") == "encrypted"
    assert reasons.pop("newer.jpg").startswith("cannot be unpacked")
    assert reasons.pop("crc.jpg").startswith("cannot be unpacked: Bad CRC")
    assert reasons.pop("notes.txt") == "not an image"
    assert reasons.pop("bomb.jpg") == "too large: 20 MB unpacked"
    assert reasons.pop("wide.jpg") == "300×100, which is not the shape of an aligned CelebA image"
    assert reasons.pop("tiny.jpg").startswith("too small")
    assert reasons.pop("vast.jpg") == "beyond the pixel limit: 1780×2180"
    assert reasons.pop("good.jpg") == "its name occurs twice"
    assert reasons == {}
    written = set(tmp_path.rglob("*")) - set(before)
    assert all(tmp_path / "cache" in (path, *path.parents) for path in written)


def test_a_bomb_that_lies_about_its_size_stays_small(tmp_path):
    path = tmp_path / "img_align_celeba.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.jpg", jpeg(1))
        archive.writestr("liar.jpg", bytes(80_000_000), zipfile.ZIP_DEFLATED)
    patch(path, "liar.jpg", size=5000)
    tracemalloc.start()
    faces = faces_of(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [name for name, _ in faces.report.skipped] == ["liar.jpg"]
    assert peak < 20_000_000


ONE_ZIP = io.BytesIO()
make_zip(ONE_ZIP, {f"{i}.jpg": jpeg(i, 89, 109) for i in range(3)})


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_corrupted_zip_gives_faces_or_a_sentence(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    content = bytearray(ONE_ZIP.getvalue())
    where = st.integers(0, len(content) - 1) | st.integers(len(content) - 250, len(content) - 1)
    for position in data.draw(st.lists(where, min_size=1, max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
    (folder / "img_align_celeba.zip").write_bytes(content)
    try:
        faces = faces_of(folder)
    except DataError:
        assert not list(folder.glob("cache/*/images.npy"))
    else:
        assert isinstance(faces, Faces) and 1 <= faces.report.read <= 3
        assert faces.images.shape == (faces.report.read, 3, 64, 64)

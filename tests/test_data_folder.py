"""A folder of photos, of every kind that people have."""

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_lib.data import DataError, folder_faces
from gan_lib.data.pictures import Unusable, open_picture


def smooth(width=120, height=100, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.BICUBIC)


def faces_of(folder, size=64):
    return folder_faces(folder, size, cache=folder.parent / "cache", progress=False)


def only_face(folder, image, name, **options):
    folder.mkdir(exist_ok=True)
    image.save(folder / name, **options)
    faces = faces_of(folder)
    assert len(faces) == 1 and faces.report.skipped == []
    return faces.images[0].transpose(1, 2, 0).astype(int)  # (64, 64, 3)


def uniform(mode, value):
    return Image.new(mode, (90, 80), value)


def palette():
    image = uniform("P", 1)
    image.putpalette([9, 9, 9, 10, 200, 30])
    return image


def clear_palette():
    image = palette()
    image.info["transparency"] = 1
    return image


def deep_grey(value):
    return Image.fromarray(np.full((80, 90), value, np.uint16))


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("a.png", uniform("RGB", (10, 200, 30)), (10, 200, 30)),
        ("a.bmp", uniform("RGB", (10, 200, 30)), (10, 200, 30)),
        ("a.webp", uniform("RGB", (10, 200, 30)), (10, 200, 30)),
        ("a.jpg", uniform("RGB", (10, 200, 30)), (10, 200, 30)),
        ("a.gif", palette(), (10, 200, 30)),
        ("a.png", palette(), (10, 200, 30)),
        ("a.bmp", palette(), (10, 200, 30)),
        ("a.png", clear_palette(), (255, 255, 255)),
        ("a.gif", clear_palette(), (255, 255, 255)),
        ("a.png", uniform("L", 77), (77, 77, 77)),
        ("a.jpg", uniform("L", 77), (77, 77, 77)),
        ("a.png", uniform("1", 1), (255, 255, 255)),
        ("a.png", uniform("LA", (0, 51)), (204, 204, 204)),
        ("a.png", uniform("RGBA", (255, 0, 0, 51)), (255, 204, 204)),
        ("a.png", uniform("RGBA", (255, 0, 0, 255)), (255, 0, 0)),
        ("a.webp", uniform("RGBA", (255, 0, 0, 0)), (255, 255, 255)),
        ("a.jpg", uniform("CMYK", (255, 0, 0, 0)), (0, 255, 255)),
        ("a.jpg", uniform("CMYK", (0, 0, 0, 255)), (0, 0, 0)),
        ("a.png", deep_grey(65535), (255, 255, 255)),
        ("a.png", deep_grey(257 * 77), (77, 77, 77)),
        ("a.png", deep_grey(300), (1, 1, 1)),
        ("no-ending", uniform("RGB", (10, 200, 30)), (10, 200, 30)),
    ],
)
def test_every_mode_gets_its_colour(tmp_path, name, image, expected):
    kind = {"format": "PNG"} if name == "no-ending" else {"lossless": True} if name.endswith("webp") else {}
    face = only_face(tmp_path / "photos", image, name, **kind)
    assert np.abs(face - expected).max() <= (3 if name.endswith("jpg") else 1)


@pytest.mark.parametrize("ending", ["png", "webp", "bmp", "jpg", "gif"])
@pytest.mark.parametrize(("width", "height"), [(200, 90), (91, 300), (64, 64), (33, 40), (257, 256)])
def test_the_square_in_the_middle_as_pillow_resizes_it(tmp_path, ending, width, height):
    image = smooth(width, height)
    options = {"jpg": {"quality": 97}, "webp": {"lossless": True}}.get(ending, {})
    face = only_face(tmp_path / "photos", image, f"a.{ending}", **options)
    with Image.open(tmp_path / "photos" / f"a.{ending}") as stored:
        side, rgb = min(width, height), stored.convert("RGB")
    left, top = (width - side) // 2, (height - side) // 2
    expected = rgb.crop((left, top, left + side, top + side)).resize((64, 64), Image.BILINEAR)
    difference = np.abs(face - np.asarray(expected).astype(int))
    assert difference.max() <= (8 if ending == "jpg" else 1)  # a large JPEG is decoded at half its size
    assert difference.mean() < (1 if ending == "jpg" else 0.03)


def test_a_large_jpeg_keeps_its_detail(tmp_path):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (260, 260, 3), dtype=np.uint8))
    face = only_face(tmp_path / "photos", picture, "a.jpg", quality=97)
    with Image.open(tmp_path / "photos" / "a.jpg") as stored:
        expected = np.asarray(stored.convert("RGB").resize((64, 64), Image.BILINEAR)).astype(int)
    assert np.abs(face - expected).mean() < 5


STORED = {  # how the pixels lie in the file for each EXIF orientation, by the standard's table
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: np.rot90(x, 1),
    7: lambda x: x[::-1, ::-1].transpose(1, 0, 2),
    8: lambda x: np.rot90(x, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_exif_rotation(tmp_path, orientation, ending):
    upright = np.asarray(smooth(90, 70))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif} | {"jpg": {"quality": 98}, "webp": {"lossless": True}}.get(ending, {})
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    face = only_face(tmp_path / "photos", stored, f"a.{ending}", **options)
    expected = np.asarray(Image.fromarray(upright[:, 10:80]).resize((64, 64), Image.BILINEAR)).astype(int)
    assert np.abs(face - expected).mean() < 1


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [uniform("RGB", colour).convert("P") for colour in [(255, 0, 0), (0, 0, 255)]]
    face = only_face(tmp_path / "photos", frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert np.abs(face - (255, 0, 0)).max() <= 1


@pytest.mark.parametrize(("alpha", "expected"), [((), (10, 200, 30)), ((257 * 51,), (206, 244, 210))])
def test_colour_of_16_bits(tmp_path, alpha, expected):
    folder = tmp_path / "photos"
    folder.mkdir()
    blue_first = [257 * 30, 257 * 200, 257 * 10, *alpha]
    cv2.imwrite(str(folder / "a.png"), np.full((80, 90, len(blue_first)), blue_first, np.uint16))
    face = faces_of(folder).images[0].transpose(1, 2, 0).astype(int)
    assert np.abs(face - expected).max() <= 1


def png_header(width, height):
    """A PNG that says it is this large, and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_what_cannot_be_used_is_reported_with_its_reason(tmp_path):
    folder = tmp_path / "photos"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for path in ("b.png", "deep/a.jpg", "deep/er/é 1.webp", ".hidden/c.png", ".d.png"):
        smooth().save(folder / path)
    jpeg = io.BytesIO()
    smooth(seed=3).save(jpeg, "JPEG")
    (folder / "half.jpg").write_bytes(jpeg.getvalue()[: len(jpeg.getvalue()) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "letter.txt").write_text("Dear")
    (folder / "drawing.tif").write_bytes(b"II*\0" + bytes(200))
    (folder / "bomb.png").write_bytes(png_header(9_500, 9_000))
    (folder / "huge bomb.png").write_bytes(png_header(60_000, 60_000))
    smooth(31, 200).save(folder / "small.png")
    smooth(32, 200).save(folder / "enough.png")
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    faces = faces_of(folder)
    assert len(faces) == 4 and faces.report.read == 4
    no_image = "not an image (of JPEG, PNG, WebP, BMP, GIF)"
    assert dict(faces.report.skipped) == {
        "half.jpg": "truncated",
        "empty.jpg": no_image,
        "letter.txt": no_image,
        "drawing.tif": no_image,
        "bomb.png": "beyond the pixel limit: 9500×9000",
        "huge bomb.png": "beyond the pixel limit",
        "small.png": "too small: a square of 31 pixels a side, and 64 need at least 32",
        "gone.jpg": "no such file or directory",
    }
    expected = np.asarray(smooth().crop((10, 0, 110, 100)).resize((64, 64), Image.BILINEAR)).transpose(2, 0, 1)
    for i in (0, 1, 2):  # b.png, deep/a.jpg, deep/er/é 1.webp: in the order of their paths
        assert np.abs(faces.images[i].astype(int) - expected).mean() < 4
    assert np.abs(faces.images[0].astype(int) - expected).max() <= 1


def test_a_new_photo_is_seen(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    smooth().save(folder / "a.png")
    assert len(faces_of(folder)) == 1
    smooth(seed=1).save(folder / "b.png")
    assert len(faces_of(folder)) == 2
    smooth(seed=2).save(folder / "a.png")
    assert np.array_equal(faces_of(folder, 32).images.shape, (2, 3, 32, 32))
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_photo_that_was_changed_is_read_again(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    smooth().save(folder / "a.bmp")
    before = faces_of(folder).images.copy()
    smooth(seed=1).save(folder / "a.bmp")  # of the same length
    assert not np.array_equal(faces_of(folder).images, before)


def test_folders_without_images_are_refused_and_leave_nothing(tmp_path):
    folder = tmp_path / "photos"
    with pytest.raises(DataError, match="is no folder"):
        faces_of(folder)
    folder.mkdir()
    with pytest.raises(DataError, match="holds no file"):
        faces_of(folder)
    (folder / "letter.txt").write_text("Dear")
    with pytest.raises(DataError, match="No image can be used from photos in photos: 0 images read, 1 skipped"):
        faces_of(folder)
    assert not any((tmp_path / "cache").iterdir())
    smooth().save(folder / "a.png")
    with pytest.raises(DataError, match="choose a place outside"):
        folder_faces(folder, out=folder / "faces", progress=False)


def encoded(kind):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image = smooth(60, 50).quantize(16) if kind == "GIF" else smooth(60, 50)
    image.save(file, kind, **({} if kind in ("GIF", "BMP") else {"exif": exif}))
    return file.getvalue()


FILES = {kind: encoded(kind) for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF")}


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on a corrupt EXIF
def test_a_corrupted_file_gives_a_picture_or_a_reason(kind, data):
    content = bytearray(FILES[kind])
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 5)) if content else 0):
        content[data.draw(st.integers(0, min(len(content), 300) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = open_picture(io.BytesIO(content))
    except Unusable as reason:
        assert str(reason)
    else:
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3

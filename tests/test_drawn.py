"""Drawn faces: the same everywhere, faces to an independent judge, and what their attributes say."""

import hashlib
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from gan_lib.data.drawn import ATTRIBUTE_NAMES, blank, draw, drawn_faces, people, render
from gan_lib.data.drawn_crew import Crew

# CelebA's own frequencies (Liu et al. 2015, list_attr_celeba.txt).
CELEBA = {
    "5_o_Clock_Shadow": 0.11, "Arched_Eyebrows": 0.27, "Bags_Under_Eyes": 0.20, "Bald": 0.02, "Bangs": 0.15,
    "Big_Lips": 0.24, "Big_Nose": 0.24, "Black_Hair": 0.24, "Blond_Hair": 0.15, "Brown_Hair": 0.20,
    "Bushy_Eyebrows": 0.14, "Chubby": 0.06, "Eyeglasses": 0.065, "Goatee": 0.06, "Gray_Hair": 0.04,
    "Heavy_Makeup": 0.38, "Male": 0.42, "Mouth_Slightly_Open": 0.48, "Mustache": 0.04, "Narrow_Eyes": 0.12,
    "No_Beard": 0.83, "Oval_Face": 0.28, "Pale_Skin": 0.045, "Pointy_Nose": 0.27, "Receding_Hairline": 0.08,
    "Rosy_Cheeks": 0.06, "Smiling": 0.48, "Straight_Hair": 0.21, "Wavy_Hair": 0.32, "Wearing_Earrings": 0.19,
    "Wearing_Hat": 0.05, "Wearing_Lipstick": 0.47, "Young": 0.77,
}  # fmt: skip


def digest(images):
    return hashlib.sha256(np.ascontiguousarray(images)).hexdigest()[:16]


@pytest.fixture(scope="module")
def crowd():
    return people(0, np.arange(20_000))


@pytest.fixture(scope="module")
def has(crowd):
    return dict(zip(ATTRIBUTE_NAMES, crowd["attributes"].T, strict=True))


@pytest.fixture(scope="module")
def thousand():
    return render(seed=1, count=1000)[0]


def test_same_faces_in_any_chunks(thousand):
    for start, count in ((0, 1), (1, 3), (333, 130), (990, 10)):
        images, _ = render(seed=1, start=start, count=count)
        assert np.array_equal(images, thousand[start : start + count])


def test_same_faces_with_any_number_of_processes():
    one, some = (render(seed=2, count=1100, size=32, processes=number) for number in (1, 3))
    assert np.array_equal(one[0], some[0]) and np.array_equal(one[1], some[1])


def test_overrides_reach_the_other_processes():
    given = {"Smiling": True, "Eyeglasses": True}
    one, some = (render(seed=2, count=1100, size=32, overrides=given, processes=number) for number in (1, 2))
    assert np.array_equal(one[0], some[0]) and np.array_equal(one[1], some[1])


@pytest.mark.parametrize("executable", ["/no/such/python", shutil.which("false")])
def test_helpers_that_fail_are_done_without(executable, monkeypatch):
    monkeypatch.setattr(sys, "executable", executable)
    images, attributes = render(seed=2, count=1100, size=32, processes=3)
    alone = render(seed=2, count=1100, size=32, processes=1)
    assert np.array_equal(images, alone[0]) and np.array_equal(attributes, alone[1])


def test_a_helper_draws_and_ends_with_its_crew():
    with Crew(2) as crew:
        helper, drawn = crew.helpers[0], blank(20, 32)
        assert helper.render(2, 5, *drawn) and np.array_equal(drawn[0], render(2, 5, 20, 32)[0])
        helper.process.kill()
        helper.process.wait()
        assert not helper.render(2, 5, *drawn)
    assert helper.process.returncode is not None


def test_a_helper_does_without_torch():
    code = "import gan_lib.data.drawn_crew, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_same_faces_in_another_process(thousand):
    code = (
        "import hashlib; from gan_lib.data.drawn import render;"
        "print(hashlib.sha256(render(seed=1, start=40, count=20)[0]).hexdigest()[:16])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert answer == digest(thousand[40:60])


@pytest.mark.parametrize(
    "size, golden", [(32, "a1de42f8828a068d"), (64, "7ad47e934d069079"), (128, "3c7474d2a465f234")]
)
def test_same_faces_on_every_machine(size, golden):
    assert digest(render(seed=7, start=100, count=24, size=size)[0]) == golden


def test_other_seeds_and_numbers_give_other_faces(thousand):
    assert len({digest(image) for image in thousand}) == 1000
    assert not np.array_equal(render(seed=2, count=1)[0], render(seed=1, count=1)[0])
    assert not np.array_equal(render(seed=-1, count=1)[0], render(seed=1, count=1)[0])


def test_boxes_hold_their_parts_however_a_head_turns(monkeypatch):
    """A part drawn in its box is the part drawn in the whole picture, at every corner of the range of poses."""
    from gan_lib.data import drawn_parts, drawn_people

    crowd = people(4, np.arange(64), {"Eyeglasses": True, "Wearing_Earrings": True})
    names = ("yaw", "pitch", "roll", "shift_x", "shift_y", "zoom")
    for bit, name in enumerate(names):
        ends = np.array(drawn_people.RANGES[name], np.float32)
        crowd[name] = ends[np.arange(64) >> bit & 1][:, None, None]
    boxed = draw(crowd)
    box = drawn_parts.box

    def whole(size, poses, wide, top, bottom, drift=0):
        if bottom == 1:  # body and back hair end under the head, on purpose
            return box(size, poses, wide, top, bottom, drift)
        return slice(0, size), slice(0, size)

    monkeypatch.setattr(drawn_parts, "box", whole)
    drawn_parts.place.cache_clear()
    unboxed = draw(crowd)
    drawn_parts.place.cache_clear()
    assert np.array_equal(boxed, unboxed)


def test_frequencies_are_those_of_celeba(has):
    assert set(has) == set(CELEBA) and len(has) >= 16
    for name, target in CELEBA.items():
        assert has[name].mean() == pytest.approx(target, abs=0.012 + 0.08 * target), name


def test_names_stand_in_the_order_of_celeba():
    assert list(ATTRIBUTE_NAMES) == sorted(ATTRIBUTE_NAMES)


def test_attributes_depend_on_one_another_as_in_life(has):
    male, young = has["Male"], has["Young"]
    assert not (~has["No_Beard"] & ~male).any()
    assert not (has["Bald"] & ~male).any()
    for name in ("Goatee", "Mustache", "5_o_Clock_Shadow"):
        assert not (has[name] & has["No_Beard"]).any()
    assert has["Wearing_Lipstick"][male].mean() < 0.02 < 0.7 < has["Wearing_Lipstick"][~male].mean()
    assert has["Gray_Hair"][young].mean() < 0.01 < 0.1 < has["Gray_Hair"][~young].mean()
    assert (
        has["Mouth_Slightly_Open"][has["Smiling"]].mean()
        > 1.8 * has["Mouth_Slightly_Open"][~has["Smiling"]].mean()
    )
    colours = [has[name] for name in ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")]
    assert np.sum(colours, axis=0).max() == 1


def detected(images):
    """Share of images in which OpenCV's frontal-face cascade (Viola and Jones 2001) finds a face."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = 0
    for image in images:
        grey = cv2.cvtColor(cv2.resize(image.transpose(1, 2, 0), (192, 192)), cv2.COLOR_RGB2GRAY)
        found += len(cascade.detectMultiScale(grey, 1.1, 4, minSize=(70, 70))) > 0
    return found / len(images)


def test_a_face_detector_sees_faces(thousand):
    assert detected(thousand) >= 0.9


def test_the_face_detector_sees_none_in_noise():
    assert detected(np.random.default_rng(0).integers(0, 256, (100, 3, 64, 64), np.uint8)) == 0


@pytest.mark.parametrize("name", ATTRIBUTE_NAMES)
def test_every_attribute_shows(name):
    without, _ = render(seed=3, count=48, overrides={name: False})
    with_it, attributes = render(seed=3, count=48, overrides={name: True})
    assert attributes[:, ATTRIBUTE_NAMES.index(name)].all()
    change = np.abs(with_it.astype(int) - without).max(axis=1)  # (48, 64, 64)
    seen = (change > 12).sum(axis=(1, 2)) >= 8  # at least 8 pixels, by a twentieth of the range
    assert seen.mean() > 0.8


def test_overrides_leave_the_rest_alone():
    _, plain = render(seed=3, count=200, size=32)
    _, smiling = render(seed=3, count=200, size=32, overrides={"Wearing_Hat": True})
    others = [i for i, name in enumerate(ATTRIBUTE_NAMES) if name != "Wearing_Hat"]
    assert np.array_equal(plain[:, others], smiling[:, others])


@pytest.mark.parametrize("small, large", [(32, 64), (64, 128)])
def test_sizes_agree(small, large):
    coarse, fine = render(seed=5, count=64, size=small)[0], render(seed=5, count=64, size=large)[0]
    shrunk = fine.astype(float).reshape(64, 3, small, 2, small, 2).mean(axis=(3, 5))
    error = np.abs(shrunk - coarse)
    assert error.mean() < 3 and np.quantile(error, 0.99) < 32


def test_faces_fill_the_range_of_greys(thousand):
    assert thousand.min() == 0 and thousand.max() == 255 and 90 < thousand.mean() < 150


def test_drawn_faces_are_faces():
    faces = drawn_faces(20, seed=9, size=32, start=5)
    images, attributes = render(seed=9, start=5, count=20, size=32)
    assert np.array_equal(faces.images, images) and np.array_equal(faces.attributes, attributes)
    assert faces.size == 32 and tuple(faces.attribute_names) == ATTRIBUTE_NAMES
    assert np.array_equal(faces.attribute("Smiling"), attributes[:, ATTRIBUTE_NAMES.index("Smiling")])


def test_errors_are_sentences():
    with pytest.raises(ValueError, match="size is 48, but faces are drawn at 32, 64 or 128"):
        render(count=1, size=48)
    with pytest.raises(ValueError, match="count is -1"):
        render(count=-1)
    with pytest.raises(KeyError, match="Smilling.*choose from"):
        render(count=1, overrides={"Smilling": True})

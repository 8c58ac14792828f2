"""Real faces without their images: the same figures, and no figures where features do not fit."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from gan_lib import (
    CheckpointError,
    celeba_reference,
    drawn_faces,
    load_reference,
    make_reference,
    measure,
    metrics,
    pretrained,
    save_reference,
)
from gan_lib.checkpoints import write_safetensors
from gan_lib.cli import main
from gan_lib.weights import ENCODERS

REFERENCE = ENCODERS / "celeba9k-features.safetensors"


@pytest.fixture(scope="module")
def celeba():
    return celeba_reference()


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(400, seed=5)


@pytest.fixture(scope="module")
def generated():
    return drawn_faces(80, seed=6)


@pytest.fixture(scope="module")
def reference(faces):
    return make_reference(faces[:300], faces[300:])


@pytest.fixture(scope="module")
def report(generated, reference):
    return measure(generated, reference)


class Mean(torch.nn.Module):
    def forward(self, images):
        return images.mean((2, 3))  # (N, 3)


def test_a_reference_stands_for_its_images(faces, generated, report):
    assert measure(generated, faces[:300], faces[300:]) == report


def test_floor_and_ceiling_are_computed_once_for_each_question(faces, generated, monkeypatch):
    fresh, looked = make_reference(faces[:300], faces[300:]), []
    find = metrics.faces_found
    monkeypatch.setattr(
        metrics, "faces_found", lambda images, progress: looked.append(1) or find(images, progress)
    )
    first, second = measure(generated, fresh), measure(drawn_faces(80, seed=7), fresh)
    assert len(looked) == 3  # the noise once, and two sets of faces
    assert [row.ceiling for row in first.rows] == [row.ceiling for row in second.rows]
    other = measure(generated, fresh, k=5)
    assert other["precision"].floor != first["precision"].floor and len(looked) == 5
    assert measure(generated, make_reference(faces[:300], faces[300:]), k=5) == other


def test_another_seed_is_another_question(faces):
    kept, fresh = (make_reference(faces[:90], extractor=Mean()) for _ in range(2))
    measure(faces[:12], kept)
    assert measure(faces[:12], kept, seed=1) == measure(faces[:12], fresh, seed=1)


def test_another_seed_draws_other_faces(faces):
    kept = make_reference(faces[:90], extractor=Mean())
    first, second = (measure(pretrained(), kept, samples=12, seed=seed) for seed in (0, 1))
    assert first["nearest training face"].generated.value != second["nearest training face"].generated.value


def test_by_default_the_last_ninth_is_held_out(faces):
    found = make_reference(faces[:90], extractor=Mean())
    assert (found.real.features.shape, found.held_out.features.shape) == ((80, 3), (10, 3))
    assert found.held_out.found.shape == (10,)
    assert found.real.attributes.shape == (80, 40)


def test_packed_it_measures_the_same_to_three_digits(tmp_path, generated, reference, report):
    save_reference(reference, tmp_path / "r.safetensors")
    again = measure(generated, load_reference(tmp_path / "r.safetensors"))
    for row, other in zip(report.rows, again.rows, strict=True):
        for column in ("generated", "floor", "ceiling"):
            expected = asdict(getattr(row, column))
            assert asdict(getattr(other, column)) == pytest.approx(expected, rel=0.01, abs=0.011)


def test_celeba_comes_with_the_library_as_features_only(celeba):
    assert celeba.real.features.shape == (8000, 64)
    assert celeba.held_out.features.shape == (1000, 64)
    assert REFERENCE.stat().st_size < 10_000 * 64 * 2 + 2000
    assert 0.9 < celeba.held_out.found.mean() < 0.97


def test_celeba_is_the_measure_of_the_encoder(celeba):
    """The encoder was whitened on these very faces."""
    assert celeba.real.features.mean(0).abs().max() < 0.02
    torch.testing.assert_close(celeba.real.features.T.cov(), torch.eye(64).double(), atol=0.02, rtol=0)


def test_faces_held_out_are_at_the_floor_and_drawings_are_far(generated, celeba):
    found = measure(generated, celeba)
    assert found["kernel distance"].floor.low < 0.02
    assert found["precision"].floor.value > 0.6
    assert found["Fréchet distance"].generated.value > 2 * found["Fréchet distance"].floor.value
    assert found.real == 8000


@pytest.mark.parametrize("more", [{"extractor": Mean()}, {"held_out": np.zeros((9, 3, 64, 64), np.uint8)}])
def test_a_reference_takes_no_other_eyes_and_no_other_faces(generated, reference, more):
    with pytest.raises(ValueError, match="its own faces held out and its own extractor; for others, give"):
        measure(generated, reference, **more)


def test_features_of_another_encoder_are_refused(tmp_path):
    tensors = {name: torch.zeros(9, 64) for name in ("real", "held_out", "mirrored", "found")}
    notes = {"gan_lib": json.dumps({"encoder": "0123456789abcdef"})}
    write_safetensors(tmp_path / "r.safetensors", tensors, notes)
    with pytest.raises(CheckpointError, match=r"made by another face encoder \(01234567…\) .* make them again"):
        load_reference(tmp_path / "r.safetensors")


def test_a_file_that_is_none_is_a_sentence(tmp_path):
    (tmp_path / "r.safetensors").write_bytes(REFERENCE.read_bytes()[:5000])
    for name in ("r.safetensors", "missing.safetensors"):
        with pytest.raises(CheckpointError, match="holds no reference that gan_lib can read"):
            load_reference(tmp_path / name)


def test_only_features_of_the_face_encoder_are_saved(tmp_path, faces):
    with pytest.raises(ValueError, match="The features are those of Mean; a file holds those of the face"):
        save_reference(make_reference(faces[:90], extractor=Mean()), tmp_path / "r.safetensors")


def test_its_card_says_what_it_is_and_on_which_terms():
    card = REFERENCE.with_suffix(".md").read_text(encoding="utf-8")
    for word in ("Data", "Terms", "Recipe", "Figures"):
        assert f"## {word}" in card
    assert "non-commercial" in card


def test_the_command_measures_against_celeba_by_default(tmp_path, capsys):
    path = tmp_path / "measures.json"
    assert main(["measure", "--from", "report-celeba9k", "--samples", "70", "--out", str(path)]) == 0
    assert "8,000 real faces as the reference" in capsys.readouterr().out
    assert json.loads(path.read_text())["rows"][0]["generated"]["samples"] == 70


@pytest.mark.parametrize("option", [["--first", "100"], ["--inception"]])
def test_the_command_says_which_options_need_images(option, capsys):
    assert main(["measure", *option]) == 1
    assert "--first and --inception need the images of real faces" in capsys.readouterr().err

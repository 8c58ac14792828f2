"""The face encoder: small, quiet, and it sees what a face shows."""

import pytest
import torch

from gan_lib import CheckpointError, drawn_faces, face_encoder, pretrained_names, to_float
from gan_lib.metrics import face_features
from gan_lib.networks.encoder import FaceEncoder
from gan_lib.weights import ENCODERS, save_encoder


@pytest.fixture(scope="module")
def encoder():
    return face_encoder()


def test_it_is_small_and_in_evaluation_mode(encoder):
    assert sum(weight.numel() for weight in encoder.parameters()) <= 1_500_000
    assert (ENCODERS / "face-encoder.safetensors").stat().st_size < 3_200_000
    assert not encoder.training
    assert not any(weight.requires_grad for weight in encoder.parameters())


def test_shapes(encoder):
    features = encoder(torch.zeros(3, 3, 64, 64))
    assert features.shape == (3, encoder.num_features) == (3, 64)
    assert encoder.attribute_logits(features).shape == (3, 40)
    assert len(encoder.attribute_names) == 40


def test_another_shape_is_a_sentence(encoder):
    with pytest.raises(ValueError, match=r"given \(3, 3, 32, 32\); it takes images of \(N, 3, 64, 64\)"):
        encoder(torch.zeros(3, 3, 32, 32))


def test_a_face_is_judged_alone(encoder):
    """No statistics of the batch: a face has the same features in any company."""
    images = to_float(drawn_faces(20).images)
    together, alone = encoder(images), torch.cat([encoder(image[None]) for image in images])
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=1e-3)


def test_it_is_no_generator():
    assert "face-encoder" not in pretrained_names()


def test_its_card_is_there():
    card = (ENCODERS / "face-encoder.md").read_text(encoding="utf-8")
    for word in ("Data", "Terms", "Recipe", "Figures"):
        assert f"## {word}" in card
    assert "non-commercial" in card


def test_too_few_faces_to_whiten_by_are_a_sentence():
    encoder = FaceEncoder(["Smiling"], 8)
    with pytest.raises(ValueError, match="8 faces are too few for 8 features"):
        encoder.whiten(torch.randn(8, 8))


def test_whitening_gives_mean_0_and_covariance_1_and_keeps_the_judgement():
    torch.manual_seed(0)
    encoder, images = FaceEncoder(["Smiling", "Male"], 8).eval(), to_float(drawn_faces(200).images)
    with torch.no_grad():
        before = encoder(images)
        judged = encoder.attribute_logits(before)
        encoder.whiten(before)
        after = encoder(images)
    torch.testing.assert_close(after.mean(0), torch.zeros(8), atol=1e-3, rtol=0)
    torch.testing.assert_close(after.T.cov(), torch.eye(8), atol=1e-2, rtol=0)
    torch.testing.assert_close(encoder.attribute_logits(after), judged, atol=1e-3, rtol=1e-3)


def test_it_survives_packing(tmp_path):
    torch.manual_seed(0)
    encoder, images = FaceEncoder(["Smiling", "Male"], 8).eval(), torch.rand(4, 3, 64, 64)
    save_encoder(encoder, tmp_path / "e.safetensors")
    copy = face_encoder(tmp_path / "e.safetensors")
    assert copy.attribute_names == ("Smiling", "Male")
    torch.testing.assert_close(copy(images), encoder(images), atol=0.01, rtol=0.01)


def test_a_file_that_is_none_is_a_sentence(tmp_path):
    (tmp_path / "e.safetensors").write_bytes(b"nothing")
    for name in ("e.safetensors", "missing.safetensors"):
        with pytest.raises(CheckpointError, match="holds no face encoder that gan_lib can read"):
            face_encoder(tmp_path / name)


@pytest.mark.parametrize("name", ["Smiling", "Eyeglasses", "Blond_Hair"])
def test_trained_on_photos_it_sees_attributes_in_drawings_too(encoder, name):
    """The chance that a drawn face that has it is judged higher than one that has not."""
    faces = drawn_faces(400)
    with torch.no_grad():
        logits = encoder.attribute_logits(face_features(faces).float())[:, encoder.attribute_names.index(name)]
    has, has_not = logits[faces.attribute(name)], logits[~faces.attribute(name)]
    assert (has[:, None] > has_not).float().mean() > 0.7

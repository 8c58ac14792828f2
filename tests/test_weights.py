"""Packing a generator, and the trained ones that come with the library."""

import math

import pytest
import torch

from gan_lib import CheckpointError, face_encoder, latents_from_seed, sample
from gan_lib.checkpoints import save_checkpoint
from gan_lib.export import terms_of
from gan_lib.metrics import faces_found, to_pixels
from gan_lib.networks import ModernGenerator, ReportGenerator
from gan_lib.training import TrainingState
from gan_lib.weights import (
    FOLDER,
    load_generator,
    pretrained,
    pretrained_card,
    pretrained_directions,
    pretrained_name,
    pretrained_names,
    quantise_rows,
    save_generator,
)


def test_an_8_bit_entry_is_off_by_half_a_scale_at_most():
    matrix = torch.randn(50, 300) * torch.logspace(-6, 3, 50)[:, None]
    small, scale = quantise_rows(matrix)
    assert small.dtype == torch.int8
    assert ((small.float() * scale - matrix).abs() <= 0.5001 * scale).all()
    assert (small.abs().amax(1) == 127).all()


def test_a_row_of_zeros_stays_zero():
    small, scale = quantise_rows(torch.zeros(2, 3))
    assert torch.equal(small * scale, torch.zeros(2, 3))


def test_a_packed_generator_draws_nearly_the_same_faces(tmp_path):
    torch.manual_seed(0)
    generator = ReportGenerator(512).train()
    for _ in range(10):
        generator(torch.randn(32, 512))  # so that its statistics are those of its own images
    save_generator(generator, tmp_path / "g.safetensors", "report")
    copy = load_generator(tmp_path / "g.safetensors")
    latents = latents_from_seed(0, 8, 512)
    difference = (sample(copy, latents) - sample(generator, latents)).abs()
    assert not copy.training
    assert 0 < difference.mean() < 2 / 255
    assert (tmp_path / "g.safetensors").stat().st_size < 1.1 * 4096 * 512 + 300_000


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e5])
def test_numbers_that_cannot_be_packed_are_not_written(number, tmp_path):
    generator = ReportGenerator(8)
    generator.norm1.running_var[3] = number
    with pytest.raises(ValueError, match="norm1.running_var holds numbers that are not finite or beyond 65,504"):
        save_generator(generator, tmp_path / "g.safetensors", "report")
    assert not [*tmp_path.iterdir()]


def test_a_checkpoint_is_told_from_a_generator(tiny, tmp_path):
    path = save_checkpoint(TrainingState(tiny), tmp_path)
    with pytest.raises(CheckpointError, match=r"take load_checkpoint\(path\).sampler"):
        load_generator(path)


def test_what_is_no_generator_is_a_sentence(tmp_path):
    path = tmp_path / "g.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="holds no generator that gan_lib can read"):
        load_generator(path)
    with pytest.raises(ValueError, match="no pretrained generator 'monet'; choose one of .*report-celeba9k"):
        pretrained("monet")


@pytest.mark.parametrize(
    ("generator", "network", "words"),
    [
        (ReportGenerator(8), "monet", "network is 'monet'; choose one of report, "),
        (ReportGenerator(8), "modern", "This ReportGenerator is not the generator of 'modern'"),
        (ModernGenerator(8, channels=(8, 8, 8, 8, 8)), "modern", "weights have other names or shapes"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(generator, network, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        save_generator(generator, tmp_path / "g.safetensors", network)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", pretrained_names())
def test_every_pretrained_generator_has_its_card_and_draws(name):
    generator = pretrained(name)
    faces = sample(generator, latents_from_seed(0, 16, generator.latent_size))
    assert faces.shape == (16, 3, 64, 64)
    assert faces.std(0).mean() > 0.05  # different faces from different noise
    card = pretrained_card(name)
    for word in ("Data", "Terms", "Recipe", "Figures"):
        assert f"## {word}" in card


def test_the_reports_generator_is_there_and_small():
    assert "report-celeba9k" in pretrained_names()
    assert (FOLDER / "report-celeba9k.safetensors").stat().st_size <= 18_000_000
    assert "non-commercial" in pretrained_card("report-celeba9k")


def test_the_default_is_the_generator_that_draws_clean_faces():
    generator = pretrained()
    assert (type(generator), generator.latent_size) == (ModernGenerator, 128)
    assert "non-commercial" in pretrained_card()


def test_who_learned_from_drawings_carries_no_term_of_celeba():
    generator = pretrained("drawn-faces")
    assert (type(generator), generator.latent_size) == (ModernGenerator, 128)
    terms = terms_of(pretrained_card("drawn-faces"))
    assert "MIT" in terms and "non-commercial" not in terms
    found = faces_found(to_pixels(sample(generator, latents_from_seed(0, 100, 128))))
    assert found.mean() > 0.8


@pytest.mark.parametrize("name", pretrained_names())
def test_a_pretrained_generator_is_recognised_until_it_is_trained_further(name):
    generator = pretrained(name)
    assert pretrained_name(generator) == name
    next(generator.parameters()).data[0] += 1e-3
    assert pretrained_name(generator) is None
    assert pretrained_name(torch.nn.Linear(2, 2)) is None


def test_the_faces_come_with_directions_that_do_what_they_are_called():
    directions = pretrained_directions("faces")
    assert [*directions] == ["Smiling", "Young", "Male", "Blond_Hair", "Bangs", "Light", "Turned"]
    generator, encoder = pretrained("faces"), face_encoder()
    latents = latents_from_seed(9, 12, 128)  # not those that they were found with
    for name in ("Smiling", "Young", "Male", "Blond_Hair", "Bangs"):
        assert directions[name].norm() == pytest.approx(1, abs=1e-5)
        images = (sample(generator, latents + step * directions[name]) for step in (-2, 2))
        column = encoder.attribute_names.index(name)
        less, more = (encoder.attribute_logits(encoder(each))[:, column].mean() for each in images)
        assert more > less + 1
    dark, light = (sample(generator, latents + step * directions["Light"]).mean() for step in (-2, 2))
    assert light > dark + 0.1
    assert pretrained_directions("report-celeba9k") == {}


def test_all_weights_together_are_small():
    sizes = {path: path.stat().st_size for path in FOLDER.rglob("*.safetensors")}
    # Features of real faces are no weights
    features = sum(size for path, size in sizes.items() if path.stem.endswith("-features"))
    assert sum(sizes.values()) - features <= 26_000_000 and features <= 1_500_000

"""Measuring faces: cases where the answer is known, and SciPy as the authority."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.linalg import sqrtm
from scipy.stats import binomtest

from gan_lib import drawn_faces, face_encoder, pretrained, to_float
from gan_lib.cli import main
from gan_lib.data.drawn import ATTRIBUTE_NAMES, render
from gan_lib.metrics import (
    Measure,
    attribute_frequencies,
    detector_rate,
    face_features,
    frechet_distance,
    inception,
    kernel_distance,
    measure,
    nearest_neighbours,
    precision_recall,
    rate,
    to_pixels,
)
from gan_lib.toy import ring


def normal(count, size, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian(mean, covariance, count=400, seed=0):
    """Points whose sample mean and covariance are exactly these."""
    x = normal(count, len(mean), seed)
    x = (x - x.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov())).T
    return x @ torch.linalg.cholesky(covariance).T + mean


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(500, seed=3)


@pytest.fixture(scope="module")
def features(faces):
    return face_features(faces)


# --- Fréchet distance -----------------------------------------------------------------------------------------


def test_frechet_distance_of_gaussians_that_commute_is_the_closed_form():
    a, b = torch.tensor([4.0, 1.0, 0.25]).double(), torch.tensor([1.0, 9.0, 0.25]).double()
    mean = torch.tensor([1.0, -2.0, 2.0]).double()
    first, second = gaussian(torch.zeros(3).double(), a.diag()), gaussian(mean, b.diag(), seed=1)
    found = frechet_distance(first, second, draws=2)
    assert found.value == pytest.approx(9 + 1 + 4 + 0)  # ‖mean‖² + (2 − 1)² + (1 − 3)² + 0


def test_frechet_distance_agrees_with_scipy():
    real, fake = normal(300, 20) @ normal(20, 20, 1), normal(250, 20, 2) @ normal(20, 20, 3) + 1
    first, second = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    apart = (real.mean(0) - fake.mean(0)).square().sum().item()
    distance = apart + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet_distance(real, fake, draws=2).value == pytest.approx(distance, rel=1e-6)


def test_a_set_against_itself_is_at_no_distance(features):
    assert frechet_distance(features, features, draws=2).value == pytest.approx(0, abs=1e-6)
    assert precision_recall(features, features) == (rate(np.ones(500)), rate(np.ones(500)))


def test_the_interval_is_as_wide_as_the_figure_varies():
    """Among a hundred fresh pairs of sets, the standard deviation is a quarter of the interval, or so."""
    pairs = [(normal(200, 3, 2 * i), normal(200, 3, 2 * i + 1) + 1) for i in range(100)]
    values = [frechet_distance(*pair, draws=1).value for pair in pairs]
    found = frechet_distance(normal(200, 3), normal(200, 3, 1) + 1)
    assert (found.high - found.low) / 3.92 == pytest.approx(np.std(values), rel=0.35)
    assert found.low < found.value < found.high
    assert found.samples == 200


def test_the_interval_lies_about_the_value_though_halves_are_further_apart():
    found = frechet_distance(normal(200, 64), normal(200, 64, 1))
    assert found.low < found.value < found.high


# --- Kernel distance ------------------------------------------------------------------------------------------


def test_kernel_distance_of_two_points_is_the_closed_form():
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([-1.0, 0.5])
    found = kernel_distance(a.expand(10, 2), b.expand(10, 2))
    assert found.value == pytest.approx((5 / 2 + 1) ** 3 + (1.25 / 2 + 1) ** 3 - 2 * (0 / 2 + 1) ** 3)


def test_kernel_distance_of_gaussians_on_a_line_is_the_closed_form():
    """E (1 + x y)³ for N(0, 1), N(1, 1) is 4 within the first, 32 within the second and 7 across: 4 + 32 − 14."""
    found = kernel_distance(normal(1500, 1), normal(1500, 1, 1) + 1)
    assert found.low < 22 < found.high
    assert found.high - found.low < 12


def test_kernel_distance_has_no_bias_in_small_sets():
    values = np.array([kernel_distance(normal(20, 8, 2 * i), normal(20, 8, 2 * i + 1)).value for i in range(60)])
    assert abs(values.mean()) < 3 * values.std() / 60**0.5
    assert values.min() < 0 < values.max()


def test_kernel_distance_agrees_with_the_unbiased_sum_over_all_pairs():
    real, fake = normal(200, 6), 1.3 * normal(200, 6, 1) + 0.3
    within = [((x @ x.T / 6 + 1) ** 3).fill_diagonal_(0).sum() / (200 * 199) for x in (real, fake)]
    exact = sum(within) - 2 * ((real @ fake.T / 6 + 1) ** 3).mean()
    found = kernel_distance(real, fake, draws=1000)
    assert found.value == pytest.approx(exact.item(), abs=0.1 * (found.high - found.low))


def test_the_same_seed_gives_the_same_figures_and_leaves_chance_alone(monkeypatch):
    torch.manual_seed(5)
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    first = kernel_distance(normal(50, 4), normal(50, 4, 1))
    assert not seeded
    number = torch.rand(())
    torch.manual_seed(5)
    assert torch.rand(()) == number
    assert kernel_distance(normal(50, 4), normal(50, 4, 1)) == first


def test_the_kernel_distances_interval_is_as_wide_as_it_varies():
    pairs = [(normal(100, 3, 2 * i), normal(100, 3, 2 * i + 1) + 1) for i in range(150)]
    found = [kernel_distance(*pair) for pair in pairs]
    width = np.mean([measured.high - measured.low for measured in found])
    assert width / 3.92 == pytest.approx(np.std([measured.value for measured in found]), rel=0.2)


def test_another_seed_draws_other_subsets():
    sets = normal(50, 4), normal(50, 4, 1)
    assert kernel_distance(*sets) != kernel_distance(*sets, seed=1)


# --- Precision, recall, neighbours ----------------------------------------------------------------------------


def test_where_half_of_the_modes_are_missing_recall_is_half():
    real, fake = ring().sample(1200), ring().sample(2400, 1)
    fake = fake[fake[:, 0] > 0]
    found = precision_recall(real, fake)
    half = (real[:, 0] > 0).float().mean().item()
    assert found.precision.value > 0.95
    assert found.recall.value == pytest.approx(half, abs=0.03)


def test_where_half_of_the_samples_are_noise_precision_is_half():
    real = ring().sample(1000)
    fake = torch.cat([ring().sample(500, 1), 30 + normal(500, 2)])
    found = precision_recall(real, fake)
    assert found.precision.value == pytest.approx(0.5, abs=0.03)
    assert found.recall.value > 0.95


def test_precision_and_recall_agree_with_the_definition_word_by_word():
    real, fake = normal(60, 2).numpy(), 1.5 * normal(40, 2, 1).numpy()

    def inside(queries, points, k=3):
        radii = [sorted(np.linalg.norm(points - p, axis=1))[k] for p in points]
        balls = list(zip(points, radii, strict=True))
        return np.mean([any(np.linalg.norm(query - p) <= radius for p, radius in balls) for query in queries])

    found = precision_recall(torch.from_numpy(real), torch.from_numpy(fake))
    assert (found.precision.value, found.recall.value) == (inside(fake, real), inside(real, fake))
    assert (found.precision.samples, found.recall.samples) == (40, 60)


def test_planted_copies_are_found(faces, features):
    planted = face_features(faces[[7, 123, 455]])
    found = nearest_neighbours(planted, features, k=2)
    assert found.indices[:, 0].tolist() == [7, 123, 455]
    assert found.distances[:, 0].max() < 0.01 < found.distances[:, 1].min()


# --- Image by image -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "count"), [(0, 50), (7, 50), (50, 50), (1, 1)])
def test_a_rate_and_its_interval_agree_with_scipy(hits, count):
    found = rate(np.arange(count) < hits)
    interval = binomtest(hits, count).proportion_ci(method="wilson")
    assert found.value == hits / count
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-4)


def test_attribute_frequencies_count(faces):
    found = attribute_frequencies(faces.attributes, faces.attribute_names)
    assert list(found) == list(ATTRIBUTE_NAMES)
    assert found["Smiling"].value == faces.attribute("Smiling").mean()


def test_the_detector_finds_drawn_faces_and_none_in_noise(faces, noise_faces):
    assert detector_rate(faces[:50]).value > 0.9
    assert detector_rate(noise_faces).value == 0
    assert detector_rate(noise_faces).high > 0.05  # forty are not many


def test_the_detector_sees_red_as_red():
    grey = drawn_faces(50, seed=3).images.mean(1)
    noise = np.random.default_rng(0).integers(0, 256, grey.shape)
    images = np.stack([grey, np.full_like(grey, 128), noise], 1).astype(np.uint8)
    assert detector_rate(images).value > 0.7 > 0.3 > detector_rate(images[:, ::-1]).value


# --- What the encoder notices ---------------------------------------------------------------------------------


def test_noise_of_growing_strength_is_at_growing_distance(faces, features):
    images = to_float(faces.images[:200])
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    distances = [
        frechet_distance(features[200:], face_features(images + strength * noise), draws=1).value
        for strength in (0, 0.03, 0.06, 0.12, 0.25)
    ]
    assert distances == sorted(distances)
    assert distances[-1] > 3 * distances[0]


def test_faces_without_an_attribute_are_further_off_and_have_none_of_it(features):
    size, same = 200, {}
    for name, override in (("as they are", {}), ("without", {"Eyeglasses": False, "Wearing_Hat": False})):
        pixels, attributes = render(seed=9, count=size, overrides=override)
        same[name] = frechet_distance(features, face_features(pixels), draws=20)
    assert same["without"].value > same["as they are"].value
    assert attribute_frequencies(attributes, ATTRIBUTE_NAMES)["Eyeglasses"] == rate(np.zeros(size))


# --- Format ---------------------------------------------------------------------------------------------------


def test_floats_and_bytes_are_the_same_images(faces):
    pixels = faces.images[:5]
    assert np.array_equal(to_pixels(to_float(pixels)), pixels)
    assert np.array_equal(to_pixels(to_float(pixels).numpy() + 0.003), pixels)  # rounded
    assert to_pixels(faces) is faces.images


def test_an_extractor_comes_back_in_its_mode(noise_faces):
    extractor = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.AvgPool2d(64), torch.nn.Flatten())
    assert torch.equal(face_features(noise_faces, extractor), face_features(noise_faces, extractor))
    assert extractor.training
    with pytest.raises(RuntimeError):
        face_features(noise_faces, extractor.append(torch.nn.Linear(9, 9)))
    assert extractor.training


def test_another_size_is_resized_as_pillow_does():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 150, 150), dtype=np.uint8)
    pillow = [Image.fromarray(x.transpose(1, 2, 0)).resize((64, 64), Image.BILINEAR) for x in pixels]
    assert np.abs(to_pixels(pixels).transpose(0, 2, 3, 1).astype(int) - np.stack(pillow)).max() <= 1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: to_pixels(np.zeros((0, 3, 64, 64), np.uint8)), "give at least one"),
        (lambda: to_pixels(np.zeros((2, 64, 64, 3), np.uint8)), r"shape \(2, 64, 64, 3\); give at least one, of"),
        (lambda: to_pixels(np.zeros((2, 3, 64, 64), int)), "int64; give uint8"),
        (lambda: to_pixels(torch.full((2, 3, 64, 64), torch.nan)), "pixels are infinite or not numbers"),
        (lambda: to_pixels(np.full((2, 3, 64, 64), 255.0)), "Pixels go as far as 255, which looks like 0 to 255"),
        (lambda: frechet_distance(normal(64, 64), normal(99, 64)), "64 images are too few .* at least 65"),
        (lambda: frechet_distance(normal(99, 4), normal(99, 5)), r"\(99, 4\) and \(99, 5\); give"),
        (lambda: kernel_distance(normal(99, 4), normal(3, 4)), "3 images are too few"),
        (lambda: precision_recall(normal(9, 4), normal(3, 4)), "3 images are too few"),
        (lambda: precision_recall(normal(9, 4), normal(9, 4) / 0), "features are infinite or not numbers"),
        (lambda: nearest_neighbours(normal(9, 4), normal(3, 4), 5), "5 neighbours are asked for and there are 3"),
        (lambda: nearest_neighbours(normal(9, 4), normal(3, 4), 0), "k is 0; it must be at least 1"),
        (lambda: precision_recall(normal(9, 4), normal(9, 4), 0), "k is 0; it must be at least 1"),
        (lambda: frechet_distance(normal(9, 4), normal(9, 4), draws=0), "draws is 0; it must be at least 1"),
        (lambda: kernel_distance(normal(9, 4), normal(9, 4), draws=0), "draws is 0; it must be at least 1"),
        (lambda: rate([]), "There is nothing to take the share of"),
        (lambda: measure(drawn_faces(9), drawn_faces(9), samples=0), "samples is 0; it must be at least 1"),
        (lambda: measure(drawn_faces(9), drawn_faces(9), samples=-1), "samples is -1; it must be at least 1"),
        (lambda: measure(drawn_faces(9), drawn_faces(9), k=0), "k is 0; it must be at least 1"),
        (lambda: attribute_frequencies(np.ones((4, 2), bool), ["Smiling"]), r"shape \(4, 2\); 1 names need"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_missing_package_is_a_sentence(monkeypatch, noise_faces):
    for name in ("torchmetrics", "torchmetrics.image.fid", "torchmetrics.image.kid", "cv2"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (
        lambda: frechet_distance(normal(9, 2), normal(9, 2)),
        lambda: kernel_distance(normal(9, 2), normal(9, 2)),
        lambda: detector_rate(noise_faces),
        lambda: inception(),
    ):
        with pytest.raises(ImportError, match=r'pip install "gan-lib\[metrics\]"'):
            call()


def test_what_measure_lacks_it_says_before_the_work(monkeypatch, faces):
    monkeypatch.setattr("gan_lib.metrics.face_features", lambda *given: pytest.fail("that is the work"))
    with pytest.raises(TypeError, match="Identity has no latent_size; set generator.latent_size to"):
        measure(torch.nn.Identity(), faces)
    for module in ("cv2", "torchmetrics.image.fid"):
        with monkeypatch.context() as patch, pytest.raises(ImportError, match=r'pip install "gan-lib\[metrics\]"'):
            patch.setitem(sys.modules, module, None)
            measure(faces, faces)


def test_a_single_draw_gives_the_value_as_the_interval():
    for distance in (frechet_distance, kernel_distance):
        found = distance(normal(99, 4), normal(99, 4, seed=1), draws=1)
        assert found.low == pytest.approx(found.value) == found.high


# --- All of it ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(faces):
    return measure(drawn_faces(80, seed=4), faces[:400], faces[400:480])


def test_faces_of_the_same_kind_are_at_the_floor_and_noise_at_the_ceiling(report):
    for row in report.rows:
        assert row.generated.samples == row.floor.samples == row.ceiling.samples == 80
    distance, variety = report["Fréchet distance"], report["precision"]
    assert distance.generated.value < 1.5 * distance.floor.value < 0.3 * distance.ceiling.value
    assert variety.generated.value > 0.5 > variety.ceiling.value
    assert report["a face is found"].generated.value > 0.9
    assert report["near-copies"].floor.value == 1 / 80
    with pytest.raises(KeyError, match="no row 'beauty'; there are Fréchet distance"):
        report["beauty"]


def test_a_set_of_copies_is_betrayed_by_its_neighbours(faces):
    mirrored = np.concatenate([faces.images[:35], faces.images[35:70, ..., ::-1]])
    copies = measure(mirrored, faces[:200], faces[200:270])
    assert copies["near-copies"].generated.value == 1
    assert copies["nearest training face"].generated.value < 0.01 < copies["nearest training face"].floor.value


def test_rows_and_attributes_are_what_they_say():
    images, real, held_out = (drawn_faces(n, seed=s).images for n, s in ((81, 4), (200, 3), (81, 5)))
    found, encoder = measure(images, real, held_out), face_encoder()
    ours, mirrored, theirs = (encoder(to_float(x)).double() for x in (images, images[..., ::-1], real))
    has, real_has = ((encoder.attribute_logits(x.float()) > 0).double().mean(0).numpy() for x in (ours, theirs))
    seen = [[measured.value for measured in pair] for pair in found.attributes.values()]
    np.testing.assert_allclose(seen, np.stack([has, real_has], 1), atol=0.02)
    gap = np.abs(np.subtract(*np.transpose(seen))).mean()
    assert found["attribute gap"].generated.value == pytest.approx(gap)
    nearest = np.minimum(*(torch.cdist(x, theirs).amin(1).numpy() for x in (ours, mirrored)))
    assert found["nearest training face"].generated.value == pytest.approx(np.median(nearest), abs=1e-3)


def test_the_table_is_aligned_and_names_its_terms(report):
    head, *lines = str(report).splitlines()
    rows = lines[: len(report.rows)]
    for title in ("generated (80)", "floor: held out (80)", "ceiling: noise (80)"):
        assert all(row[head.index(title) - 1] == " " != row[head.index(title)] for row in rows)
    assert "400 real faces as the reference; features by FaceEncoder; precision and recall with k = 3" in lines[-2]


def test_a_generator_is_sampled_and_another_extractor_may_look():
    class Mean(torch.nn.Module):
        def forward(self, images):
            return images.mean((2, 3))  # (N, 3)

    report = measure(pretrained(), drawn_faces(90), samples=12, extractor=Mean())
    assert report.extractor == "Mean"
    assert report.real == 80
    assert report["precision"].generated.samples == 12
    assert report["precision"].floor.samples == 10
    assert set(report.attributes) == set(face_encoder().attribute_names)


def test_the_command_prints_the_table_and_writes_it_down(tmp_path, capsys):
    path = tmp_path / "measures.json"
    command = ["measure", "--from", "report-celeba9k", "--faces", "drawn:300", "--first", "200", "--samples", "70"]
    assert main([*command, "--seed", "5", "--out", str(path)]) == 0
    said = capsys.readouterr().out
    assert "Fréchet distance" in said
    found = json.loads(path.read_text())
    assert found["real"] == 200
    assert found["seed"] == 5
    assert found["rows"][0]["generated"]["samples"] == 70
    assert found["rows"][0]["floor"]["samples"] == 70


def test_the_command_says_what_is_wrong(capsys):
    assert main(["measure", "--faces", "drawn:300", "--first", "300"]) == 1
    assert "--first is 300 of 300 faces" in capsys.readouterr().err


def test_a_measure_reads_well():
    assert str(Measure(12.3456, 11.98, 12.71, 100)) == "12.35 [11.98, 12.71]"
    assert str(Measure(-0.00001, -0.01, 0.02, 100)) == "0.000 [-0.010, 0.020]"
    assert str(Measure(0.0, 0.0, 0.0, 100)) == "0.000 [0.000, 0.000]"
    assert str(Measure(1234.5, 1100.0, 1400.0, 100)) == "1234 [1100, 1400]"

"""Walking in latent space, held against NumPy, closed forms and generators whose directions are planted."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity, normalize

from gan_lib.checkpoints import CheckpointError
from gan_lib.latent import (
    attribute_directions,
    attribute_scores,
    conditional,
    entanglement,
    first_layer,
    follow,
    ganspace,
    lerp,
    load_directions,
    save_directions,
    sefa,
    slerp,
    truncate,
    walk,
)
from gan_lib.networks import ReportGenerator


class Painter(nn.Module):
    """Draws images of 64×64 whose pixels are a linear map of z, tanh'd: nothing hidden."""

    def __init__(self, weight):
        super().__init__()
        self.latent_size = weight.shape[1]
        self.dense = nn.Linear(*weight.shape[::-1])
        self.dense.weight = nn.Parameter(weight)
        self.register_buffer("spread", torch.eye(len(weight), 3))

    def forward(self, latents):
        colours = torch.tanh(self.dense(latents)) @ self.spread  # (N, 3): the first three features are colours
        return colours[:, :, None, None].expand(-1, 3, 64, 64)


def planted(features=40, size=24, seed=0):
    """A weight U S Vᵀ with known, well separated singular values."""
    random = np.random.default_rng(seed)
    u = np.linalg.qr(random.normal(size=(features, size)))[0]
    v = np.linalg.qr(random.normal(size=(size, size)))[0]
    return torch.tensor(u * 2.0 ** -np.arange(size) @ v.T, dtype=torch.float32), v.T


def gaussian(count, size, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


class TestPaths:
    def test_lerp_is_numpys_straight_line(self):
        a, b = gaussian(2, 5)
        line = lerp(a, b, torch.linspace(0, 1, 7))
        np.testing.assert_allclose(line, np.linspace(a.numpy(), b.numpy(), 7), atol=1e-6)

    @pytest.mark.parametrize("path", [lerp, slerp])
    def test_shapes(self, path):
        a, b = gaussian(6, 5).split(3)
        assert path(a, b, 0.5).shape == (3, 5)
        assert path(a, b, torch.rand(4)).shape == (4, 3, 5)
        assert path(a[0], b, torch.rand(4, 2)).shape == (4, 2, 3, 5)
        torch.testing.assert_close(path(a, b, 0.0), a)
        torch.testing.assert_close(path(a, b, 1.0), b)

    def test_slerp_turns_at_a_constant_speed(self):
        a, b = gaussian(2, 64).double()
        arc = slerp(a, b, torch.linspace(0, 1, 11))
        whole = math.acos(cosine_similarity(a, b, dim=0))
        angles = cosine_similarity(arc[:-1], arc[1:]).acos()
        torch.testing.assert_close(angles, torch.full((10,), whole / 10, dtype=torch.float64))

    def test_slerp_keeps_the_length_and_lerp_does_not(self):
        a, b = normalize(gaussian(2, 512)) * math.sqrt(512)
        halfway = slerp(a, b, 0.5), lerp(a, b, 0.5)
        assert halfway[0].norm().item() == pytest.approx(math.sqrt(512), rel=1e-5)
        assert halfway[1].norm().item() == pytest.approx(math.sqrt(512) * math.cos(math.acos((a @ b) / 512) / 2))
        lengths = slerp(a, 3 * b, torch.linspace(0, 1, 5)).norm(dim=1)
        torch.testing.assert_close(lengths, math.sqrt(512) * torch.linspace(1, 3, 5))

    def test_whole_numbers_are_latents_too(self):
        a, b = torch.tensor([[0, 4], [1, 2]])
        assert lerp(a, b, 0.5).tolist() == [0.5, 3.0]
        torch.testing.assert_close(slerp(a, b, 0.5), slerp(a.float(), b.float(), 0.5))

    def test_from_the_origin_slerp_is_a_straight_line(self):
        end, origin, t = gaussian(1, 8)[0], torch.zeros(8), torch.linspace(0, 1, 5)
        torch.testing.assert_close(slerp(origin, end, t), lerp(origin, end, t))
        torch.testing.assert_close(slerp(end, origin, t), lerp(end, origin, t))
        assert not slerp(origin, origin, t).any()

    def test_slerp_is_shoemakes_formula(self):
        a, b = normalize(gaussian(2, 4).double())
        angle = math.acos(a @ b)
        expected = (math.sin(0.7 * angle) * a + math.sin(0.3 * angle) * b) / math.sin(angle)
        torch.testing.assert_close(slerp(a, b, 0.3), expected)

    def test_slerp_of_the_same_and_of_opposite_latents(self):
        a = gaussian(1, 8)[0]
        torch.testing.assert_close(slerp(a, 2 * a, 0.5), 1.5 * a)
        with pytest.raises(ValueError, match="opposite directions; go by way of a third"):
            slerp(a, -a, 0.5)

    def test_a_walk_passes_its_points_and_stays_at_their_distance(self):
        points = gaussian(5, 128)
        path = walk(points, 50)
        assert path.shape == (50, 128)
        torch.testing.assert_close(path[::10], points)
        lengths = points.norm(dim=1)
        assert (path.norm(dim=1) > 0.95 * lengths.min()).all() and (path.norm(dim=1) < 1.05 * lengths.max()).all()

    def test_a_walk_is_closed_and_smooth(self):
        """Between frames the step changes by little, at the points and across the seam as elsewhere."""
        path = walk(gaussian(4, 64), 400)
        steps = path.roll(-1, 0) - path
        bends = (steps.roll(-1, 0) - steps).norm(dim=1)
        assert bends.max() < 0.1 * steps.norm(dim=1).mean()

    def test_a_walk_between_two_goes_there_and_back(self):
        path = walk(gaussian(2, 16), 8)
        torch.testing.assert_close(path[1:4], path[5:].flip(0))

    @pytest.mark.parametrize(("points", "frames"), [(1, 10), (3, 0)])
    def test_no_walk(self, points, frames):
        with pytest.raises(ValueError, match="make no walk"):
            walk(gaussian(points, 4), frames)

    def test_truncation_shrinks_the_spread_and_keeps_the_directions(self):
        latents = gaussian(2000, 16)
        small = truncate(latents, 0.5)
        torch.testing.assert_close(small.std(0), latents.std(0) / 2)
        torch.testing.assert_close(cosine_similarity(small, latents), torch.ones(2000))


class TestWithoutLabels:
    def test_sefa_is_numpys_svd(self):
        weight, _ = planted()
        found = sefa(Painter(weight), 6)
        expected = np.linalg.svd(weight.numpy())[2][:6]
        np.testing.assert_allclose(np.abs((found.numpy() * expected).sum(1)), 1, atol=1e-5)

    def test_sefa_finds_what_was_planted(self):
        weight, v = planted()
        cosines = sefa(Painter(weight), 6) @ torch.tensor(v[:6].T, dtype=torch.float32)
        torch.testing.assert_close(cosines.abs(), torch.eye(6), atol=1e-3, rtol=0)

    def test_directions_are_unit_at_right_angles_and_have_a_sign(self):
        found = sefa(Painter(planted()[0]), 5)
        torch.testing.assert_close(entanglement(found), torch.eye(5), atol=1e-5, rtol=0)
        assert (found.gather(1, found.abs().argmax(1, keepdim=True)) > 0).all()

    def test_a_large_layer_gives_the_exact_axes_too(self):
        weight = gaussian(1100, 1100)
        weight[:3] *= torch.tensor([[20.0], [10.0], [5.0]])
        expected = np.linalg.svd(weight.numpy())[2][:3]
        found = sefa(Painter(weight), 3).numpy()
        assert np.abs((found * expected).sum(1)).min() > 0.9999

    def test_a_large_layer_leaves_the_random_numbers_alone(self, monkeypatch):
        seeded = []
        monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
        generator, before = Painter(gaussian(1030, 1030)), torch.random.get_rng_state()
        sefa(generator, 3)
        assert not seeded and torch.equal(torch.random.get_rng_state(), before)

    def test_directions_that_there_are_not_are_refused(self):
        generator = Painter(planted(features=8, size=6)[0])
        for count in (0, 7):
            with pytest.raises(ValueError, match=f"count is {count}; give 1 to 6"):
                sefa(generator, count)
            with pytest.raises(ValueError, match=f"count is {count}; give 1 to 6"):
                ganspace(generator, count)
        with pytest.raises(ValueError, match="samples is 1; give many more than 6"):
            ganspace(generator, 2, samples=1)

    def test_ganspace_looks_where_the_generator_is(self):
        assert ganspace(Painter(planted(features=8, size=6)[0]).to("meta"), 2, samples=64).device.type == "meta"

    def test_a_generator_without_a_latent_size_is_a_sentence(self):
        for find in (sefa, ganspace):
            with pytest.raises(TypeError, match="Sequential has no latent_size; set generator.latent_size to"):
                find(nn.Sequential(nn.Linear(5, 3)))

    def test_ganspace_of_a_linear_layer_is_sefa_but_for_sampling(self):
        generator = Painter(planted()[0])
        cosines = (ganspace(generator, 5) * sefa(generator, 5)).sum(1).abs()
        assert cosines.min() > 0.99

    def test_ganspace_is_pca_and_regression_by_numpy(self):
        """The same samples, whole: SVD of the centred activations, then least squares of z on the scores."""
        from gan_lib.training import latents_from_seed

        weight, _ = planted()
        generator = Painter(weight)
        z = latents_from_seed(3, 3000, 24).double().numpy()
        a = np.tanh(z @ weight.double().numpy().T + generator.dense.bias.detach().double().numpy())
        a = a - a.mean(0)
        components = np.linalg.svd(a, full_matrices=False)[2][:4]
        back = np.linalg.lstsq(a @ components.T, z - z.mean(0), rcond=None)[0]
        back /= np.linalg.norm(back, axis=1, keepdims=True)
        found = ganspace(generator, 4, 3000, lambda rows: torch.tanh(generator.dense(rows)), seed=3).numpy()
        np.testing.assert_allclose(np.abs((found * back).sum(1)), 1, atol=1e-4)

    def test_the_first_layer_is_dense_or_the_first_that_fits(self):
        generator = nn.Sequential(nn.Linear(7, 7), nn.Linear(5, 3))
        generator.latent_size = 5
        assert first_layer(generator) is generator[1]
        report = ReportGenerator(5)
        assert first_layer(report) is report.dense
        generator.latent_size = 9
        with pytest.raises(TypeError, match="no linear layer that takes its 9 latent numbers"):
            first_layer(generator)


class TestWithLabels:
    """A painter that paints redness along one latent direction, and greenness along another that leans to it."""

    LEAN = 0.6

    @pytest.fixture
    def red_and_green(self):
        red, other = torch.linalg.qr(gaussian(32, 2)).Q.T
        return red, self.LEAN * red + math.sqrt(1 - self.LEAN**2) * other

    @pytest.fixture
    def painter(self, red_and_green):
        weight = torch.cat([torch.stack(red_and_green), 0.5 * gaussian(1, 32, seed=1)])
        return Painter(weight)

    @staticmethod
    def classifier(images):
        return 8 * images.mean((2, 3))[:, :2]  # saturated, as logits of colour are

    @pytest.mark.parametrize("kind", ["logits", "probabilities", "labels"])
    def test_planted_directions_are_found(self, kind, painter, red_and_green):
        latents = gaussian(2000, 32)
        scores = attribute_scores(painter, self.classifier, latents)
        assert scores.shape == (2000, 2)
        scores = {"logits": scores, "probabilities": scores.sigmoid(), "labels": (scores > 0).float()}[kind]
        found = attribute_directions(latents, scores, ["red", "green"])
        assert list(found) == ["red", "green"]
        for vector, truth in zip(found.values(), red_and_green, strict=True):
            assert vector.norm().item() == pytest.approx(1, abs=1e-5)
            assert vector @ truth > 0.95

    def test_entanglement_is_seen_and_removed(self, painter):
        latents = gaussian(4000, 32)
        scores = attribute_scores(painter, self.classifier, latents)
        found = attribute_directions(latents, scores, ["red", "green"])
        assert entanglement(found)[0, 1].item() == pytest.approx(self.LEAN, abs=0.05)
        pure = conditional(found["red"], found["green"])
        assert abs(pure @ found["green"]) < 1e-5

        def moved(direction):
            images = follow(painter, latents[:50], direction, [-1.0, 1.0]).mean((3, 4))  # (50, 2, 3)
            return (images[:, 1] - images[:, 0]).abs().mean(0)

        plain, alone = moved(found["red"]), moved(pure)
        assert plain[1] > 0.4 * plain[0]  # redder faces came out greener too
        assert alone[1] < 0.1 * alone[0]  # and now they do not

    def test_several_others_are_removed_at_once(self):
        direction, *others = normalize(gaussian(4, 10))
        pure = conditional(direction, torch.stack(others))
        assert torch.stack(others).matmul(pure).abs().max() < 1e-5
        with pytest.raises(ValueError, match="mixture of the others"):
            conditional(others[0] + others[1], torch.stack(others))

    def test_others_that_repeat_or_say_nothing_take_no_more_away(self):
        x, y, z = torch.eye(3)
        expected = torch.tensor([0.0, 1.0, 1.0]) / math.sqrt(2)
        for others in ([x, x], [x, 0 * x], [1000 * x, x / 1000], [x]):
            torch.testing.assert_close(conditional(x + y + z, torch.stack(others)), expected)
        torch.testing.assert_close(conditional(x + y + z, torch.stack([x, y, x + y])), z)
        torch.testing.assert_close(conditional(2 * y, torch.zeros(3)), y)

    def test_scores_that_decide_nothing_are_refused(self):
        latents = gaussian(50, 8)
        with pytest.raises(ValueError, match=r"scores has the shape \(50, 1\).* it must be \(50, 2\)"):
            attribute_directions(latents, torch.rand(50, 1), ["a", "b"])
        with pytest.raises(ValueError, match="b: the same score in every face"):
            attribute_directions(latents, torch.stack([torch.rand(50), torch.ones(50)], 1), ["a", "b"])
        with pytest.raises(ValueError, match="8 latents of 8 numbers decide nothing"):
            attribute_directions(latents[:8], torch.rand(8, 1), ["a"])
        with pytest.raises(ValueError, match="scores are infinite or not numbers"):
            attribute_directions(latents, torch.rand(50, 1).log() / 0, ["a"])
        with pytest.raises(ValueError, match="a: named more than once"):
            attribute_directions(latents, torch.rand(50, 3), ["a", "b", "a"])

    def test_a_classifier_of_one_attribute_may_give_a_row(self, painter):
        scores = attribute_scores(painter, lambda images: images.mean((1, 2, 3)), gaussian(5, 32), batch_size=2)
        assert scores.shape == (5, 1)


def test_following_a_direction_starts_from_the_face_itself():
    generator = ReportGenerator(8).train()
    latents = gaussian(2, 8)
    images = follow(generator, latents, 5 * torch.eye(8)[0], [-2.0, 0.0, 2.0])
    assert images.shape == (2, 3, 3, 64, 64)
    with torch.no_grad():
        generator.eval()
        torch.testing.assert_close(images[:, 1], generator(latents), atol=2e-2, rtol=0)  # bf16 or not
        torch.testing.assert_close(images[:, 2], generator(latents + 2 * torch.eye(8)[0]), atol=2e-2, rtol=0)


def test_a_single_strength_will_do():
    assert follow(ReportGenerator(8), gaussian(2, 8), torch.eye(8)[0], 2.0).shape == (2, 1, 3, 64, 64)


def test_one_direction_may_have_two_names(tmp_path):
    directions = gaussian(5, 16).T[:, 0]
    save_directions({"Smile": directions, "Smiling": directions}, tmp_path / "d.safetensors")
    assert torch.equal(load_directions(tmp_path / "d.safetensors")["Smiling"], directions)


def test_directions_come_back_as_they_were_saved_in_their_order(tmp_path):
    directions = dict(zip(["Smiling", "Blond_Hair", "a.b"], normalize(gaussian(3, 16)), strict=True))
    save_directions(directions, tmp_path / "d.safetensors")
    loaded = load_directions(tmp_path / "d.safetensors")
    assert list(loaded) == list(directions)
    assert all(torch.equal(loaded[name], directions[name]) for name in directions)


def test_a_file_without_directions_is_a_sentence(tmp_path):
    (tmp_path / "d.safetensors").write_bytes(b"nothing")
    for name in ("d.safetensors", "missing.safetensors"):
        with pytest.raises(CheckpointError, match="holds no directions that gan_lib can read"):
            load_directions(tmp_path / name)

"""The doctor, on runs that are healthy and on runs made sick on purpose: small networks, really trained."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import avg_pool2d

from gan_lib import doctor
from gan_lib.cli import main
from gan_lib.data import drawn_faces, to_float, to_uint8
from gan_lib.doctor import Finding, Findings, diagnose, diagnose_folder
from gan_lib.losses import OBJECTIVES
from gan_lib.runs import COLUMNS, read_metrics
from gan_lib.training import RECIPES, NotFiniteError, Recipe, Record, discriminator_step, generator_step

RUN = Path(__file__).parents[1] / "book" / "runs" / "report-celeba9k"
RECIPE = replace(RECIPES["report"], latent_size=8, batch_size=32, learning_rate=1e-3)


@cache
def faces():
    """Drawn faces of 64×64, and the same of 16×16 in [-1, 1] to train on."""
    large = torch.from_numpy(np.asarray(drawn_faces(256).images))
    return large, avg_pool2d(to_float(large), 4)


class Generator(nn.Sequential):
    def __init__(self, *last):
        super().__init__(
            nn.Linear(8, 64), nn.LeakyReLU(0.2), nn.Linear(64, 768), nn.Tanh(), nn.Unflatten(1, (3, 16, 16)), *last
        )

    @torch.no_grad()
    def draw(self, count=64):
        latents = torch.randn(count, 8, generator=torch.Generator().manual_seed(1))
        return to_uint8(self.eval()(latents))


def critic():
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Flatten(0))


def adam(rate, beta=0.5):
    return lambda network: torch.optim.Adam(network.parameters(), rate, (beta, 0.99), fused=True)


def sgd(rate, momentum):
    return lambda network: torch.optim.SGD(network.parameters(), rate, momentum)


def play(recipe: Recipe, G, D, steps, d_optimizer=None, g_optimizer=None, lessons=0):
    """Train G and D on the small faces; D may have lessons before. Ends where numbers cease to be finite."""
    torch.manual_seed(0)
    d_optimizer, g_optimizer = d_optimizer or adam(1e-3)(D), g_optimizer or adam(1e-3)(G)
    half, pairs = recipe.batch_size // 2, OBJECTIVES[recipe.objective].pairs

    def step(number):
        real = faces()[1][torch.randint(256, (half,))]
        metrics = discriminator_step(G, D, d_optimizer, real, torch.randn(half, 8), recipe)
        if number > 0:
            latents = torch.randn(half if pairs else 2 * half, 8)
            metrics |= generator_step(G, D, g_optimizer, latents, recipe, real if pairs else None)
            return Record(number, 0, number, **metrics, images_per_second=1.0)

    records = []
    try:
        for number in range(1 - lessons, steps + 1):
            records.append(step(number))
    except NotFiniteError:
        pass
    return records[lessons:]


@cache
def run(name):
    """A run by name: its records, its objective and its generator."""
    torch.manual_seed(0)
    kind, _, objective = name.partition(": ")
    recipe, G, D = replace(RECIPE, objective=objective or "non-saturating"), Generator(), critic()
    if kind == "healthy":
        penalties = {"wasserstein": {"wgan_gp": 10.0}, "relativistic": {"r1": 0.1, "r2": 0.1}}
        records = play(replace(recipe, **penalties.get(objective, {})), G, D, 200)
    elif kind == "G hardly learns":
        records = play(recipe, G, D, 150, g_optimizer=adam(1e-7)(G))
    elif kind == "D had lessons":
        records = play(recipe, G, D, 150, g_optimizer=adam(1e-5)(G), lessons=100)
    elif kind == "D is not in its optimizer":
        records = play(recipe, G, D, 150, d_optimizer=adam(1e-3)(critic()))
    elif kind == "images are rounded":
        G = Generator(Rounded())
        records = play(recipe, G, D, 60)
    elif kind == "D is dead":
        nn.init.constant_(D[1].bias, -100.0)
        D[2], D[3] = nn.ReLU(), nn.Linear(64, 1, bias=False)
        records = play(recipe, G, D, 60)
    elif kind == "much momentum":
        records = play(recipe, G, D, 250, adam(8e-3, 0.95)(D), adam(8e-3, 0.95)(G))
    elif kind == "absurd rate":
        records = play(recipe, G, D, 100, sgd(3.0, 0.95)(D), sgd(3.0, 0.95)(G))
    return records, recipe.objective, G


class Rounded(nn.Module):
    def forward(self, images):
        return (images * 127.5).round() / 127.5


class TwoBits(nn.Module):
    def forward(self, latents):
        return torch.cat([latents[:, :2].sign(), torch.zeros_like(latents[:, 2:])], 1)


def small_real():
    return to_uint8(faces()[1][:64])


def names(findings):
    return [finding.name for finding in findings]


def examine(name, real=None, images=False):
    records, objective, G = run(name)
    return diagnose(records, G.draw() if images else None, real, objective)


class TestHealthy:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_small_runs_of_every_objective(self, objective):
        found = examine(f"healthy: {objective}")
        assert found == []
        assert str(found) == "Nothing wrong that the doctor can see, over 200 steps."

    @pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
    def test_samples_of_a_healthy_run(self, objective):
        assert examine(f"healthy: {objective}", small_real(), images=True) == []

    def test_the_run_in_the_book(self):
        assert diagnose(read_metrics(RUN / "metrics.csv")) == []
        assert diagnose_folder(RUN) == []

    @pytest.mark.parametrize("steps", [0, 1, 19, 60, 400, 1500])
    def test_the_beginning_of_the_run_in_the_book(self, steps):
        metrics = {name: values[:steps] for name, values in read_metrics(RUN / "metrics.csv").items()}
        assert diagnose(metrics) == []


class TestWinning:
    @pytest.mark.parametrize("objective", [name for name in OBJECTIVES if name != "wasserstein"])
    def test_a_generator_that_hardly_learns(self, objective):
        (found,) = examine(f"G hardly learns: {objective}")
        assert (found.name, found.severity) == ("discriminator-wins", "serious")
        assert found.steps[1] == 150
        assert found.steps[0] < 100

    def test_minimax_saturates(self):
        (found,) = examine("D had lessons: minimax")
        assert found.name == "discriminator-wins"
        assert "which under minimax has the factor D(G(z)), was cut to" in found.sentence
        assert found.advice.startswith("the non-saturating objective")
        assert str(found).endswith(found.advice)

    def test_a_short_lead_is_fine(self):
        assert diagnose(run("G hardly learns: hinge")[0][:100], objective="hinge") == []

    def test_a_lead_that_is_lost_is_a_warning(self):
        records = run("G hardly learns: non-saturating")[0] + run("healthy: non-saturating")[0]
        (found,) = diagnose([replace(record, step=i) for i, record in enumerate(records, 1)])
        assert found.severity == "warning"
        assert found.sentence.endswith("It has been caught since.")


class TestWeak:
    @pytest.mark.parametrize("objective", ["non-saturating", "hinge", "relativistic", "wasserstein"])
    def test_a_discriminator_that_is_not_in_its_optimizer(self, objective):
        found = examine(f"D is not in its optimizer: {objective}")
        assert names(found) == ["discriminator-weak"]
        assert "not frozen for the generator's step and never thawed" in found[0].advice

    def test_its_samples(self):
        found = examine("D is not in its optimizer: non-saturating", small_real(), images=True)
        assert {"noise", "discriminator-weak"} <= set(names(found))
        assert found[0].severity == "serious"  # comes first


class TestStill:
    def test_images_that_are_rounded_in_training(self):
        found = examine("images are rounded")
        assert "no-gradient" in names(found)
        assert "the gradient of the generator is exactly zero" in str(found)

    def test_a_discriminator_of_dead_units(self):
        found = examine("D is dead")
        assert "the gradient of the discriminator" in str(found)


class TestSwings:
    def test_much_momentum(self):
        found = examine("much momentum")
        assert "oscillation" in names(found)
        assert "β₁ of 0 or 0.5" in str(found)

    def test_an_absurd_rate_explodes_and_nothing_else_is_said(self):
        records, *_ = run("absurd rate")
        assert len(records) < 100
        found = diagnose(records)
        assert found[0].name == "explosion"
        assert found[0].steps[1] == len(records)

    def test_growing_swings_are_serious(self):
        lead = 0.9 * np.sin(np.arange(300) / 8) * np.linspace(0.8, 3, 300)
        metrics = {name: np.ones(300) for name in ("d_loss", "g_loss", "d_grad_norm", "g_grad_norm")}
        metrics |= {"step": np.arange(1, 301), "d_loss": np.log(2) * (1 - lead)}
        (found,) = diagnose(metrics)
        assert (found.name, found.severity) == ("oscillation", "serious")
        assert "the swings grow" in found.sentence

    @pytest.mark.parametrize("column", ["d_loss", "g_grad_norm"])
    def test_numbers_that_are_none(self, column):
        records = list(run("healthy: hinge")[0])
        records[150:] = [replace(record, **{column: np.nan}) for record in records[150:]]
        (found,) = diagnose(records, objective="hinge")
        assert (found.name, found.steps) == ("not-finite", (151, 200))
        assert found.sentence == f"{column} ceased to be a number."


class TestSamples:
    """Of 64×64 as the report's; the curves beside them are those of the book's run."""

    @staticmethod
    def see(images, real=None):
        return diagnose(read_metrics(RUN / "metrics.csv"), images, real)

    def test_real_faces(self):
        large = faces()[0]
        assert self.see(large[:128], large[128:]) == self.see(large) == []

    def test_noise(self):
        images = torch.randint(0, 256, (64, 3, 64, 64), dtype=torch.uint8)
        assert "noise" in names(self.see(images))
        assert "noise" in names(self.see(images, faces()[0]))

    def test_all_alike(self):
        one = faces()[0][:1].float()
        images = (one + 3 * torch.randn(32, 3, 1, 1)).clamp(0, 255).byte()
        assert names(self.see(images)) == ["collapse"]
        assert "real faces are " in self.see(images, faces()[0])[0].sentence

    def test_noise_does_not_pass_for_variety(self):
        one = faces()[0][:1].float()
        images = (one + 40 * torch.randn(32, 3, 64, 64)).clamp(0, 255).byte()
        assert "collapse" in names(self.see(images))

    def test_a_generator_that_looks_at_two_bits_of_its_noise(self):
        """Really trained: four faces, each drawn again and again."""
        torch.manual_seed(0)
        G = Generator()
        G.insert(0, TwoBits())
        records = play(RECIPE, G, critic(), 150)
        assert "repetition" in names(diagnose(records, G.draw(), small_real()))

    @pytest.mark.parametrize(
        ("leak", "name"),
        [("cutout", "patches"), ("translation", "borders"), ("colour", "colours"), ("tint", "colours")],
    )
    def test_augmentations_that_leak(self, leak, name):
        """What a perfect generator would draw if only the real images were augmented, DiffAugment's way."""
        large, random = faces()[0], np.random.default_rng(0)
        images = large[:128].clone()
        for image in images:
            x, y = random.integers(0, 48, 2)
            if leak == "cutout":
                image[:, y : y + 32, x : x + 32] = 127
            elif leak == "translation":
                x, y = random.integers(1, 9, 2)
                image[:] = nn.functional.pad(image, (x, 0, y, 0), value=127)[:, :64, :64]
            elif leak == "colour":
                image[:] = (image + random.uniform(-64, 64)).clamp(0, 255)
            else:
                image[:] = (image + torch.tensor([0, 0, 60])[:, None, None]).clamp(0, 255)
        assert name in names(self.see(images, large[128:]))
        assert self.see(images) == []  # without real images nothing can be said

    @pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
    def test_a_border_is_seen_at_each_edge(self, edge):
        large = faces()[0]
        images = large[:128].clone()
        rim = {"top": np.s_[:4], "bottom": np.s_[-4:], "left": np.s_[:, :4], "right": np.s_[:, -4:]}[edge]
        for image in images:
            image.permute(1, 2, 0)[rim] = 127
        assert names(self.see(images, large[128:])) == ["borders"]

    @pytest.mark.parametrize(
        "images",
        [torch.zeros(64, 3, 8, 8), torch.zeros(3, 3, 8, 8, dtype=torch.uint8), np.zeros((64, 8), np.uint8)],
    )
    def test_what_cannot_be_looked_at(self, images):
        with pytest.raises(ValueError, match="at least 16 of shape"):
            self.see(images)


def test_an_unknown_objective():
    with pytest.raises(ValueError, match="objective is 'mse'; choose one of minimax"):
        diagnose([], objective="mse")


def test_records_that_can_be_read_once_are_enough():
    record = Record(1, 0, 1, float("nan"), 0.5, 0.5, 1.0, 1.0, 1.0, 1.0)
    sick = [replace(record, step=step) for step in range(1, 31)]
    assert [finding.name for finding in diagnose(iter(sick))] == ["not-finite"]


def test_a_folder_is_judged_by_its_own_objective(tmp_path):
    lines = [f"{i},0,{i},0.1,1,1,3,1,1,1" for i in range(1, 201)]
    (tmp_path / "metrics.csv").write_text("\n".join([",".join(COLUMNS), *lines, ""]))
    for objective, expected in (("hinge", ["discriminator-wins"]), ("non-saturating", [])):
        (tmp_path / "recipe.json").write_text(json.dumps({"recipe": {"objective": objective}}))
        assert names(diagnose_folder(tmp_path)) == expected


def test_a_sheet_from_before_the_run_says_nothing_of_its_end(tmp_path):
    (tmp_path / "samples").mkdir()
    Image.new("RGB", (512, 512), "grey").save(tmp_path / "samples" / "000000.png")  # 64 images that are all alike
    for name in ("recipe.json", "metrics.csv"):
        (tmp_path / name).write_bytes((RUN / name).read_bytes())
    assert not diagnose_folder(tmp_path)
    (tmp_path / "samples" / "000000.png").rename(tmp_path / "samples" / "004746.png")
    assert [finding.name for finding in diagnose_folder(tmp_path)] == ["collapse"]


def test_a_sheet_of_another_size_is_a_sentence(tmp_path):
    Image.new("RGB", (100, 128)).save(tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="sheet.png is 100×128 pixels; a sheet is made of images of 64×64"):
        doctor.read_sheet(tmp_path / "sheet.png")


def test_every_objective_has_its_shrug():
    """What a D pays that says the same of everything, by the objectives themselves; the best constant there is."""
    levels = torch.linspace(-1, 1, 201)[:, None].expand(-1, 4)
    for name, objective in OBJECTIVES.items():
        least = min(objective.discriminator(level, level).item() for level in levels)
        assert doctor.SHRUG[name] == pytest.approx(least, abs=1e-4)


def test_findings_are_printed_as_sentences():
    finding = Finding("noise", "serious", (7, 7), "the samples are noise.")
    expected = f"noise (serious, step 7): the samples are noise.\n    Try: {finding.advice}"
    assert str(Findings([finding], 7)) == repr(Findings([finding], 7)) == expected
    assert str(Findings([], 1)).endswith("over 1 step.")


def test_the_command(capsys, tmp_path):
    assert main(["doctor", str(RUN)]) == 0
    assert capsys.readouterr().out == "Nothing wrong that the doctor can see, over 4746 steps.\n"
    assert main(["doctor", str(RUN), "--faces", "drawn:64"]) == 0
    assert main(["doctor", str(tmp_path)]) == 1
    assert "There is no run in" in capsys.readouterr().err

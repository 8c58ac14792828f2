"""The training loop: what a step does, what a record says, how a run stops."""

import json
import math
import os
import signal
import threading
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import nn

from gan_lib.checkpoints import load_checkpoint
from gan_lib.data import Faces, to_float
from gan_lib.losses import OBJECTIVES, r1_penalty
from gan_lib.training import (
    LADDER,
    RECIPES,
    Batches,
    NotFiniteError,
    Recipe,
    Record,
    TrainingState,
    discriminator_step,
    frozen,
    generator_step,
    gradient_norm,
    latents_from_seed,
    make_fabric,
    mirror_half,
    penalties,
    sample,
    train,
)


def weights_of(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def moved(network, before):
    """Names of the parameters that changed."""
    return {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}


def seen_by(network):
    """A list of all that the network is given from now on."""
    seen = []
    network.register_forward_pre_hook(lambda network, inputs: seen.append(inputs[0].detach()))
    return seen


def test_the_report_recipe_is_the_reports():
    recipe = RECIPES["report"]
    assert (recipe.steps, recipe.batch_size, recipe.epoch_steps) == (4746, 256, 791)
    assert recipe.steps == 6 * recipe.epoch_steps
    assert (recipe.latent_size, recipe.objective) == (4096, "non-saturating")
    assert RECIPES["report-formula"] == replace(recipe, objective="minimax")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "vgg"}, "network is 'vgg'; choose one of"),
        ({"objective": "mse"}, "objective is 'mse'; choose one of"),
        ({"batch_size": 7}, "batch_size is 7; it must be even"),
        ({"steps": 0}, "steps is 0; it must be above zero"),
        ({"r1": -1.0}, r"r1 is -1\.0; it must be zero or more"),
        ({"betas": (0.5, 1.0)}, "two numbers from 0 to below 1"),
        ({"precision": "fp8"}, "precision is 'fp8'"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"r1": math.inf}, "r1 is inf; it must be zero or more, and finite"),
        ({"batch_size": 2}, "batch_size is 2; it must be even and 4 or more"),  # batch norm of one image
        ({"steps": 2.5}, r"steps is 2\.5; it must be a whole number"),
        ({"steps": "600"}, "steps is '600'; it must be a whole number"),
        ({"r2": "much"}, "r2 is 'much'; it must be a number"),
        ({"betas": 0.5}, r"betas is 0\.5; it must be two numbers"),
        ({"seed": -1}, "seed is -1; it must be zero or more"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        Recipe(**change)


def test_numbers_of_other_kinds_become_plain_ones(tiny, noise_faces):
    recipe = replace(tiny, steps=np.int64(2), betas=(0, np.float32(0.5)), r1=1)
    assert json.dumps(asdict(recipe))
    assert recipe.betas == (0.0, 0.5) and type(recipe.r1) is float
    assert len(list(train(recipe, noise_faces))) == 2


def test_a_rate_may_fall_to_zero():
    assert Recipe(learning_rate_end=0.0).at(Recipe().steps).learning_rate == 0


def test_a_record_reads_as_the_reports_line():
    record = Record(2, 0, 1, 0.581309, 0.5, 0.765625, 0.870803, 1.0, 2.0, 400.0)
    assert str(record) == "0 1 [D loss: 0.581309, acc.: 63.28%] [G loss: 0.870803]"


def test_a_discriminator_step_moves_the_discriminator_alone(tiny):
    state = TrainingState(tiny)
    g_before, d_before = weights_of(state.generator), weights_of(state.discriminator)
    real, latents = torch.rand(4, 3, 64, 64), state.latents(4)
    metrics = discriminator_step(state.generator, state.discriminator, state.d_optimizer, real, latents, tiny)
    assert not moved(state.generator, g_before)
    assert moved(state.discriminator, d_before) == {name for name, _ in state.discriminator.named_parameters()}
    assert set(metrics) == {"d_loss", "d_accuracy_real", "d_accuracy_fake", "d_grad_norm"}


def test_a_generator_step_moves_the_generator_alone(tiny):
    state = TrainingState(tiny)
    g_before, d_before = weights_of(state.generator), weights_of(state.discriminator)
    generator_step(state.generator, state.discriminator, state.g_optimizer, state.latents(4), tiny)
    assert moved(state.generator, g_before) == {name for name, _ in state.generator.named_parameters()}
    assert not moved(state.discriminator, d_before)
    assert all(p.requires_grad for p in state.discriminator.parameters())


def test_metrics_are_those_of_the_logits(tiny):
    """Recomputed from the networks as they were before the step, with PyTorch's own functions."""
    state = TrainingState(tiny)
    real, latents = torch.rand(4, 3, 64, 64) * 2 - 1, state.latents(4)
    with torch.no_grad():
        logits = state.discriminator(torch.cat([real, state.generator(latents)]))
    labels = torch.tensor([1.0] * 4 + [0.0] * 4)
    metrics = discriminator_step(state.generator, state.discriminator, state.d_optimizer, real, latents, tiny)
    expected = nn.functional.binary_cross_entropy_with_logits(logits, labels).item()
    assert metrics["d_loss"] == pytest.approx(expected, rel=1e-5)
    right = ((logits > 0) == labels.bool()).float()
    assert metrics["d_accuracy_real"] == right[:4].mean().item()
    assert metrics["d_accuracy_fake"] == right[4:].mean().item()


def test_pairs_need_real_images(tiny):
    state, recipe = TrainingState(tiny), replace(tiny, objective="relativistic")
    with pytest.raises(ValueError, match="compares pairs: give generator_step real images"):
        generator_step(state.generator, state.discriminator, state.g_optimizer, state.latents(4), recipe)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_every_objective_trains(name, tiny, noise_faces):
    records = list(train(replace(tiny, objective=name, steps=2), noise_faces))
    assert [record.step for record in records] == [1, 2]
    assert all(math.isfinite(record.d_loss) and math.isfinite(record.g_loss) for record in records)


def test_penalties_weigh_in(tiny):
    """One step with R1 is one step on loss + γ R1, computed here by hand."""
    real, weight = torch.rand(4, 3, 64, 64), 3.0
    ours, by_hand = TrainingState(tiny), TrainingState(tiny)
    latents = ours.latents(4)
    recipe = replace(tiny, r1=weight)
    discriminator_step(ours.generator, ours.discriminator, ours.d_optimizer, real, latents, recipe)
    D = by_hand.discriminator
    real_logits, fake_logits = D(torch.cat([real, by_hand.generator(latents).detach()])).chunk(2)
    loss = OBJECTIVES[tiny.objective].discriminator(real_logits, fake_logits) + weight * r1_penalty(D, real)
    loss.backward()
    by_hand.d_optimizer.step()
    for mine, theirs in zip(ours.discriminator.parameters(), D.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_r1_is_paid_on_real_images_r2_on_generated_ones_and_they_add_up(tiny):
    def bowl(x):
        return x.square().flatten(1).sum(1) / 2

    real, fake = torch.randn(2, 4, 3, 8, 8, dtype=torch.float64)
    found = penalties(bowl, real, fake, replace(tiny, r1=3.0, r2=5.0))
    torch.testing.assert_close(found, 3 * bowl(real).mean() + 5 * bowl(fake).mean())


def test_penalties_are_in_full_precision_under_fabric(tiny):
    recipe = replace(tiny, r1=1.0, precision="bf16-mixed")
    D, real = TrainingState(recipe).discriminator, torch.rand(4, 3, 64, 64)
    wrapped = make_fabric(recipe, real.device).setup_module(D)
    found = penalties(wrapped, real, real, recipe)
    torch.testing.assert_close(found, r1_penalty(D, real), rtol=1e-5, atol=0)


@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_whatever_the_discriminator_sees_is_distorted(objective, tiny):
    recipe, state = replace(tiny, augment=1.0, objective=objective), TrainingState(tiny)
    seen, real = seen_by(state.discriminator), torch.ones(4, 3, 64, 64)
    discriminator_step(state.generator, state.discriminator, state.d_optimizer, real, state.latents(4), recipe)
    generator_step(state.generator, state.discriminator, state.g_optimizer, state.latents(4), recipe, real)
    assert len(seen) == (4 if objective == "relativistic" else 3)
    for shown in seen:
        assert ((shown == 0).all(1).sum((1, 2)) >= 16 * 16).all()


def test_the_gradient_norm_is_that_of_one_long_vector():
    network = nn.Linear(3, 2)
    network(torch.ones(1, 3)).sum().backward()
    flat = torch.cat([p.grad.flatten() for p in network.parameters()])
    torch.testing.assert_close(gradient_norm(network), flat.norm())


def test_epochs_are_counted_as_the_report_does(tiny, noise_faces):
    records = list(train(replace(tiny, epoch_steps=4), noise_faces))
    assert [(r.epoch, r.batch) for r in records] == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2)]


def test_without_epoch_steps_an_epoch_is_one_pass(tiny, noise_faces):
    records = list(train(replace(tiny, epoch_steps=0, steps=11), noise_faces))  # 40 faces, 4 a batch
    assert [r.epoch for r in records] == [0] * 10 + [1]


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tiny, noise_faces):
    def run(seed):
        return [(r.d_loss, r.g_loss) for r in train(replace(tiny, seed=seed, steps=3), noise_faces)]

    assert run(0) == run(0) != run(1)


def test_the_seed_decides_weights_noise_and_order_each(tiny, noise_faces):
    first, second = [], []
    for seed, found in ((0, first), (1, second)):
        recipe = replace(tiny, seed=seed, steps=1, flip=False)
        state = TrainingState(recipe)
        found += [state.generator.dense.weight.detach().clone(), state.latents(1)]
        seen = seen_by(state.discriminator)
        list(train(recipe, noise_faces, state))
        found.append(seen[0])
    assert not any(map(torch.equal, first, second))


@pytest.mark.parametrize(("objective", "rows"), [("non-saturating", [4, 8]), ("relativistic", [4, 4])])
def test_g_draws_half_a_batch_for_d_and_a_whole_one_or_the_pairs_for_itself(objective, rows, tiny, noise_faces):
    recipe = replace(tiny, objective=objective, steps=1)
    state = TrainingState(recipe)
    seen = seen_by(state.generator)
    list(train(recipe, noise_faces, state))
    assert [len(latents) for latents in seen] == rows


def test_every_pass_shows_every_face_once():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    batches = Batches(images, 4, seed=0)
    seen = torch.cat([batches[i] for i in range(5)]).flatten().tolist()  # two passes of ten
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    assert torch.equal(Batches(images, 4, seed=0)[3], batches[3])


def test_about_half_are_mirrored():
    images = torch.rand(400, 1, 2, 3)
    result = mirror_half(images, torch.Generator().manual_seed(0))
    same = (result == images).flatten(1).all(1)
    mirrored = (result == images.flip(-1)).flatten(1).all(1)
    assert (same | mirrored).all()
    assert 160 < mirrored.sum() < 240


@pytest.mark.parametrize(("flip", "left"), [(True, {-1.0, 1.0}), (False, {-1.0})])
def test_faces_are_mirrored_where_the_recipe_says(flip, left, tiny):
    pixels = np.zeros((40, 3, 64, 64), np.uint8)
    pixels[..., 32:] = 255
    state = TrainingState(tiny)
    seen = seen_by(state.discriminator)
    list(train(replace(tiny, flip=flip), Faces(pixels), state))
    assert set(torch.cat(seen[::3])[:, 0, 0, 0].tolist()) == left


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_perfect_discriminator_is_right_about_all(name):
    """Trained to the end on two points, it is on the right side of its border, where its loss fixes one."""
    objective = OBJECTIVES[name]
    logits = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.05)
    for _ in range(400):
        optimizer.zero_grad()
        objective.discriminator(logits[:1], logits[1:]).backward()
        optimizer.step()
    assert objective.accuracies(logits[:1], logits[1:]) == (1.0, 1.0)
    if name == "least-squares":  # labels 1 and 0
        assert objective.accuracies(torch.tensor([0.4, 0.6]), torch.tensor([0.4])) == (0.5, 1.0)


def test_frozen_lets_gradients_pass_but_not_in():
    network, x = nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
    with frozen(network):
        network(x).sum().backward()
    assert x.grad is not None and network.weight.grad is None
    assert network.weight.requires_grad
    network.bias.requires_grad_(False)
    with frozen(network):
        pass
    assert network.weight.requires_grad and not network.bias.requires_grad


def test_frozen_thaws_when_the_block_is_interrupted():
    network = nn.Linear(2, 1)
    with pytest.raises(KeyboardInterrupt), frozen(network):
        raise KeyboardInterrupt
    assert network.weight.requires_grad


@pytest.mark.parametrize("ramp", [0.5, 0.0])
def test_the_average_is_the_one_computed_by_hand(ramp, tiny, noise_faces):
    recipe = replace(tiny, ema_half_life=16, ema_ramp=ramp, steps=6)
    state = TrainingState(recipe)

    def watched(generator):
        return torch.cat([generator.dense.weight.detach().flatten(), generator.norm1.running_mean])

    average = None
    for record in train(recipe, noise_faces, state):
        half_life = min(16, ramp * record.step * recipe.batch_size) if ramp else 16  # grows with the run
        decay = 0.5 ** (recipe.batch_size / half_life)
        now = watched(state.generator)
        average = now if average is None else decay * average + (1 - decay) * now
    torch.testing.assert_close(watched(state.ema), average)
    assert state.sampler is state.ema


@pytest.mark.parametrize("change", [{"latent_size": 9}, {"network": "modern"}, {"ema_half_life": 100}])
def test_players_of_another_recipe_are_refused(change, tiny, noise_faces):
    state, name = TrainingState(tiny), next(iter(change))
    with pytest.raises(
        ValueError, match=f"The recipe has {name} .*, and the state was made with .*; make it anew"
    ):
        next(train(replace(tiny, **change), noise_faces, state))


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_numbers_that_are_not_finite_stop_the_run_and_keep_the_checkpoint(player, tiny, noise_faces, tmp_path):
    state = TrainingState(tiny)
    run = train(tiny, noise_faces, state, tmp_path, checkpoint_every=2)
    for _ in range(3):
        next(run)
    with torch.no_grad():
        next(getattr(state, player).parameters()).fill_(math.inf)
    with pytest.raises(NotFiniteError, match=r"Step 4 stopped: the .* try a smaller learning_rate"):
        next(run)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000002.safetensors"]


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_an_infinite_gradient_moves_no_weight(player, tiny):
    state = TrainingState(tiny)
    network, real = getattr(state, player), torch.rand(4, 3, 64, 64)
    before = weights_of(network)

    def overflow(loss):
        loss.backward()
        next(network.parameters()).grad[0, 0] = math.inf

    players, latents = (state.generator, state.discriminator), state.latents(4)
    with pytest.raises(NotFiniteError, match=f"the {player}'s loss .* norm inf"):
        if player == "discriminator":
            discriminator_step(*players, state.d_optimizer, real, latents, tiny, overflow)
        else:
            generator_step(*players, state.g_optimizer, latents, tiny, backward=overflow)
    assert not moved(network, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_step_and_saves(number, tiny, noise_faces, tmp_path):
    before = signal.getsignal(number)
    steps = []
    for record in train(tiny, noise_faces, folder=tmp_path):
        steps.append(record.step)
        if record.step == 2:
            os.kill(os.getpid(), number)
    assert steps == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000002.safetensors"]
    assert signal.getsignal(number) is before


def test_a_forgotten_run_does_not_swallow_ctrl_c(tiny, noise_faces):
    """A run kept in a variable still listens: the first Ctrl-C is its own, the second everyone's."""
    run = train(tiny, noise_faces)
    next(run)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    run.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_state_takes_the_recipe_that_it_is_trained_by(tiny, noise_faces, tmp_path):
    state, other = TrainingState(tiny), replace(tiny, objective="hinge", betas=(0.0, 0.9), steps=2)
    list(train(other, noise_faces, state, tmp_path))
    assert load_checkpoint(tmp_path).recipe == state.recipe == other
    assert state.d_optimizer.param_groups[0]["betas"] == (0.0, 0.9)


def test_checkpoints_are_saved_every_so_many_steps_or_more(noise_faces, tiny):
    with pytest.raises(ValueError, match="checkpoint_every is 0; it must be 1 or more"):
        next(train(tiny, noise_faces, checkpoint_every=0))


def test_leaving_the_loop_saves(tiny, noise_faces, tmp_path):
    for record in train(tiny, noise_faces, folder=tmp_path):
        if record.step == 3:
            break
    del record
    assert (tmp_path / "checkpoint-0000003.safetensors").exists()


def test_training_works_in_a_thread(tiny, noise_faces):
    records = []
    thread = threading.Thread(target=lambda: records.extend(train(replace(tiny, steps=2), noise_faces)))
    thread.start()
    thread.join()
    assert len(records) == 2


def test_too_few_faces_and_a_wrong_size_are_refused(tiny, noise_faces):
    with pytest.raises(ValueError, match="2 faces are too few for batches of 8"):
        next(train(tiny, noise_faces[:2]))
    small = Faces(np.zeros((40, 3, 32, 32), np.uint8))
    with pytest.raises(ValueError, match="The faces are 32×32"):
        next(train(tiny, small))


def test_the_report_learns_on_something_easy():
    """Grey faces of one brightness: the generator's mean brightness goes there."""
    faces = Faces(np.full((64, 3, 64, 64), 200, np.uint8))
    recipe = replace(RECIPES["report"], latent_size=16, batch_size=16, steps=60, learning_rate=1e-3)
    state = TrainingState(recipe)
    latents = latents_from_seed(0, 16, 16)
    target = to_float(torch.full((1,), 200, dtype=torch.uint8)).item()
    start = (sample(state.generator, latents).mean() - target).abs()
    for _ in train(recipe, faces, state):
        pass
    assert (sample(state.generator, latents).mean() - target).abs() < 0.5 * start


def test_latents_are_brought_to_the_generator(tiny, monkeypatch):
    """Shown on PyTorch's device without memory, whose drawing is not to be had."""
    monkeypatch.setattr("gan_lib.training._draw", lambda generator, rows: rows)
    assert sample(TrainingState(tiny).generator.to("meta"), torch.zeros(3, 8)).device.type == "meta"


def test_a_gpus_random_numbers_are_left_alone(tiny, monkeypatch):
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
    TrainingState(tiny)


def test_sampling_leaves_the_mode_and_depends_on_the_latents_alone(tiny):
    generator = TrainingState(tiny).generator.train()
    latents = latents_from_seed(5, 9, 8)
    one = sample(generator, latents, batch_size=4)
    assert generator.training
    torch.testing.assert_close(sample(generator, latents, batch_size=9), one, atol=0.02, rtol=0)  # bf16 or not
    assert torch.equal(latents, latents_from_seed(5, 9, 8))


def test_sampling_keeps_no_gradients(tiny):
    assert not sample(TrainingState(tiny).generator, latents_from_seed(0, 2, 8)).requires_grad


def test_bf16_gives_nearly_the_same_step(noise_faces, tiny):
    full, half = (next(train(replace(tiny, precision=p), noise_faces)) for p in ("32-true", "bf16-mixed"))
    assert half.d_loss == pytest.approx(full.d_loss, rel=0.02)
    assert half.g_loss == pytest.approx(full.g_loss, rel=0.02)


def test_a_recipe_falls_along_half_a_cosine():
    recipe = Recipe(steps=100, learning_rate=4e-4, learning_rate_end=1e-4, r1=2.0, penalty_end=0.25)
    for step in (0, 25, 50, 75, 100):
        left = (1 + math.cos(math.pi * step / 100)) / 2
        assert recipe.at(step).learning_rate == pytest.approx(1e-4 + left * 3e-4)
        assert recipe.at(step).r1 == pytest.approx(0.5 + left * 1.5)
    assert recipe.at(150) == recipe.at(100)


def test_a_recipe_without_ends_stays_as_it_is():
    recipe = Recipe(steps=100, r1=2.0)
    assert recipe.at(0) == recipe.at(70) == recipe


def test_lazy_penalties_weigh_the_same_in_the_mean():
    recipe = Recipe(r1=2.0, r2=1.0, penalty_every=4)
    assert [recipe.at(step).r1 for step in range(5)] == [8.0, 0.0, 0.0, 0.0, 8.0]
    assert sum(recipe.at(step).r2 for step in range(8)) / 8 == recipe.r2


def test_the_optimizers_follow_the_recipe(tiny, noise_faces):
    recipe = replace(tiny, learning_rate_end=0.0, steps=4)
    state = TrainingState(recipe)
    rates = [
        [opt.param_groups[0]["lr"] for opt in (state.g_optimizer, state.d_optimizer)]
        for _ in train(recipe, noise_faces, state)
    ]
    expected = [recipe.learning_rate * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)]
    assert rates == [pytest.approx([rate, rate]) for rate in expected]


@pytest.mark.parametrize(
    "field, value", [("augment", 1.5), ("penalty_every", 0), ("learning_rate_end", -1.0), ("ema_ramp", -0.1)]
)
def test_the_newer_fields_refuse_nonsense(field, value):
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        Recipe(**{field: value})


@pytest.mark.parametrize("change", [{"augment": 0.5}, {"objective": "wasserstein", "wgan_gp": 10.0}])
def test_all_randomness_comes_from_the_states_own_generator(change, tiny, noise_faces):
    recipe, finals = replace(tiny, network="plain-conv", steps=2, **change), []
    for ambient in (1, 2):
        torch.manual_seed(ambient)
        state = TrainingState(recipe)
        list(train(recipe, noise_faces, state))
        finals.append(state.discriminator.logit.weight)
    assert torch.equal(*finals)


def test_the_ladder_climbs_from_the_reports_networks_to_residual_ones():
    rungs = list(LADDER.values())
    assert (rungs[0].network, rungs[0].latent_size, rungs[0].objective) == ("report", 4096, "non-saturating")
    assert {(r.steps, r.batch_size) for r in rungs} == {(600, 64)}  # one budget
    for above, below in zip(rungs[:-4], rungs[1:-3], strict=True):  # what is won stays won
        assert below.r1 >= above.r1 and below.ema_half_life >= above.ema_half_life
    assert rungs[7].network == "modern" and rungs[7].augment > 0

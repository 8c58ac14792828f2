"""Checkpoints: whole, atomic, safe; a killed run that is resumed ends where the other one ends."""

import gc
import json
import os
import random
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gan_lib.checkpoints import (
    CheckpointError,
    checkpoints_in,
    latest_checkpoint,
    load_checkpoint,
    resume,
    save_checkpoint,
    write_safetensors,
)
from gan_lib.runs import record_run
from gan_lib.training import RECIPES, TrainingState, train

STEPS = 12


def start_run(folder):
    """A run in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("kill_me.py")), str(folder), str(STEPS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def tensors_of(path):
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert start_run(folder).wait() == 0
    return tensors_of(latest_checkpoint(folder))


def test_a_run_killed_again_and_again_ends_bit_for_bit_where_the_other_ends(whole_run, tmp_path):
    """SIGKILL at random moments, also while a checkpoint is being written."""
    moments, kills = random.Random(0), 0
    while not (tmp_path / f"checkpoint-{STEPS:07d}.safetensors").exists():
        process = start_run(tmp_path)
        begun = int(process.stdout.readline().split()[1])
        for _ in range(moments.choice([2, 3, 5])):  # at least one new checkpoint, then somewhere in a step
            if not process.stdout.readline():
                break
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.wait()
        kills += 1
        assert begun % 2 == 0
    assert kills >= 3
    resumed = tensors_of(latest_checkpoint(tmp_path))
    assert resumed.keys() == whole_run.keys()
    assert all(torch.equal(resumed[name], value) for name, value in whole_run.items())


def test_sigterm_ends_a_run_gently(tmp_path):
    process = start_run(tmp_path)
    for _ in range(4):
        process.stdout.readline()
    process.terminate()
    assert process.wait() == 0
    said = process.stdout.read().split()
    last = int(said[-1]) if said else 3
    assert last < STEPS
    assert latest_checkpoint(tmp_path).name == f"checkpoint-{last:07d}.safetensors"


@pytest.fixture
def trained(tiny, noise_faces):
    recipe = replace(tiny, ema_half_life=16, steps=2)
    state = TrainingState(recipe)
    list(train(recipe, noise_faces, state))
    return state


def test_everything_comes_back(trained, tmp_path):
    copy = load_checkpoint(save_checkpoint(trained, tmp_path))
    assert (copy.step, copy.recipe) == (trained.step, trained.recipe)
    for network in ("generator", "discriminator", "average"):
        ours, theirs = (getattr(s, network).state_dict() for s in (trained, copy))
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(trained.latents(3), copy.latents(3))
    torch.testing.assert_close(copy.g_optimizer.state_dict()["state"], trained.g_optimizer.state_dict()["state"])


def test_the_newest_two_are_kept(trained, tmp_path):
    for step in (2, 4, 6, 8):
        trained.step = step
        save_checkpoint(trained, tmp_path)
    assert [path.name for path in checkpoints_in(tmp_path)] == [
        "checkpoint-0000006.safetensors",
        "checkpoint-0000008.safetensors",
    ]
    assert load_checkpoint(tmp_path).step == 8


def test_another_runs_folder_is_refused_and_left_as_it_is(trained, tiny, noise_faces, tmp_path):
    for step in (2, 4):
        trained.step = step
        save_checkpoint(trained, tmp_path)
    (tmp_path / "metrics.csv").write_text("step\n1\n2\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    new = TrainingState(tiny)
    for attempt in (
        lambda: save_checkpoint(new, tmp_path),
        lambda: next(train(tiny, noise_faces, new, tmp_path)),
        lambda: next(record_run(train(tiny, noise_faces, new), new, noise_faces, tmp_path)),
    ):
        with pytest.raises(CheckpointError, match="holds checkpoint-0000004.* at step 0; go on from there with"):
            attempt()
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_two_may_write_into_one_folder_and_what_was_abandoned_goes(tmp_path):
    abandoned, young = tmp_path / ".old.safetensors.part", tmp_path / ".young.safetensors.part"
    for path in (abandoned, young):
        path.write_bytes(b"half")
    os.utime(abandoned, (0, 0))
    write_safetensors(tmp_path / "mine.safetensors", {"a": torch.ones(3)}, {})
    assert {path.name for path in tmp_path.iterdir()} == {young.name, "mine.safetensors"}


def test_a_copy_put_aside_is_not_taken_for_the_newest(trained, tmp_path):
    best = save_checkpoint(trained, tmp_path).rename(tmp_path / "checkpoint-best.safetensors")
    for step in (3, 4, 5):
        trained.step = step
        save_checkpoint(trained, tmp_path)
    assert load_checkpoint(tmp_path).step == 5 and load_checkpoint(best).step == 2
    assert len(checkpoints_in(tmp_path)) == 2


def test_random_numbers_of_another_kind_of_device_are_begun_anew(trained, tmp_path):
    """A GPU's generator is 16 bytes; what it drew cannot be gone on with, but the faces can be seen."""
    trained.random = SimpleNamespace(get_state=lambda: torch.zeros(16, dtype=torch.uint8))
    state = load_checkpoint(save_checkpoint(trained, tmp_path))
    assert (state.step, state.latents(2).shape) == (2, (2, 8))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs a list of what is mapped")
def test_a_loaded_state_lets_go_of_the_file(trained, tmp_path):
    state = load_checkpoint(save_checkpoint(trained, tmp_path))
    gc.collect()
    assert str(tmp_path) not in Path("/proc/self/maps").read_text() and state.step


def damage(path, kind):
    """Spoil a checkpoint in one of the ways that happen."""
    content = bytearray(path.read_bytes())
    if kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "flipped bit":
        content[-1000] ^= 1
        path.write_bytes(content)
    elif kind == "pickle":
        torch.save({"weights": 1}, path)
    else:
        edit_notes(path, kind)


def edit_notes(path, kind):
    with safe_open(path, framework="pt") as file:
        notes = json.loads(file.metadata()["gan_lib"])
    if kind == "altered recipe":
        notes["recipe"]["learning_rate"] = 1.0
    elif kind == "newer format":
        notes["format"] = 99
    metadata = {"other": "x"} if kind == "foreign" else {"gan_lib": json.dumps(notes)}
    save_file(tensors_of(path), path, metadata)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("truncated", "is truncated or no checkpoint"),
        ("empty", "is truncated or no checkpoint"),
        ("pickle", "is truncated or no checkpoint"),
        ("flipped bit", "was altered after it was written"),
        ("altered recipe", "was altered after it was written"),
        ("newer format", "is of format 99 and this gan_lib reads format 1"),
        ("foreign", "was not written by gan_lib"),
    ],
)
def test_a_bad_file_is_a_sentence_and_the_one_before_is_still_there(kind, sentence, trained, tmp_path):
    save_checkpoint(trained, tmp_path)
    trained.step = 4
    newest = save_checkpoint(trained, tmp_path)
    damage(newest, kind)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        resume(tmp_path, trained.recipe)
    assert "checkpoint-0000002.safetensors" in str(caught.value) or kind == "newer format"
    assert load_checkpoint(tmp_path / "checkpoint-0000002.safetensors").step == 2


def test_another_recipes_checkpoint_is_refused_naming_what_differs(trained, tmp_path):
    save_checkpoint(trained, tmp_path)
    with pytest.raises(CheckpointError, match=r"another recipe \(learning_rate = 0.0002, not 0.1\)"):
        resume(tmp_path, replace(trained.recipe, learning_rate=0.1))
    assert resume(tmp_path, replace(trained.recipe, steps=99)).recipe.steps == 99


def test_nothing_there_is_a_sentence_or_a_new_start(tiny, tmp_path):
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        load_checkpoint(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="There is no checkpoint in"):
        load_checkpoint(tmp_path)
    assert resume(tmp_path, tiny).step == 0


@pytest.mark.parametrize("step", [2, 4])
def test_a_full_disk_loses_nothing(step, trained, tmp_path):
    """A real limit on the size of files, in a process of its own, as a disk that is full would give."""
    save_checkpoint(trained, tmp_path)
    pid = os.fork()
    if pid == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        trained.step = step
        try:
            save_checkpoint(trained, tmp_path)
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000002.safetensors"]
    assert load_checkpoint(tmp_path).step == 2


@pytest.mark.parametrize("network", ["modern", "plain-conv"])
def test_networks_laid_out_channels_last_go_on_bit_for_bit(network, noise_faces, tmp_path):
    """Fused Adam takes for granted that its moments lie in memory as the weights do."""
    small = dict(latent_size=8, batch_size=4, steps=4, penalty_every=2, precision="32-true")
    recipe = replace(RECIPES["faces"], network=network, **small)
    whole, halved = TrainingState(recipe), TrainingState(recipe)
    list(train(recipe, noise_faces, whole))
    run = train(recipe, noise_faces, halved)
    next(run), next(run)
    save_checkpoint(halved, tmp_path)
    again = resume(tmp_path, recipe)
    list(train(recipe, noise_faces, again))
    for player in ("generator", "discriminator", "ema"):
        pairs = zip(getattr(whole, player).parameters(), getattr(again, player).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)

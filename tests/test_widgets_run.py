"""The widget that watches a training, driven from Python and by a real kernel."""

import base64
import html
import io
import re
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from jupyter_client.manager import start_new_kernel
from PIL import Image

from gan_lib.data import drawn_faces
from gan_lib.training import RECIPES, TrainingState, train
from gan_lib.widgets.training import LiveTraining

VIEW = "application/vnd.jupyter.widget-view+json"
TINY = replace(RECIPES["report"], latent_size=8, batch_size=4, steps=5, epoch_steps=3)


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(16)


def controls(widget):
    """The widgets of its first row by class name."""
    return {type(child).__name__: child for child in widget.children[0].children}


def pixels(widget):
    """The picture that the browser gets."""
    data = re.search(r"base64,([^\"]+)", widget.children[1].value).group(1)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_watching_changes_nothing(faces):
    plain, watched = TrainingState(TINY), TrainingState(TINY)
    lines = [str(record) for record in train(TINY, faces, plain)]
    live = LiveTraining(watched, count=4)
    assert [str(record) for record in live.watch(train(TINY, faces, watched))] == lines
    assert [str(record) for record in live.records] == lines
    for a, b in zip(plain.generator.state_dict().values(), watched.generator.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_it_shows_progress_and_new_pictures(faces):
    state = TrainingState(TINY)
    live = LiveTraining(state, count=4)
    before = pixels(live)
    for record in live.watch(train(TINY, faces, state)):
        assert controls(live)["IntProgress"].value <= record.step
        assert not controls(live)["Button"].disabled
    assert not np.array_equal(pixels(live), before)
    assert controls(live)["IntProgress"].value == controls(live)["IntProgress"].max == 5
    assert controls(live)["Label"].value.startswith("step 5 of 5")
    assert controls(live)["Button"].disabled and controls(live)["Button"].description == "Done"


def test_the_watched_faces_are_drawn_by_the_average(averaged):
    picture = pixels(LiveTraining(averaged, count=4))
    assert picture[:, : picture.shape[0], :3].mean() < 200  # the faces are a square at the left


def test_stop_ends_after_the_step_saves_and_can_go_on(faces, tmp_path):
    state = TrainingState(TINY)
    live = LiveTraining(state, count=4)
    for record in live.watch(train(TINY, faces, state, tmp_path)):
        if record.step == 2:  # the button is pressed from another thread, as a subshell does
            presser = threading.Thread(target=controls(live)["Button"].click)
            presser.start()
            presser.join()
            assert controls(live)["Button"].disabled
    assert live.stopping and state.step == 2 and len(live.records) == 2
    assert controls(live)["Button"].description == "Stopped"
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["checkpoint-0000002.safetensors"]
    whole = TrainingState(TINY)
    lines = [str(record) for record in train(TINY, faces, whole)]
    assert [str(record) for record in live.watch(train(TINY, faces, state))] == lines[2:]
    assert not live.stopping and [record.step for record in live.records] == [1, 2, 3, 4, 5]


def test_leaving_the_loop_is_a_way_to_stop(faces, tmp_path):
    state = TrainingState(TINY)
    live = LiveTraining(state, count=4)
    for record in live.watch(train(TINY, faces, state, tmp_path)):
        if record.step == 3:
            break
    assert controls(live)["Label"].value.startswith("step 3 of 5")
    assert list(tmp_path.glob("checkpoint-0000003.safetensors"))


def test_records_of_any_kind_are_watched(faces):
    records = list(train(TINY, faces, TrainingState(TINY)))
    live = LiveTraining(TrainingState(TINY), count=4)
    assert list(live.watch(records)) == live.records == records


def test_a_run_that_failed_is_shown_too(faces):
    state = TrainingState(TINY)
    live = LiveTraining(state, count=4)
    for parameter in state.generator.parameters():
        parameter.data.fill_(torch.nan)
    records = [replace(record, d_loss=float("nan")) for record in train(TINY, faces, TrainingState(TINY))]
    assert list(live.watch(records)) == records


def test_drawing_keeps_to_its_share_of_the_time(faces, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("gan_lib.widgets.training.time.monotonic", lambda: clock[0])
    live = LiveTraining(TrainingState(TINY), count=4, share=0.1)
    drawn = []

    def slow_draw():
        drawn.append(clock[0])
        clock[0] += 0.2

    monkeypatch.setattr(live, "draw", slow_draw)
    for _ in live.watch(step_by_step(clock, seconds=0.05, steps=2000)):
        pass
    assert 45 <= len(drawn) <= 60  # 100 s of steps: a picture of 0.2 s every 2 s
    assert np.diff(drawn)[:-1].min() >= 1.9


def step_by_step(clock, seconds, steps):
    for _ in range(steps):
        clock[0] += seconds
        yield None


def test_the_still_says_what_it_shows(faces):
    live = LiveTraining(TrainingState(TINY), count=4)
    bundle = live._repr_mimebundle_()
    assert bundle[VIEW]["model_id"] == live.model_id
    assert "after 0 steps" in live.still().alt and "after 0 steps" in bundle["text/html"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(live.still().image))), pixels(live))
    assert f'alt="{html.escape(live.alt)}"' in live.children[1].value


CELL = """
from dataclasses import replace
from gan_lib.data import drawn_faces
from gan_lib.training import RECIPES, TrainingState, train
from gan_lib.widgets.training import LiveTraining

recipe = replace(RECIPES["report"], latent_size=8, batch_size=4, steps=10_000)
state = TrainingState(recipe)
live = LiveTraining(state, count=4)
for record in live.watch(train(recipe, drawn_faces(16), state)):
    if record.step == 2:
        print("button", live.children[0].children[0].comm.comm_id)
print("end", live.stopping, state.step)
"""


def test_stop_is_heard_by_a_real_kernel_whose_cell_is_running():
    """As JupyterLab does it: the click goes to a subshell, in a message of its own."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.control_channel.send(client.session.msg("create_subshell_request"))
        subshell = client.get_control_msg(timeout=60)["content"]["subshell_id"]
        client.execute(CELL)
        button = printed(client, "button")[0]
        click = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
        message = client.session.msg("comm_msg", click)
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)
        stopping, step = printed(client, "end")
        assert stopping == "True" and 2 <= int(step) < 10_000
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def printed(client, first):
    """The words that the kernel prints after a first word, once it does."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=120)
        assert message["msg_type"] != "error", message["content"]
        for line in message["content"].get("text", "").splitlines():
            if line.split()[:1] == [first]:
                return line.split()[1:]
    raise AssertionError(f"the kernel never printed {first}")

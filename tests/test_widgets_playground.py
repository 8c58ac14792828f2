"""The playground from Python: its settings are the training loop's, and what it gives a page is complete."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from traitlets import TraitError

from gan_lib import toy
from gan_lib.losses import OBJECTIVES
from gan_lib.widgets import Playground, modules
from gan_lib.widgets.playground import DEFAULTS, MAKERS, PRESETS

pytestmark = pytest.mark.usefixtures("one_thread")

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def quick(monkeypatch):
    """A still takes a thousand steps; here it takes three."""
    still = Playground.still
    monkeypatch.setattr(Playground, "still", lambda self, moments=(1, 2, 3): still(self, moments))


def place(playground):
    return BeautifulSoup(playground.page_html(), "html.parser").select_one("div.live")


def test_the_page_gets_the_module_the_state_and_a_described_picture(quick):
    playground = Playground(data="moons", r1=0.3, seed=4)
    found = place(playground)
    module = modules.bundle("playground")
    assert found["data-live"] == f"playground.js?v={modules.fingerprint(module)}"
    state = json.loads(found["data-state"])
    assert state["data"] == "moons" and state["r1"] == 0.3 and state["seed"] == 4
    assert set(DEFAULTS) < set(state) and not {"running", "steps", "_esm", "layout"} & set(state)
    assert "moons" in found.img["alt"] and found.img["src"].startswith("data:image/png;base64,")


def test_jupyterlab_gets_the_same_module(quick):
    playground = Playground()
    data, _ = playground._repr_mimebundle_()
    assert data[VIEW]["model_id"] == playground.model_id and 'class="live"' in data["text/html"]
    assert playground._esm == modules.bundle("playground")


def test_a_module_is_one_text_without_imports_and_with_its_own_exports_only():
    text = modules.bundle("playground")
    assert not re.search(r"^import ", text, flags=re.MULTILINE)
    assert re.findall(r"^export .*$", text, flags=re.MULTILINE) == [
        "export default { render };",
        "export { Game };",
    ]
    assert text.index("class Game") < text.index("class Plane") < text.index("class Playground")
    declared = re.findall(r"^(?:const|let|class|function) (\w+)", text, flags=re.MULTILINE)
    assert sorted(declared) == sorted(set(declared))


def test_its_fingerprint_changes_with_every_letter():
    assert modules.fingerprint("a") != modules.fingerprint("b")
    assert re.fullmatch("[0-9a-f]{8}", modules.fingerprint("a"))


def test_settings_are_what_the_training_loop_takes():
    playground = Playground(
        objective="hinge", d_learning_rate=0.02, g_learning_rate=0.01, d_steps=2, optimizer="sgd"
    )
    nets = [toy.players(width=16), toy.players(width=16)]
    (mine,) = toy.train_toy(*nets[0], playground.distribution, steps=1, **playground.settings)
    (plain,) = toy.train_toy(
        *nets[1], toy.ring(8, spread=0.1), objective="hinge", steps=1, batch_size=128, learning_rate=0.02,
        g_learning_rate=0.01, optimizer="sgd", d_steps=2,
    )  # fmt: skip
    assert mine == plain
    for a, b in zip(*nets, strict=True):
        torch.testing.assert_close(a.state_dict(), b.state_dict())


@pytest.mark.parametrize("name", [*MAKERS])
def test_each_distribution_is_the_librarys(name):
    made = Playground(data=name).distribution
    assert made.name == name and made.sample(10).shape == (10, 2)


def test_own_points_are_learned_as_drawn():
    drawn = Playground(data="own", points=[(1, 2), [-1.00049, 0.5]])
    assert drawn.points == [[1.0, 2.0], [-1.0, 0.5]]
    cloud = drawn.distribution.sample(500)
    nearest = torch.cdist(cloud, torch.tensor(drawn.points)).min(1)
    assert nearest.values.max() < 0.2 and nearest.indices.float().mean().item() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", [*PRESETS])
def test_a_preset_is_a_whole_setting_and_its_cure_a_change_of_it(name):
    playground = Playground(preset=name, seed=3)
    preset = PRESETS[name]
    assert playground.preset == name and playground.seed == 3
    assert {key: getattr(playground, key) for key in preset["settings"]} == preset["settings"]
    assert set(preset["settings"]) == {*DEFAULTS, "points"}
    cure = preset["cure"]["settings"]
    assert cure and all(preset["settings"][key] != value for key, value in cure.items())
    for key, value in cure.items():
        setattr(playground, key, value)


def test_a_preset_that_is_set_later_brings_its_settings():
    playground, wanted = Playground(seed=3, r1=2.0), PRESETS["strong"]["settings"]
    playground.preset = "strong"
    assert {key: getattr(playground, key) for key in wanted} == wanted
    assert playground.seed == 3 and Playground("strong", d_steps=4).d_steps == 4


def test_a_preset_from_the_browser_comes_with_what_the_reader_made_of_it():
    playground = Playground()
    playground.set_state({"preset": "collapse", "d_learning_rate": 0.01, "g_learning_rate": 0.01})
    assert (playground.preset, playground.d_learning_rate) == ("collapse", 0.01)


def test_players_come_back_as_the_browser_sent_them():
    playground = Playground(width=8)
    with pytest.raises(RuntimeError, match="has sent 0 weights where"):
        playground.players()
    pair = toy.players(width=8, seed=9)
    numbers = torch.cat([weight.detach().flatten() for net in pair for weight in net.parameters()])
    report = {"method": "custom", "content": {"trained": 5}}
    playground._handle_msg(
        {"content": {"data": report}, "buffers": [memoryview(numbers.numpy().astype(np.float32))]}
    )
    for sent, received in zip(pair, playground.players(), strict=True):
        torch.testing.assert_close(sent.state_dict(), received.state_dict(), rtol=0, atol=0)
    playground.width = 16
    with pytest.raises(RuntimeError, match="show the playground in a cell"):
        playground.players()


def test_restart_is_a_message():
    playground, sent = Playground(), []
    playground.send = sent.append
    playground.restart()
    assert sent == [{"do": "restart"}]


@pytest.mark.parametrize(
    "bad",
    [{"data": "cat"}, {"objective": "best"}, {"r1": -1}, {"d_steps": 0}, {"width": 65}, {"points": [[4, 0]]}]
    + [{"points": [[1, 2, 3]]}, {"preset": "nonsense"}, {"d_learning_rate": 0}],
    ids=str,
)
def test_what_cannot_be_is_refused(bad):
    with pytest.raises(TraitError):
        Playground(**bad)


def test_the_choices_are_the_librarys():
    assert Playground.objective.values == tuple(OBJECTIVES)
    assert set(Playground.optimizer.values) == set(toy.OPTIMIZERS)


def test_widgets_are_imported_when_they_are_wanted():
    code = (
        "import sys, gan_lib.widgets, gan_lib.widgets.modules\n"
        "print([name for name in ('torch', 'anywidget') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"

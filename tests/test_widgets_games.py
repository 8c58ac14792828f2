"""The small games: the JavaScript held against `gan_lib.theory`, and the widget from Python."""

import json
import subprocess

import pytest
import torch
from traitlets import TraitError

from gan_lib import theory
from gan_lib.widgets import SmallGames, modules
from gan_lib.widgets.games import GAMES


@pytest.fixture(scope="module")
def javascript(tmp_path_factory, node):
    """Evaluate an expression with all of smallgames.js in scope."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "games.mjs").write_text(modules.bundle("smallgames"))

    def run(expression):
        start = 'import * as games from "./games.mjs"; Object.assign(globalThis, games);\n'
        (folder / "run.mjs").write_text(f"{start}console.log(JSON.stringify({expression}));")
        ran = subprocess.run([node, "run.mjs"], cwd=folder, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


@pytest.mark.parametrize("turns", list(theory.STEPS))
@pytest.mark.parametrize("game", list(GAMES))
def test_paths_and_eigenvalues_are_the_theorys(javascript, game, turns):
    for gamma, rate in ((0.0, 0.2), (0.5, 0.2), (2.0, 0.7)):
        field = GAMES[game](gamma)
        found = javascript(f"trajectory(FIELDS['{game}']({gamma}), [1.2, -0.4], {rate}, 60, '{turns}')")
        expected = theory.trajectory(field, (1.2, -0.4), rate, 60, turns)
        torch.testing.assert_close(
            torch.tensor(found, dtype=torch.float64), expected[: len(found)], rtol=1e-9, atol=1e-12
        )
        size = javascript(f"largestEigenvalue(FIELDS['{game}']({gamma}), {rate}, '{turns}')")
        assert size == pytest.approx(theory.step_eigenvalues(field, rate, turns).abs().max().item(), abs=1e-6)


def test_the_names_are_the_theorys(javascript):
    assert javascript("Object.keys(TURNS)") == list(theory.STEPS)
    assert javascript("Object.keys(FIELDS)") == list(GAMES)


def test_the_still_says_where_the_path_leads():
    games = SmallGames(game="dirac", gamma=1.0, start=[1.2, 0.0], steps=60)
    assert "of size 0.2 from distance 1.20 to distance 0.0" in games.alt
    torch.testing.assert_close(games.path, theory.trajectory(theory.dirac_gan(1.0), (1.2, 0.0), 0.2, 60))
    html = games.page_html()
    assert 'data-live="games.js?v=' in html and "data:image/png" in html


@pytest.mark.parametrize(
    "bad", [{"game": "chess"}, {"rate": 0.0}, {"start": [3.0, 0.0]}, {"start": [1.0]}, {"steps": 401}], ids=str
)
def test_what_cannot_be_is_refused(bad):
    with pytest.raises(TraitError):
        SmallGames(**bad)

"""The run scrubber: what it reads, thins and follows, from Python; what its JavaScript computes, in Node."""

import hashlib
import html
import io
import json
import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lib.data import drawn_faces
from gan_lib.figures import running_mean
from gan_lib.runs import read_metrics, record_run
from gan_lib.training import RECIPES, TrainingState, train
from gan_lib.widgets import RunScrubber, modules, scrubber
from gan_lib.widgets.scrubber import read_grid, recorded_grids, stretches, thin

VIEW = "application/vnd.jupyter.widget-view+json"
TINY = replace(RECIPES["report"], latent_size=8, batch_size=4, steps=5, epoch_steps=3)
BOOK = Path(__file__).parents[1] / "book"
RECORD = BOOK / "runs" / "report-celeba9k"


@pytest.fixture(autouse=True)
def closed_afterwards():
    """Nothing is followed beyond its test."""
    yield
    RunScrubber.close_all()


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(16)


@pytest.fixture(scope="module")
def folder(faces, tmp_path_factory):
    """A recorded run of five steps, whose lines are in lines.txt."""
    folder, state = tmp_path_factory.mktemp("run"), TrainingState(TINY)
    lines = [str(r) for r in record_run(train(TINY, faces, state), state, faces, folder, grids=(0, 3, 5))]
    (folder / "lines.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture
def copy(folder, tmp_path):
    """A copy of that run, to be changed."""
    return shutil.copytree(folder, tmp_path / "run")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(scrubber, "PAUSE", 0.02)


def cut(folder, steps):
    """Make a run as it was after some of its steps."""
    path = folder / "metrics.csv"
    path.write_text("\n".join(path.read_text().splitlines()[: steps + 1]) + "\n")
    for step, grid in recorded_grids(folder).items():
        if step > steps:
            grid.unlink()


def wait_until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestReading:
    def test_a_record_is_read_back_as_it_was_drawn(self, folder):
        grids = recorded_grids(folder)
        assert list(grids) == [0, 3, 5]
        sheet = np.asarray(Image.open(grids[3]))
        found = read_grid(grids[3])
        assert found.shape == (64, 3, 64, 64) and found.dtype == np.uint8
        assert np.array_equal(found[9].transpose(1, 2, 0), sheet[64:128, 64:128])  # second row, second column

    def test_the_step_goes_to_the_nearest_grid(self, folder):
        widget = RunScrubber(folder)
        assert widget.step == 5 and widget.steps == [0, 3, 5] and not widget.following
        widget.step = 4  # nothing was drawn then: the earlier of two
        assert widget.step == 3
        assert np.array_equal(widget.faces, read_grid(folder / "samples" / "000003.png"))
        widget.set_state({"step": 0})  # as the browser does
        assert widget.step == 0 and widget.lines[0] == "before the first step"

    def test_its_lines_are_the_reports(self, folder):
        lines = (folder / "lines.txt").read_text().splitlines()
        for shown, line in zip(RunScrubber(folder).lines[1:], (lines[2], lines[4]), strict=True):
            numbers = [[float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)] for text in (shown, line)]
            assert len(numbers[0]) == 5 and numbers[0] == pytest.approx(numbers[1], abs=1e-4)
            assert re.sub(r"\d", "#", shown) == re.sub(r"\d", "#", line)

    def test_a_folder_without_a_record_is_refused(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="holds no grids; give the folder of a recorded run"):
            RunScrubber(tmp_path)

    def test_grids_of_an_earlier_try_are_not_shown(self, copy):
        lines = (copy / "metrics.csv").read_text().splitlines()
        (copy / "metrics.csv").write_text("\n".join(lines[:4]) + "\n")  # three steps, and a grid of step 5
        assert RunScrubber(copy).steps == [0, 3]
        for step in ("000000", "000003"):
            (copy / "samples" / f"{step}.png").unlink()
        with pytest.raises(FileNotFoundError, match="holds no grids; give the folder of a recorded run"):
            RunScrubber(copy)

    def test_a_line_that_is_being_written_waits_for_its_end(self, copy):
        whole = read_metrics(copy / "metrics.csv")
        with (copy / "metrics.csv").open("a") as file:
            file.write("6,0,6,0.6")
        assert np.array_equal(read_metrics(copy / "metrics.csv")["d_loss"], whole["d_loss"])


class TestThinning:
    def test_neither_course_nor_spikes_are_lost(self):
        values = np.sin(np.arange(4746) / 300)
        values[1234], values[4321] = 40, -30
        thinned, bounds = thin(values), stretches(len(values))
        assert {len(column) for column in thinned.values()} == {200} and len(bounds) == 201
        assert np.array_equal(np.unique(np.diff(bounds)), [23, 24])
        assert max(thinned["high"]) == 40 and min(thinned["low"]) == -30
        assert bounds[thinned["high"].index(40)] <= 1234 < bounds[thinned["high"].index(40) + 1]
        smooth = running_mean(values, 25)
        expected = [smooth[a:b].mean() for a, b in zip(bounds, bounds[1:], strict=False)]
        assert thinned["mean"] == pytest.approx(expected, rel=6e-3)

    def test_a_short_curve_is_kept_as_it_is(self):
        values = np.array([0.5, 1.25, -2.0])
        assert thin(values, smooth=1) == {name: [0.5, 1.25, -2.0] for name in ("low", "mean", "high")}
        assert thin(values[:0]) == {"low": [], "mean": [], "high": []}

    def test_what_is_no_number_is_left_out(self):
        thinned = thin(np.array([1.0, np.nan, np.inf]), smooth=1)
        assert thinned == {"low": [1.0, None, None], "mean": [1.0, None, None], "high": [1.0, None, None]}
        json.dumps(thinned, allow_nan=False)

    def test_the_curves_of_the_book_are_small(self):
        curves = RunScrubber(RECORD).curves
        assert len(json.dumps(curves, separators=(",", ":"))) < 15_000
        accuracy = RunScrubber(RECORD)._accuracy
        assert max(curves["accuracy"]["high"]) == pytest.approx(accuracy.max(), rel=5e-3)
        assert curves["step"][0] == 12 and curves["step"][-1] == 4734 and curves["last"] == 4746


class TestFollowing:
    def test_a_run_that_is_over_is_not_followed(self, folder, copy):
        assert not RunScrubber(folder).following
        cut(copy, 3)
        (copy / "recipe.json").unlink()
        assert not RunScrubber(copy).following

    def test_a_run_that_has_long_been_silent_is_not_followed(self, copy, monkeypatch):
        cut(copy, 3)
        monkeypatch.setattr(scrubber, "SILENCE", -1.0)
        assert not RunScrubber(copy).following

    def test_refresh_shows_what_is_new_and_stays_at_the_end(self, folder, copy):
        cut(copy, 3)
        newest, looking_back = RunScrubber(copy), RunScrubber(copy, step=0)
        assert newest.steps == [0, 3] and newest.step == 3
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        for widget in (newest, looking_back):
            widget.refresh()
            assert widget.steps == [0, 3, 5] and len(widget.lines) == 3 and widget.curves["last"] == 5
            widget.close()
        assert newest.step == 5 and looking_back.step == 0

    def test_it_follows_by_itself_until_the_run_ends(self, faces, tmp_path, impatient):
        state = TrainingState(TINY)
        records = record_run(train(TINY, faces, state), state, faces, tmp_path, grids=(0, 2, 5))
        next(records)
        widget = RunScrubber(tmp_path)
        assert widget.following and widget.steps == [0] and widget.curves["last"] == 1
        next(records), next(records)
        wait_until(lambda: widget.step == 2 and widget.curves["last"] == 3)
        assert widget.following
        list(records)
        wait_until(lambda: not widget.following)
        assert widget.step == 5 and len(widget.metrics["step"]) == 5

    def test_it_lives_through_a_folder_that_is_gone_for_a_while(self, copy, impatient):
        cut(copy, 3)
        widget = RunScrubber(copy)
        samples = (copy / "samples").rename(copy / "elsewhere")
        time.sleep(0.1)
        assert widget.following and widget.step == 3
        samples.rename(copy / "samples")
        widget.close()

    def test_closing_ends_it(self, copy, impatient):
        cut(copy, 3)
        widget = RunScrubber(copy)
        (thread,) = (thread for thread in threading.enumerate() if thread.name == f"follows {copy}")
        widget.close()
        thread.join(timeout=60)
        assert not thread.is_alive()


class TestTwoHomes:
    def test_the_kernel_sends_the_file_of_a_grid(self, folder, monkeypatch):
        widget, sent = RunScrubber(folder), []
        monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append((content, buffers)))
        widget._handle_custom_msg({"grid": 3}, [])
        assert sent == [({"grid": 3}, [(folder / "samples" / "000003.png").read_bytes()])]
        widget._handle_custom_msg({"grid": 4}, [])
        assert sent[1] == ({"grid": 4, "missing": True}, None)

    def test_the_page_gets_addresses_that_change_with_the_files(self, monkeypatch):
        monkeypatch.chdir(BOOK)
        widget = RunScrubber("runs/report-celeba9k", step=791)
        files = widget.page_state()["files"]
        assert len(files) == len(widget.steps) == 54
        path, mark = files[1].split("?v=")
        assert path == "runs/report-celeba9k/samples/000100.webp"
        assert hashlib.sha256(Path(path).read_bytes()).hexdigest().startswith(mark) and len(mark) == 8
        noted = json.loads(html.unescape(re.search(r'data-files="([^"]*)"', widget.page_html())[1]))
        assert noted == [file.split("?")[0] for file in files]
        assert RunScrubber(Path("runs/report-celeba9k").resolve()).page_state()["files"] == files

    def test_a_run_elsewhere_is_published_without_its_grids_and_without_its_place(self, folder, monkeypatch):
        monkeypatch.chdir(BOOK)
        page = RunScrubber(folder).page_html()
        assert "data-files" not in page and str(folder) not in page
        state = json.loads(html.unescape(re.search(r'data-state="([^"]*)"', page)[1]))
        assert state["files"] == [] and "following" not in state

    def test_the_still_says_what_it_shows(self, folder):
        widget = RunScrubber(folder, step=3)
        bundle, _ = widget._repr_mimebundle_()
        assert bundle[VIEW]["model_id"] == widget.model_id
        assert "after 3 steps" in widget.alt and widget.lines[1] in widget.alt
        assert f'alt="{html.escape(widget.alt)}"' in bundle["text/html"]
        assert Image.open(io.BytesIO(widget.still().image)).size[0] > 500


@pytest.fixture(scope="module")
def javascript(node_with):
    """Evaluate an expression with all of runcurves.js in scope."""
    return node_with({"runcurves": modules.bundle("runcurves")})


class TestJavaScript:
    def test_the_nearest_step_is_pythons(self, javascript):
        steps, wanted = [0, 100, 200, 300, 791, 800, 4746], [0, 49, 50, 51, 150, 545, 546, 795, 796, 3000, 9999]
        found = javascript("input.wanted.map((step) => nearest(input.steps, step))", steps=steps, wanted=wanted)
        expected = [min(range(len(steps)), key=lambda i, at=at: abs(steps[i] - at)) for at in wanted]
        assert found == expected

    def test_what_is_read_off_is_the_running_mean(self, javascript):
        widget = RunScrubber(RECORD)
        found = javascript("[700, 2500.4, 4746].map((step) => readOff(input.curves, step))", curves=widget.curves)
        for read, step in zip(found, (700, 2500, 4746), strict=True):
            assert read["step"] == step
            for name, column in (("dLoss", "d_loss"), ("gLoss", "g_loss")):
                smooth = running_mean(widget.metrics[column], scrubber.SMOOTH)[step - 24 : step + 24]
                assert smooth.min() * 0.99 <= read[name] <= smooth.max() * 1.01
        assert javascript("readOff(input.curves, 0)", curves=widget.curves) is None

    def test_a_place_on_the_curves_is_a_step_and_back(self, javascript):
        there_and_back = (
            "[0, 791, 4746].map((step) => stepScale(320, 4746).toStep(stepScale(320, 4746).toX(step)))"
        )
        assert javascript(there_and_back) == pytest.approx([0, 791, 4746])
        assert javascript("[-50, 0, 320, 900].map(stepScale(320, 4746).toStep)") == [0, 0, 4746, 4746]

    def test_the_losses_have_room_for_the_smoothed_curves_and_not_for_every_spike(self, javascript):
        curves = RunScrubber(RECORD).curves
        low, high = javascript("PANELS.losses.range(input.curves)", curves=curves)
        assert low == 0 and max(curves["g_loss"]["mean"]) < high < max(curves["g_loss"]["high"])
        empty = {name: {"low": [], "mean": [], "high": []} for name in ("d_loss", "g_loss", "accuracy")}
        assert javascript("[PANELS.losses.range(input), PANELS.accuracy.range(input)]", **empty) == [
            [0, 2.4],
            [0.4, 1.02],
        ]

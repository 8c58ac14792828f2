"""Scrub through a run, recorded or in progress: the sample grid of a step beside the run's curves."""

import hashlib
import json
import math
import os
import re
import threading
import time
from pathlib import Path

import numpy as np
import traitlets
from PIL import Image

from ..figures import run_panel, running_mean
from ..runs import read_metrics
from .page import PageWidget
from .sampler import tile
from .still import Still
from .training import hear_while_busy, panel_png

SMOOTH = 25  # steps of the running mean over the curves
POINTS = 200  # of a curve, at most: more than the screen has room for
PAUSE = 2.0  # seconds at least between two looks at a run in progress
SHARE = 0.05  # of the time, at most, that goes into looking
SILENCE = 600.0  # seconds without a new line after which a run no longer counts as going on
LAST_GRID = 30.0  # seconds in which the grid of the last step may yet come


def recorded_grids(folder: str | Path, last: float = math.inf) -> dict[int, Path]:
    """Find the sample grids of a run, `samples/<step>.png` or `.webp`, up to a last step, by step and in order.

    Raises
    ------
    FileNotFoundError
        When there are none.
    """
    found = Path(folder, "samples").glob("*.*")
    grids = {int(path.stem): path for path in found if re.fullmatch(r"\d+\.(png|webp)", path.name)}
    grids = {step: path for step, path in grids.items() if step <= last}
    if not grids:
        raise FileNotFoundError(f"{folder}/samples holds no grids; give the folder of a recorded run.")
    return dict(sorted(grids.items()))


def read_grid(path: str | Path, size: int = 64) -> np.ndarray:
    """Cut a sample grid into its faces, row by row: uint8 of shape (N, 3, size, size)."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    cells = pixels.reshape(rows, size, columns, size, 3).transpose(0, 2, 4, 1, 3)
    return cells.reshape(rows * columns, 3, size, size)


def stretches(count: int, points: int = POINTS) -> np.ndarray:
    """Divide `count` steps into at most `points` stretches of nearly one length; gives their bounds."""
    return np.linspace(0, count, min(points, count) + 1).round().astype(int)


def thin(values: np.ndarray, points: int = POINTS, smooth: int = SMOOTH) -> dict[str, list]:
    """Thin a curve so that neither its course nor a single spike is lost.

    Parameters
    ----------
    values : array of shape (N,)
        One for each step.
    points : int, default=200
        How many are kept at most, each for a stretch of steps.
    smooth : int, default=25
        Steps of the running mean.

    Returns
    -------
    dict of list
        "low" and "high", the least and the greatest value of each stretch, and "mean", the mean of the running
        mean over it; with three digits, and None for what is not finite.
    """
    if not len(values):
        return {"low": [], "mean": [], "high": []}
    bounds = stretches(len(values), points)
    starts, lengths = bounds[:-1], np.diff(bounds)
    with np.errstate(invalid="ignore"):
        found = {
            "low": np.minimum.reduceat(values, starts),
            "mean": np.add.reduceat(running_mean(values, smooth), starts) / lengths,
            "high": np.maximum.reduceat(values, starts),
        }
    return {name: [_brief(value) for value in column] for name, column in found.items()}


def _brief(value: float) -> float | None:
    return float(f"{value:.3g}") if math.isfinite(value) else None


class RunScrubber(PageWidget):
    """Move through a run with a slider, the arrow keys, a finger on the curves, or by pressing play.

    It lives in JupyterLab and in a published page, to which the book's build gives the grids. What can be set by
    hand is also an attribute: `scrubber.step = 791` shows the recorded grid that is nearest to step 791. A run
    that is still being trained, in this notebook or elsewhere, is followed: new steps and grids appear by
    themselves until it ends or the widget is closed.

    Parameters
    ----------
    folder : str or Path
        Of a run, as `gan_lib.runs` records it.
    step : int, optional
        Where to begin; by default at the end, and there it stays when the run goes on.

    Attributes
    ----------
    steps : list of int
        Those with a grid.
    metrics : dict of arrays
        As `gan_lib.runs.read_metrics` reads them.
    grids : dict of Path by int
        The files of the grids.
    lines : list of str
        The report's line for each of `steps`.
    following : bool
        Whether a run in progress is being followed.

    Raises
    ------
    FileNotFoundError
        When the folder holds no recorded run.
    """

    _module = "scrubber"
    _kept_out = PageWidget._kept_out | {"following"}

    step = traitlets.Int().tag(sync=True)
    steps = traitlets.List(traitlets.Int()).tag(sync=True)
    lines = traitlets.List(traitlets.Unicode()).tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)
    following = traitlets.Bool(False).tag(sync=True)

    def __init__(self, folder: str | Path, step: int | None = None):
        self.folder = Path(folder)
        self._reading, self._ended = threading.Lock(), threading.Event()
        found = self._read()
        super().__init__(step=found["steps"][-1] if step is None else step, **found)
        self.on_msg(self._send_grid)
        self._listen()
        if self._goes_on():
            self.following = True
            threading.Thread(target=self._follow, name=f"follows {folder}", daemon=True).start()

    @traitlets.validate("step")
    def _nearest(self, proposal) -> int:
        return min(self.steps, key=lambda step: abs(step - proposal["value"]))

    # --- What the run's folder holds ---

    def _read(self) -> dict:
        """Read grids and metrics; gives the traits that follow from them."""
        recorded_grids(self.folder)  # a folder without them is no run
        metrics = read_metrics(self.folder / "metrics.csv")
        count = len(metrics["step"])
        self.grids, self.metrics = recorded_grids(self.folder, count), metrics  # no grids of an earlier try
        accuracy = self._accuracy
        columns = {"d_loss": metrics["d_loss"], "g_loss": metrics["g_loss"], "accuracy": accuracy}
        middles = (stretches(count)[:-1] + stretches(count)[1:] + 1) // 2
        curves = {"step": middles.tolist(), "last": max(1, count, *self.grids), "smooth": SMOOTH}
        curves |= {name: thin(values) for name, values in columns.items()}
        return {"steps": [*self.grids], "lines": [self._line(step) for step in self.grids], "curves": curves}

    def refresh(self) -> None:
        """Read the folder again. Whoever looks at the newest grid goes on looking at the newest.

        Raises
        ------
        FileNotFoundError
            When the folder no longer holds a run.
        """
        with self._reading:
            at_end = self.step == self.steps[-1]
            found = self._read()
            with self.hold_sync():
                for name, value in found.items():
                    setattr(self, name, value)
                self.step = self.steps[-1] if at_end else self.step
            self._listen()

    def _goes_on(self) -> bool:
        """Whether the run is still being written, as far as one can tell from outside."""
        recipe, metrics = self.folder / "recipe.json", self.folder / "metrics.csv"
        try:
            wanted = json.loads(recipe.read_text(encoding="utf-8"))["recipe"]["steps"]
            silent = time.time() - metrics.stat().st_mtime
        except (OSError, ValueError, KeyError):
            return False
        if len(self.metrics["step"]) < wanted:
            return silent < SILENCE
        return max(self.grids) < wanted and silent < LAST_GRID

    def _follow(self) -> None:
        """Look again and again, in a thread of its own, for the kernel may be busy with the very run."""
        pause = PAUSE
        while self._goes_on() and not self._ended.wait(pause):
            start = time.monotonic()
            try:
                self.refresh()
            except (OSError, ValueError):  # the folder is just being written anew, or is gone
                continue
            pause = max(PAUSE, (time.monotonic() - start) / SHARE)
        if not self._ended.is_set():
            self.following = False
            self._listen()

    def _listen(self) -> None:
        """Have what the browser asks for next answered, be the main thread busy or not."""
        if self.comm is not None:
            hear_while_busy(self)

    def close(self):
        """Close the widget and cease to follow the run."""
        self._ended.set()
        super().close()

    def _send_grid(self, widget, content, buffers) -> None:
        """The browser asks for the grid of a step."""
        step = content.get("grid")
        try:
            self.send({"grid": step}, buffers=[self.grids[step].read_bytes()])
        except (KeyError, OSError):
            self.send({"grid": step, "missing": True})

    # --- The step on view ---

    @property
    def faces(self) -> np.ndarray:
        """The faces on view: uint8 of shape (64, 3, 64, 64)."""
        return read_grid(self.grids[self.step])

    @property
    def _accuracy(self) -> np.ndarray:
        return (self.metrics["d_accuracy_real"] + self.metrics["d_accuracy_fake"]) / 2

    def _line(self, step: int) -> str:
        """Give the report's line of a step."""
        if not step:
            return "before the first step"
        row = {name: values[step - 1] for name, values in self.metrics.items()}
        return (
            f"{row['epoch']:.0f} {row['batch']:.0f} [D loss: {row['d_loss']:.6f}, "
            f"acc.: {100 * self._accuracy[step - 1]:.2f}%] [G loss: {row['g_loss']:.6f}]"
        )

    @property
    def alt(self) -> str:
        """What the still shows, in words."""
        return (
            f"64 faces drawn from the same latents after {self.step:,} steps, beside the curves of both losses "
            f"and of D's accuracy over {self.steps[-1]:,} steps, with this step marked; its line is "
            f"{self._line(self.step)}"
        )

    def still(self) -> Still:
        """Give the step on view as the picture for a page without a kernel."""
        losses = {"D loss": self.metrics["d_loss"], "G loss": self.metrics["g_loss"]}
        sheet = tile(self.faces, columns=8)
        figure = run_panel(sheet, self.metrics["step"], losses, self._accuracy, self.steps[-1], self.step, SMOOTH)
        return Still(panel_png(figure), self.alt, f"The run after {self.step:,} steps.")

    # --- The published page ---

    def page_files(self) -> list[str]:
        """Give the grids' paths, seen from the working folder; none where the run lies outside it."""
        paths = [Path(os.path.relpath(path)).as_posix() for path in self.grids.values()]
        return [] if paths[0].startswith("..") else paths

    def page_state(self) -> dict:
        """Give the state that the published page starts from, and where it finds the grids."""
        marks = [hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in self.grids.values()]
        files = [f"{path}?v={mark}" for path, mark in zip(self.page_files(), marks, strict=False)]
        return super().page_state() | {"files": files}

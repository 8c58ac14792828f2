"""Scrub through a recorded run: the sample grid of a step beside the run's curves."""

import re
from pathlib import Path

import ipywidgets
import numpy as np
import traitlets
from PIL import Image

from ..figures import run_panel
from ..runs import read_metrics
from .sampler import tile
from .still import Live, Still
from .training import panel_png, panel_tag

SMOOTH = 25  # steps of the running mean over the curves


def recorded_grids(folder: str | Path) -> dict[int, Path]:
    """Find the sample grids of a run, `samples/<step>.png` or `.webp`, by step and in order.

    Raises
    ------
    FileNotFoundError
        When there are none.
    """
    found = Path(folder, "samples").glob("*.*")
    grids = {int(path.stem): path for path in found if re.fullmatch(r"\d+\.(png|webp)", path.name)}
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


class RunScrubber(Live):
    """Move through a recorded run with a slider, with the arrow keys, or by pressing play.

    Every control is also an attribute to read and to set: `scrubber.step = 791` shows the recorded grid
    that is nearest to step 791.

    Parameters
    ----------
    folder : str or Path
        Of a run, as `gan_lib.runs` records it.
    step : int, optional
        Where to begin; by default at the end.

    Raises
    ------
    FileNotFoundError
        When the folder holds no recorded run.
    """

    step = traitlets.Int()

    def __init__(self, folder: str | Path, step: int | None = None):
        self.grids = recorded_grids(folder)
        self.steps = list(self.grids)
        self.metrics = read_metrics(Path(folder) / "metrics.csv")
        super().__init__(step=self.steps[-1] if step is None else step)
        slider = ipywidgets.SelectionSlider(
            options=self.steps, description="Step", layout={"width": "26em"}, tooltip="Step of the run"
        )
        traitlets.link((self, "step"), (slider, "value"))
        play = ipywidgets.Play(
            max=len(self.steps) - 1, interval=400, show_repeat=False, tooltip="Play the run from here"
        )
        traitlets.link((slider, "index"), (play, "value"))
        self._words = ipywidgets.Label()
        self._picture = ipywidgets.HTML(layout={"max_width": "840px"})
        row = ipywidgets.HBox([play, slider, self._words], layout={"flex_flow": "row wrap"})
        self.children = (row, self._picture)
        self.observe(lambda change: self.draw(), "step")
        self.draw()

    @traitlets.validate("step")
    def _nearest(self, proposal) -> int:
        return min(self.steps, key=lambda step: abs(step - proposal["value"]))

    @property
    def faces(self) -> np.ndarray:
        """The faces on view: uint8 of shape (64, 3, 64, 64)."""
        return read_grid(self.grids[self.step])

    @property
    def _accuracy(self) -> np.ndarray:
        return (self.metrics["d_accuracy_real"] + self.metrics["d_accuracy_fake"]) / 2

    def draw(self):
        """Show the grid and mark the step on the curves."""
        self._png = panel_png(self._figure())
        self._picture.value, self._words.value = panel_tag(self._png, self.alt), self._line()

    def _figure(self):
        losses = {"D loss": self.metrics["d_loss"], "G loss": self.metrics["g_loss"]}
        sheet = tile(self.faces, columns=8)
        return run_panel(sheet, self.metrics["step"], losses, self._accuracy, self.steps[-1], self.step, SMOOTH)

    def _line(self) -> str:
        """Give the report's line of the step on view."""
        if not self.step:
            return "before the first step"
        row = {name: values[self.step - 1] for name, values in self.metrics.items()}
        return (
            f"{row['epoch']:.0f} {row['batch']:.0f} [D loss: {row['d_loss']:.6f}, "
            f"acc.: {100 * self._accuracy[self.step - 1]:.2f}%] [G loss: {row['g_loss']:.6f}]"
        )

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        return (
            f"64 faces drawn from the same latents after {self.step:,} steps, beside the curves of both losses "
            f"and of D's accuracy over {self.steps[-1]:,} steps, with this step marked; its line is {self._line()}"
        )

    def still(self) -> Still:
        """Give the step on view as the picture for a page without a kernel."""
        return Still(self._png, self.alt, f"The recorded run after {self.step:,} steps.")

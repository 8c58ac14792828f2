"""Watch a training in the cell that runs it: curves, faces, progress, and a button that stops it.

While a cell runs, the kernel's main thread is busy. JupyterLab (4.4 or newer) sends what its widgets have to say
to a subshell of the kernel (ipykernel 7 or newer), a second thread, so the Stop button is heard at once.
Elsewhere use the notebook's own interrupt button: `gan_lib.training.train` takes it as the same wish.
"""

import io
import math
import time
from collections.abc import Iterable, Iterator

import ipywidgets
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from ..data import to_uint8
from ..figures import PANEL_SIZE, run_panel
from ..runs import SAMPLE_SEED
from ..training import Record, TrainingState, latents_from_seed, sample
from .sampler import tile
from .still import Live, Still, img_tag

REST = 0.4  # seconds between two pictures at least


def panel_png(figure: Figure) -> bytes:
    """Give the PNG of a panel, quickly: nothing measured anew, little time for small files."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 1})
    return buffer.getvalue()


def panel_tag(png: bytes, alt: str) -> str:
    """Give the `<img>` of a panel, whose successor takes its place without a flicker or a jump."""
    steady = f'<img decoding="sync" style="width: 100%; aspect-ratio: {PANEL_SIZE[0] / PANEL_SIZE[1]:.4f}"'
    return img_tag(png, alt).replace("<img", steady, 1)


def hear_while_busy(widget: ipywidgets.Widget) -> None:
    """Have a widget heard by the subshell that the front end speaks to, though the main thread is busy.

    ipykernel 7.4 turns what a front end says to a widget over to the thread that last spoke for the widget,
    which would be the busy one, and keeps a note of it. This drops the note; other versions keep none.
    """
    vars(widget.comm).pop("_reply_subshell_id", None)


class LiveTraining(Live):
    """Watch a training while its cell runs, and stop it with a button.

    ::

        live = LiveTraining(state)
        for record in live.watch(train(recipe, faces, state)):
            ...

    Whoever presses Stop ends the run after the step in hand: the loop is over, the next cell runs, and
    `state` holds what was learned. Call `train` with the same state to go on.

    Parameters
    ----------
    state : TrainingState
        What is trained. Its `sampler` draws the faces, always from the same latents.
    count : int, default=16
        Faces on view; a square number fills the picture.
    seed : int, default=2019
        Of their latents.
    share : float, default=0.1
        Of the time, at most, that goes into drawing.

    Attributes
    ----------
    records : list of Record
        Everything seen so far.
    stopping : bool
        Whether Stop was pressed.
    """

    def __init__(self, state: TrainingState, count: int = 16, seed: int = SAMPLE_SEED, share: float = 0.1):
        self.state, self.share = state, share
        self.last = state.recipe.steps
        self.latents = latents_from_seed(seed, count, state.recipe.latent_size).to(state.device)
        self.records: list[Record] = []
        self.stopping = False
        self._bar = ipywidgets.IntProgress(max=self.last, layout={"width": "16em"})
        self._stop = ipywidgets.Button(
            description="Stop", icon="stop", tooltip="End the run after this step and keep what was learned"
        )
        self._stop.on_click(lambda button: self.stop())
        self._words = ipywidgets.Label()
        self._picture = ipywidgets.HTML(layout={"max_width": "840px"})
        row = ipywidgets.HBox([self._stop, self._bar, self._words], layout={"flex_flow": "row wrap"})
        super().__init__([row, self._picture])
        self.draw()

    def stop(self):
        """End the run after the step in hand; safe to call from any thread."""
        self.stopping = True
        self._label("Stopping …", disabled=True)

    def _label(self, words: str, disabled: bool):
        self._stop.description, self._stop.disabled = words, disabled
        hear_while_busy(self._stop)

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Show the widget and pass the records of `gan_lib.training.train` through, drawing a few times a second.

        Parameters
        ----------
        records : iterable of Record
            A generator is closed at once when Stop is pressed, so that checkpoints are saved.

        Yields
        ------
        Record
            The same ones.
        """
        self.stopping = False
        self._label("Stop", disabled=False)
        shown = display(self, display_id=True)
        records, due = iter(records), 0.0
        try:
            for record in records:
                self.records.append(record)
                if time.monotonic() >= due:
                    due = self._timed_draw()
                yield record
                if self.stopping:
                    break
        finally:
            getattr(records, "close", lambda: None)()
            self._label("Stopped" if self.stopping else "Done", disabled=True)
            self.draw()
            if shown is not None:
                shown.update(self)  # the still of the page without a kernel is that of the end

    def _timed_draw(self) -> float:
        """Draw, and say when the next picture may be drawn."""
        start = time.monotonic()
        self.draw()
        end = time.monotonic()
        return end + max(REST, (end - start) * (1 / self.share - 1))

    def draw(self):
        """Draw faces and curves as they are now."""
        self._png = panel_png(self._figure())
        self._picture.value = panel_tag(self._png, self.alt)
        self._bar.value, self._words.value = self.state.step, self._progress()

    def _column(self, name: str) -> np.ndarray:
        return np.array([getattr(record, name) for record in self.records])

    def _figure(self):
        faces = sample(self.state.sampler, self.latents).cpu().nan_to_num()  # a run that failed is looked at too
        sheet = tile(to_uint8(faces).numpy(), columns=math.ceil(len(faces) ** 0.5))
        losses = {"D loss": self._column("d_loss"), "G loss": self._column("g_loss")}
        return run_panel(sheet, self._column("step"), losses, self._column("d_accuracy"), self.last)

    def _progress(self) -> str:
        words = f"step {self.state.step} of {self.last}"
        if self.records:
            speed = np.median(self._column("images_per_second")[-20:])
            words += f", {speed:.0f} images a second"
        return words

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        words = f"{len(self.latents)} faces drawn by the generator after {self.state.step} steps"
        if self.records:
            now = self.records[-1]
            words += (
                f", and curves over the steps: the D loss has come to {now.d_loss:.2f}, the G loss to "
                f"{now.g_loss:.2f}, and D judges {100 * now.d_accuracy:.0f} % of a batch rightly"
            )
        return words

    def still(self) -> Still:
        """Give the last picture, for a page without a kernel."""
        caption = f"The run after step {self.state.step} of {self.last}."
        return Still(self._png, self.alt, caption)

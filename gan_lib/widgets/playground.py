"""The 2-D GAN playground: two small networks that train in the browser, with every knob in reach."""

import math
from types import MappingProxyType

import torch
import traitlets
from torch import nn

from .. import figures, toy
from ..losses import OBJECTIVES
from .page import PageWidget
from .still import Still

MAKERS = MappingProxyType(
    {
        "ring": lambda: toy.ring(8, spread=0.1),
        "grid": lambda: toy.grid(5, spread=0.05),
        "moons": toy.moons,
        "spiral": toy.spiral,
        "gaussian": lambda: toy.gaussian((1.0, -0.5), 0.5),
    }
)
OWN = "own"
CORNER = [  # a small ring, far from where G starts
    [round(2.1 + 0.5 * f(i * math.pi / 12), 2) for f in (math.cos, math.sin)] for i in range(24)
]
DEFAULTS = MappingProxyType(
    dict(
        data="ring",
        objective="non-saturating",
        r1=0.0,
        r2=0.0,
        d_steps=1,
        d_learning_rate=0.003,
        g_learning_rate=0.003,
        optimizer="adam",
        width=16,
    )
)


def _preset(title, says, settings, cure_title, cure_says, cure) -> dict:
    """Make an entry of `PRESETS`; what `settings` does not name is at its default."""
    after = {"title": cure_title, "says": cure_says, "settings": cure}
    return {"title": title, "says": says, "settings": {**DEFAULTS, "points": [], **settings}, "cure": after}


PRESETS = {
    "collapse": _preset(
        "Collapse",
        "G learns ten times as fast as D. It makes one heap, is found out, and moves on to the next.",
        dict(d_learning_rate=0.001, g_learning_rate=0.01),
        "Cure: a D that keeps up",
        "D now learns as fast as G. It has an answer before G has piled up, and the heaps fill one by one.",
        dict(d_learning_rate=0.01),
    ),
    "rotation": _preset(
        "Rotation",
        "One heap, and nothing to choose: still the generated cloud runs past the real one again and again.",
        dict(data="gaussian"),
        "Cure: R1 with γ = 1",
        "R1 makes D lie flat on the real points. The cloud comes to rest on them.",
        dict(r1=1.0),
    ),
    "strong": _preset(
        "D too strong",
        "D takes five steps for each of G, every one ten times as long. G stays where it first found mercy.",
        dict(d_steps=5, d_learning_rate=0.03),
        "Cure: R1 with γ = 1",
        "R1 charges D for its steepness. Its opinion becomes a slope that leads somewhere from everywhere.",
        dict(r1=1.0),
    ),
    "vanishing": _preset(
        "Vanishing gradients",
        "The real points lie in a corner, and D knew at once. Far down there G's minimax loss is flat: the arrows "
        "have no length, and G does not move.",
        dict(data=OWN, points=CORNER, objective="minimax", optimizer="sgd", d_steps=5)
        | dict(d_learning_rate=0.1, g_learning_rate=0.01),
        "Cure: the non-saturating loss",
        "The same D, the same G; only the loss of G has been turned over, and is steepest where D is sure.",
        dict(objective="non-saturating"),
    ),
}


class Playground(PageWidget):
    """Train a 2-D GAN live, in JupyterLab and in a published page.

    Every control is also an attribute to read and to set: `playground.r1 = 0.3`, `playground.running = True`.
    The networks are those of `gan_lib.toy.players`, and the steps those of `gan_lib.toy.train_toy`, computed in
    the browser. `players()` brings them back.

    Parameters
    ----------
    preset : str, optional
        A failure to begin with: "collapse", "rotation", "strong", "vanishing"; set later, it brings its settings.
    data : {"ring", "grid", "moons", "spiral", "gaussian", "own"}, default="ring"
        The real points; "own" are those in `points`.
    objective : str, default="non-saturating"
        A key of `gan_lib.losses.OBJECTIVES`.
    r1, r2 : float, default=0.0
        Weights γ of the gradient penalties, 0 to 100.
    d_steps : int, default=1
        Steps of D for each of G, 1 to 20.
    d_learning_rate, g_learning_rate : float, default=0.003
        From a millionth to 1.
    optimizer : {"sgd", "momentum", "adam"}, default="adam"
    width : int, default=16
        Neurons in each hidden layer, 4 to 64.
    seed : int, default=0
        Fixes weights, points and noise.
    points : list of pairs of float
        Up to 400 points in [−3, 3]² to learn, for `data="own"`.

    Attributes
    ----------
    running : bool
        Whether it trains now; it starts paused.
    steps : int
        Steps made so far, as of the last report of the browser (twice a second).

    Raises
    ------
    traitlets.TraitError
        For a setting outside its range.
    """

    _module = "playground"
    _kept_out = PageWidget._kept_out | {"steps", "running"}

    data = traitlets.Enum((*MAKERS, OWN), DEFAULTS["data"]).tag(sync=True)
    objective = traitlets.Enum((*OBJECTIVES,), DEFAULTS["objective"]).tag(sync=True)
    r1 = traitlets.Float(0.0, min=0, max=100).tag(sync=True)
    r2 = traitlets.Float(0.0, min=0, max=100).tag(sync=True)
    d_steps = traitlets.Int(1, min=1, max=20).tag(sync=True)
    d_learning_rate = traitlets.Float(DEFAULTS["d_learning_rate"], min=1e-6, max=1).tag(sync=True)
    g_learning_rate = traitlets.Float(DEFAULTS["g_learning_rate"], min=1e-6, max=1).tag(sync=True)
    optimizer = traitlets.Enum((*toy.OPTIMIZERS,), DEFAULTS["optimizer"]).tag(sync=True)
    width = traitlets.Int(DEFAULTS["width"], min=4, max=64).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**31 - 1).tag(sync=True)
    points = traitlets.List().tag(sync=True)
    preset = traitlets.Enum(("", *PRESETS), "").tag(sync=True)
    presets = traitlets.Dict(PRESETS).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    steps = traitlets.Int(0).tag(sync=True)

    def __init__(self, preset="", **settings):
        chosen = PRESETS[preset]["settings"] if preset in PRESETS else {}
        self._weights, self._told = b"", False
        super().__init__(preset=preset, **{**chosen, **settings})
        self.on_msg(self._take_weights)
        self.observe(self._take_preset, "preset")  # from now on: above, what was asked for beside a preset wins

    def _take_preset(self, change) -> None:
        """Set what a preset stands for."""
        if change["new"] and not self._told:
            with self.hold_sync():
                for name, value in PRESETS[change["new"]]["settings"].items():
                    setattr(self, name, value)

    def set_state(self, sync_data) -> None:
        """Take what the browser says: with a preset come its settings, or what the reader has made of them."""
        self._told = True
        try:
            super().set_state(sync_data)
        finally:
            self._told = False

    @traitlets.validate("points")
    def _pairs_on_the_plane(self, proposal):
        points = [[round(float(v), 3) for v in point] for point in proposal["value"]]
        if len(points) > 400 or any(len(p) != 2 or max(map(abs, p)) > 3 for p in points):
            raise traitlets.TraitError("points must be at most 400 pairs of numbers between -3 and 3.")
        return points

    @property
    def distribution(self) -> toy.Distribution:
        """The real points as `gan_lib.toy` has them."""
        if self.data != OWN:
            return MAKERS[self.data]()
        made = toy.heaps(OWN, torch.tensor(self.points or [[0.0, 0.0]]), spread=0.04)
        return toy.Distribution(OWN, made.draw, spread=made.spread)

    @property
    def settings(self) -> dict:
        """What `gan_lib.toy.train_toy` takes to train as the playground does."""
        names = ("objective", "r1", "r2", "d_steps", "g_learning_rate", "optimizer", "seed")
        given = {name: getattr(self, name) for name in names}
        return {**given, "learning_rate": self.d_learning_rate, "batch_size": 128}

    def restart(self) -> None:
        """Put both players back to their start."""
        self.send({"do": "restart"})

    def _take_weights(self, widget, content, buffers) -> None:
        """The browser reports: float32 numbers, the generator's and then the discriminator's."""
        if "trained" in content:
            self._weights = bytes(buffers[0])

    def players(self) -> tuple[nn.Sequential, nn.Sequential]:
        """Give the generator and the discriminator as the browser has trained them so far.

        Raises
        ------
        RuntimeError
            When no browser has shown the playground yet, or it has just changed the width.
        """
        pair = toy.players(width=self.width)
        wanted = sum(weight.numel() for net in pair for weight in net.parameters())
        numbers = (
            torch.frombuffer(bytearray(self._weights), dtype=torch.float32) if self._weights else torch.empty(0)
        )
        if len(numbers) != wanted:
            raise RuntimeError(
                f"The browser has sent {len(numbers)} weights where {wanted} are wanted: show the playground in a "
                "cell of its own, let it train, and ask in another cell."
            )
        for weight in (weight for net in pair for weight in net.parameters()):
            weight.data, numbers = (
                numbers[: weight.numel()].reshape(weight.shape).clone(),
                numbers[weight.numel() :],
            )
        return pair

    def still(self, moments: tuple[int, ...] = (1, 300, 1000)) -> Still:
        """Train the same pair with PyTorch and give pictures of the plane after some steps."""
        generator, discriminator = toy.players(width=self.width, seed=self.seed)
        clouds, opinions = [], []
        run = toy.train_toy(generator, discriminator, self.distribution, steps=moments[-1], **self.settings)
        for record in run:
            if record.step in moments:
                clouds.append(toy.generate(generator, 500))
                opinions.append(toy.verdicts(discriminator))
        titles = ["step 1" if step == 1 else f"{step:,} steps" for step in moments]
        picture = figures.planes(clouds, titles, self.distribution.sample(500), opinions)
        return Still(picture, self.alt, "")

    @property
    def alt(self) -> str:
        """What the still shows, in words."""
        target = self.distribution
        heaps = "" if target.modes is None else f", {len(target.modes)} heap{'s' * (len(target.modes) > 1)}"
        return (
            f"Three moments of a GAN on the plane. Blue: the real points ({target.name}{heaps}); orange: the "
            "generated ones; the tint is the discriminator's opinion."
        )

"""Games of two numbers in the phase plane: the start dragged, the size of a step and the turns chosen."""

from types import MappingProxyType

import traitlets

from .. import figures, theory
from .page import PageWidget
from .still import Still

GAMES = MappingProxyType(
    {
        "bilinear": lambda gamma: theory.bilinear(),
        "dirac": theory.dirac_gan,
        "dirac-non-saturating": lambda gamma: theory.dirac_gan(gamma, saturating=False),
    }
)


class SmallGames(PageWidget):
    """Play the bilinear game and the Dirac-GAN in the phase plane, in JupyterLab and in a published page.

    Every control is also an attribute to read and to set; the path is that of `gan_lib.theory.trajectory`.

    Parameters
    ----------
    game : {"bilinear", "dirac", "dirac-non-saturating"}, default="bilinear"
    turns : {"simultaneous", "alternating", "extragradient"}, default="alternating"
        Who moves when; a key of `gan_lib.theory.STEPS`.
    rate : float, default=0.2
        Size of a step, above 0, up to 1.
    gamma : float, default=0.0
        Weight of R1, 0 to 3; the bilinear game has none.
    start : pair of float, default=(1, 0)
        (θ, ψ) before the first step, in [−2, 2]².
    steps : int, default=100
        Steps to play, 1 to 400.
    """

    _module = "games"

    game = traitlets.Enum((*GAMES,), "bilinear").tag(sync=True)
    turns = traitlets.Enum((*theory.STEPS,), "alternating").tag(sync=True)
    rate = traitlets.Float(0.2, min=1e-3, max=1).tag(sync=True)
    gamma = traitlets.Float(0.0, min=0, max=3).tag(sync=True)
    start = traitlets.List(traitlets.Float(min=-2, max=2), [1.0, 0.0], minlen=2, maxlen=2).tag(sync=True)
    steps = traitlets.Int(100, min=1, max=400).tag(sync=True)

    @property
    def path(self):
        """Every position: a float64 tensor of shape (steps + 1, 2)."""
        return theory.trajectory(
            GAMES[self.game](self.gamma), tuple(self.start), self.rate, self.steps, self.turns
        )

    def still(self) -> Still:
        """Give the phase plane with the path as it is set."""
        picture = figures.phase_plane(GAMES[self.game](self.gamma), {self.turns: self.path})
        return Still(picture, self.alt, "")

    @property
    def alt(self) -> str:
        """What the still shows, in words."""
        first, last = self.path[[0, -1]].norm(dim=1)
        return (
            f"Phase plane of the {self.game} game: arrows of the field, and a path of {self.steps} {self.turns} "
            f"steps of size {self.rate:g} from distance {first:.2f} to distance {last:.2f} from the middle."
        )

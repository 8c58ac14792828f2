"""The mathematics behind the game: its value, divergences between distributions, and two small games.

Distributions are tensors of probabilities (they sum to one) or of densities on an even grid (they sum to
one after multiplying by `cell`, the width of a grid cell). Logarithms are natural.

A small game is a *field*: a function from w = (θ, ψ), the generator's number and the discriminator's, to the
direction in which each player wants to move. Fields and steps take tensors of shape (…, 2).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Field = Callable[[Tensor], Tensor]

# --- The value of the game -------------------------------------------------------------------------------


def value(d: Tensor, p: Tensor, q: Tensor, cell: float = 1.0) -> Tensor:
    """V(D, G) = E_p log D(x) + E_q log(1 − D(x)), summed exactly over all x.

    Parameters
    ----------
    d : Tensor of shape (K,)
        D's probability that x is real, in [0, 1].
    p, q : Tensor of shape (K,)
        How likely x is under the real and under the generated distribution.
    cell : float, default=1.0
        Width of a grid cell for densities; 1 for probabilities.

    Returns
    -------
    Tensor
        A scalar, never above zero; −log 4 for a D that says one half everywhere.

    References
    ----------
    Goodfellow et al. 2014, "Generative adversarial nets", equation 3.
    """
    return (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).sum() * cell


def sample_value(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """V(D, G) estimated from D's logits on samples: two tensors of shape (N,) and (M,) -> scalar.

    References
    ----------
    Goodfellow et al. 2014, "Generative adversarial nets", equation 1.
    """
    return F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean()


def optimal_discriminator(p: Tensor, q: Tensor) -> Tensor:
    """D*(x) = p / (p + q), the discriminator of the largest value; one half where nothing ever falls.

    References
    ----------
    Goodfellow et al. 2014, "Generative adversarial nets", equation 2.
    """
    both = p + q
    return torch.where(both > 0, p / both, 0.5)


def best_value(p: Tensor, q: Tensor, cell: float = 1.0) -> Tensor:
    """max over D of V(D, G), by the identity −log 4 + 2 JS(p, q); parameters as in `value`.

    References
    ----------
    Goodfellow et al. 2014, "Generative adversarial nets", equation 6.
    """
    return 2 * jensen_shannon(p, q, cell) - math.log(4)


# --- Divergences -----------------------------------------------------------------------------------------


def cross_entropy(p: Tensor, q: Tensor, cell: float = 1.0) -> Tensor:
    """−Σ p log q: the mean surprise at outcomes of p for one who expects q. Infinite if q rules one out."""
    return -torch.xlogy(p, q).sum() * cell


def kullback_leibler(p: Tensor, q: Tensor, cell: float = 1.0) -> Tensor:
    """Σ p log(p / q) in nats: 0 when p = q, infinite where q rules out what p allows."""
    return cross_entropy(p, q, cell) - cross_entropy(p, p, cell)


def jensen_shannon(p: Tensor, q: Tensor, cell: float = 1.0) -> Tensor:
    """Mean divergence of p and q from their even mixture, in nats: 0 (equal) to log 2 (no overlap).

    References
    ----------
    Lin 1991, "Divergence measures based on the Shannon entropy", equation 4.1.
    """
    mixture = (p + q) / 2
    return (kullback_leibler(p, mixture, cell) + kullback_leibler(q, mixture, cell)) / 2


def total_variation(p: Tensor, q: Tensor, cell: float = 1.0) -> Tensor:
    """½ Σ |p − q|, the largest difference in the probability of any event: 0 (equal) to 1 (no overlap)."""
    return (p - q).abs().sum() * cell / 2


def best_accuracy(p: Tensor, q: Tensor, cell: float = 1.0) -> Tensor:
    """(1 + TV) / 2: the share of an even mix of real and generated that no discriminator can beat."""
    return (1 + total_variation(p, q, cell)) / 2


def total_variation_bound(accuracy: float, count: int | None = None, risk: float = 0.05) -> float:
    """Give a lower bound on the total variation from the accuracy of any discriminator: TV ≥ 2 a − 1.

    Parameters
    ----------
    accuracy : float
        Share of right verdicts on an even mix of real and generated images, in [0, 1].
    count : int, optional
        How many fresh images the accuracy was measured on; it is then first lowered by Hoeffding's margin
        √(log(1/risk) / 2 count). Without it the accuracy is taken as exact.
    risk : float, default=0.05
        Probability that the bound for a finite `count` may be wrong.

    Returns
    -------
    float
        At least 0. It holds for images that D did not train on.

    Raises
    ------
    ValueError
        If the accuracy is not between 0 and 1, `count` not 1 or more, or the risk not above 0 and below 1.

    References
    ----------
    Hoeffding 1963, "Probability inequalities for sums of bounded random variables", theorem 1.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"The accuracy is {accuracy}; give a share between 0 and 1, such as 0.75 for 75 %.")
    if count is None:
        return max(0.0, 2 * accuracy - 1)
    if count < 1 or not 0 < risk < 1:
        raise ValueError(f"count is {count} and risk {risk}; give 1 image or more, and a risk between 0 and 1.")
    margin = math.sqrt(math.log(1 / risk) / (2 * count))
    return max(0.0, 2 * (accuracy - margin) - 1)


# --- Small games -----------------------------------------------------------------------------------------


def bilinear(strength: float = 1.0) -> Field:
    """Give the field of V = strength · θψ, where G moves θ to lower V and D moves ψ to raise it."""

    def field(w: Tensor) -> Tensor:
        theta, psi = w.unbind(-1)
        return strength * torch.stack([-psi, theta], -1)

    return field


def dirac_gan(gamma: float = 0.0, saturating: bool = True) -> Field:
    """Give the field of the Dirac-GAN: one real point at 0, one generated point at θ, logit D(x) = ψx.

    Parameters
    ----------
    gamma : float, default=0.0
        Weight of the R1 penalty, which here is γ ψ² / 2.
    saturating : bool, default=True
        Whether G lowers log(1 − D(θ)), the minimax game, or −log D(θ).

    Returns
    -------
    callable
        The field. D climbs V = log D(0) + log(1 − D(θ)) less the penalty. Our D is high on real images;
        the paper's sign of ψ is the opposite.

    References
    ----------
    Mescheder et al. 2018, "Which training methods for GANs do actually converge?", definition 2.1.
    """

    def field(w: Tensor) -> Tensor:
        theta, psi = w.unbind(-1)
        logit = psi * theta
        pull = torch.sigmoid(logit if saturating else -logit)
        return torch.stack([psi * pull, -theta * torch.sigmoid(logit) - gamma * psi], -1)

    return field


def simultaneous(field: Field, w: Tensor, rate: float) -> Tensor:
    """Step both players at once, each from where the other stands now."""
    return w + rate * field(w)


def alternating(field: Field, w: Tensor, rate: float) -> Tensor:
    """Step D, then step G against the new D, as GANs are trained."""
    theta, psi = w.unbind(-1)
    psi = psi + rate * field(w)[..., 1]
    theta = theta + rate * field(torch.stack([theta, psi], -1))[..., 0]
    return torch.stack([theta, psi], -1)


def extragradient(field: Field, w: Tensor, rate: float) -> Tensor:
    """Look a step ahead, then step from here in the direction found there.

    References
    ----------
    Korpelevich 1976, "The extragradient method for finding saddle points and other problems".
    """
    return w + rate * field(w + rate * field(w))


#: Who moves when, by name: "simultaneous", "alternating", "extragradient".
STEPS = {"simultaneous": simultaneous, "alternating": alternating, "extragradient": extragradient}


def trajectory(
    field: Field, start: tuple[float, float], rate: float, steps: int, method: str = "alternating"
) -> Tensor:
    """Play a game and give every position, start included: a float64 tensor of shape (steps + 1, 2).

    Parameters
    ----------
    field : callable
        From `bilinear` or `dirac_gan`.
    start : pair of float
        (θ, ψ) before the first step.
    rate : float
        Size of a step.
    steps : int
        How many steps to play.
    method : {"simultaneous", "alternating", "extragradient"}, default="alternating"
        Who moves when; the keys of `STEPS`.

    Raises
    ------
    ValueError
        For an unknown method.
    """
    if method not in STEPS:
        raise ValueError(f"method is {method!r}; choose one of {', '.join(STEPS)}.")
    path = [torch.tensor(start, dtype=torch.float64)]
    for _ in range(steps):
        path.append(STEPS[method](field, path[-1], rate))
    return torch.stack(path)


def jacobian(function: Field, at: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Give the 2×2 Jacobian of a field, or of one whole step, at a point, by automatic differentiation."""
    return torch.func.jacrev(function)(torch.tensor(at, dtype=torch.float64))


def step_eigenvalues(field: Field, rate: float, method: str = "alternating") -> Tensor:
    """Give the two eigenvalues (complex) of one step around the equilibrium (0, 0).

    The game converges there if both are smaller than one in size, and runs away if one is larger.
    """
    return torch.linalg.eigvals(jacobian(lambda w: STEPS[method](field, w, rate)))


def measured_eigenvalues(path: Tensor) -> Tensor:
    """Give the two eigenvalues (complex) of the linear map that best carries each position to the next.

    It sees only positions of shape (n, 2), so it can judge any run, the equilibrium being (0, 0).
    Close to an equilibrium it agrees with `step_eigenvalues`.
    """
    return torch.linalg.eigvals(torch.linalg.lstsq(path[:-1], path[1:]).solution)

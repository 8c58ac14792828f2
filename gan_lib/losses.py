"""The objectives, all with one signature, and the gradient penalties.

Sign convention, once: every function here is minimised. A logit above zero says "real"; for least squares, whose
labels are 1 and 0, one above ½.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """What the two players minimise.

    Attributes
    ----------
    name : str
        As used in a recipe.
    discriminator, generator : callable (real_logits, fake_logits) -> scalar Tensor
        Logits of shape (N,), any float dtype.
    pairs : bool, default=False
        Whether the generator's loss looks at the real logits too (then they must have as many rows).
    border : float, default=0.0
        The logit above which D says "real". The relativistic and the Wasserstein objective look at differences
        only and leave it open: accuracies then say little.
    """

    name: str
    discriminator: Loss
    generator: Loss
    pairs: bool = False
    border: float = 0.0

    def accuracies(self, real_logits: Tensor, fake_logits: Tensor) -> tuple[float, float]:
        """Share of the real images that D calls real, and of the generated ones that it does not, from 0 to 1."""
        real, fake = real_logits > self.border, fake_logits < self.border
        return real.float().mean().item(), fake.float().mean().item()


def cross_entropy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Mean cross-entropy of "real or fake?" over both halves of a batch; log 2 for a D that shrugs.

    With D = sigmoid(logit) this is −V(D, G) / 2 for the value V = E log D(x) + E log(1 − D(G(z))).

    References
    ----------
    Goodfellow et al. 2014, "Generative adversarial nets", equation 1.
    """
    return (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()) / 2


def minimax_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E log(1 − D(G(z))): the formula of the report, which saturates where D wins.

    References
    ----------
    Goodfellow et al. 2014, "Generative adversarial nets", equation 1.
    """
    return -F.softplus(fake_logits).mean()


def non_saturating_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """−E log D(G(z)): what the report's log lines show.

    References
    ----------
    Goodfellow et al. 2014, "Generative adversarial nets", section 3.
    """
    return F.softplus(-fake_logits).mean()


def least_squares_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """½ E (D(x) − 1)² + ½ E D(G(z))², with labels 1 and 0.

    References
    ----------
    Mao et al. 2017, "Least squares generative adversarial networks", equation 9.
    """
    return ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2


def least_squares_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """½ E (D(G(z)) − 1)².

    References
    ----------
    Mao et al. 2017, "Least squares generative adversarial networks", equation 9.
    """
    return (fake_logits - 1).square().mean() / 2


def hinge_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))).

    References
    ----------
    Lim and Ye 2017, "Geometric GAN", equation 11.
    """
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def wasserstein_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E D(G(z)) − E D(x), for a D held to slopes of one (see `wgan_gp_penalty`).

    References
    ----------
    Arjovsky et al. 2017, "Wasserstein GAN", equation 2.
    """
    return fake_logits.mean() - real_logits.mean()


def critic_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """−E D(G(z)): the generator's side of the hinge and Wasserstein objectives.

    References
    ----------
    Arjovsky et al. 2017, "Wasserstein GAN", equation 2.
    """
    return -fake_logits.mean()


def relativistic_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E softplus(−(D(x) − D(G(z)))) over pairs of a real and a generated image.

    References
    ----------
    Jolicoeur-Martineau 2018, "The relativistic discriminator", section 4.1; Huang et al. 2024,
    "The GAN is dead; long live the GAN!", equation 2.
    """
    return F.softplus(fake_logits - real_logits).mean()


def relativistic_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E softplus(−(D(G(z)) − D(x))): the same pairs with the sign turned."""
    return F.softplus(real_logits - fake_logits).mean()


#: The objectives by name: "minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic".
OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("minimax", cross_entropy, minimax_generator),
        Objective("non-saturating", cross_entropy, non_saturating_generator),
        Objective("least-squares", least_squares_discriminator, least_squares_generator, border=0.5),
        Objective("hinge", hinge_discriminator, critic_generator),
        Objective("wasserstein", wasserstein_discriminator, critic_generator),
        Objective("relativistic", relativistic_discriminator, relativistic_generator, pairs=True),
    )
}


def _gradients(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Gradient of each image's logit with respect to that image, in float32 or better: (N, pixels)."""
    with torch.autocast(images.device.type, enabled=False):
        images = images.detach().to(torch.promote_types(images.dtype, torch.float32)).requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradient.flatten(1)


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """½ E ‖∇D(x)‖² on real images: what makes the equilibrium attract. Multiply it by γ.

    The paper adds it to the cross-entropies of real and of generated images. `cross_entropy` here is half their
    sum, so that beside it γ presses as hard as 2 γ in the paper.

    Parameters
    ----------
    discriminator : callable
        Maps images of shape (N, …) to logits of shape (N,), each from its own image alone.
    real : Tensor of shape (N, …)
        Real images; computed in float32 at least, whatever the precision around it.

    Returns
    -------
    Tensor
        A scalar that can be differentiated with respect to D's parameters.

    References
    ----------
    Mescheder et al. 2018, "Which training methods for GANs do actually converge?", equation 9.
    """
    return _gradients(discriminator, real).square().sum(1).mean() / 2


def r2_penalty(discriminator: Callable[[Tensor], Tensor], fake: Tensor) -> Tensor:
    """½ E ‖∇D(G(z))‖² on generated images; otherwise as `r1_penalty`.

    The images are cut from the generator's graph: the penalty belongs to the discriminator alone.

    References
    ----------
    Mescheder et al. 2018, "Which training methods for GANs do actually converge?", equation 10.
    """
    return r1_penalty(discriminator, fake)


def wgan_gp_penalty(
    discriminator: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """E (‖∇D(x̂)‖ − 1)² at random points x̂ between real and generated images. Multiply it by λ.

    Parameters
    ----------
    discriminator : callable
        Maps images of shape (N, …) to logits of shape (N,).
    real, fake : Tensor of shape (N, …)
        As many of each.
    generator : torch.Generator, optional
        Where the random points come from.

    Returns
    -------
    Tensor
        A scalar that can be differentiated with respect to D's parameters.

    References
    ----------
    Gulrajani et al. 2017, "Improved training of Wasserstein GANs", equation 3.
    """
    shape = (len(real),) + (1,) * (real.dim() - 1)
    mix = torch.rand(shape, generator=generator, device=real.device, dtype=real.dtype)
    between = torch.lerp(fake.detach(), real, mix)
    return (_gradients(discriminator, between).norm(dim=1) - 1).square().mean()

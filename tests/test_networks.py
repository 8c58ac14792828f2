"""The convolutional and the residual networks: sizes, starting state, and what the browser can afford."""

import math

import pytest
import torch
import torchinfo
from torch import nn
from torch.nn import functional as F

from gan_lib import RECIPES
from gan_lib.networks import NETWORKS, ConvDiscriminator, ModernDiscriminator, ModernGenerator
from gan_lib.networks.modern import ResidualBlock, start_scaled

MODERN = [name for name in NETWORKS if name.startswith("modern")]


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes(name):
    make_generator, make_discriminator = NETWORKS[name]
    images = make_generator(16)(torch.randn(3, 16))
    assert images.shape == (3, 3, 64, 64) and images.abs().max() <= 1
    assert make_discriminator()(images).shape == (3,)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gradient_reaches_every_weight(name):
    """In the second step, for in the first the last convolution of a residual block is still zero."""
    make_generator, make_discriminator = NETWORKS[name]
    generator, discriminator = make_generator(16), make_discriminator()
    players = nn.ModuleList([generator, discriminator])
    optimizer = torch.optim.SGD(players.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        discriminator(generator(torch.randn(4, 16))).square().sum().backward()
        optimizer.step()
    assert not [name for name, weight in players.named_parameters() if not weight.grad.any()]


def test_the_shipped_generator_is_small_enough_for_a_browser():
    summary = torchinfo.summary(ModernGenerator(128), (1, 128), verbose=0)
    assert summary.total_params == 1_614_883 <= 2_500_000
    assert summary.total_mult_adds <= 120e6
    assert RECIPES["faces"].latent_size <= 128


def test_a_residual_block_begins_as_the_identity():
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(ResidualBlock(8, 4)(x), x)


def test_weights_start_as_he_and_fixup_say():
    torch.manual_seed(0)
    block, plain = ResidualBlock(256, 8), nn.Linear(500, 500)
    start_scaled(plain)
    for layer, fan, gain in ((plain, 500, 1), (block.narrow, 256, 8**-0.25), (block.look, 128 * 9, 8**-0.25)):
        assert layer.weight.std().item() == pytest.approx(gain * math.sqrt(2 / (1 + 0.2**2) / fan), rel=0.02)


def test_a_fresh_discriminator_halves_by_the_mean():
    net, x = ModernDiscriminator(), torch.randn(2, 3, 64, 64)
    y = F.avg_pool2d(net.colours(x), 16)
    for change in net.changes:
        y = change(y)
    torch.testing.assert_close(net(x), net.logit(F.leaky_relu(y, 0.2).flatten(1))[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["plain-conv", *MODERN])
def test_without_batch_norm_an_image_is_judged_and_drawn_alone(name):
    """So that gradient penalties mean what they say, and a face does not depend on its neighbours."""
    make_generator, make_discriminator = NETWORKS[name]
    generator, discriminator = make_generator(16), make_discriminator()
    z = torch.randn(4, 16)
    images = generator(z)
    torch.testing.assert_close(generator(z[:1]), images[:1], atol=1e-5, rtol=0)
    torch.testing.assert_close(discriminator(images[:1]), discriminator(images)[:1], atol=1e-4, rtol=1e-4)


def test_batch_norm_stands_where_dcgan_has_it():
    kinds = [type(norm) for norm in ConvDiscriminator().norms]
    assert kinds == [nn.Identity, nn.BatchNorm2d, nn.BatchNorm2d, nn.BatchNorm2d]


def test_a_discriminators_first_convolution_counts_as_by_hand():
    counts = [sum(p.numel() for p in conv.parameters()) for conv in ConvDiscriminator(32).convs]
    assert counts == [4 * 4 * a * b + b for a, b in ((3, 32), (32, 64), (64, 128), (128, 256))]

"""The report's networks against the two tables that the report prints."""

import math

import pytest
import torch
import torchinfo

from gan_lib.networks.report import ReportDiscriminator, ReportGenerator, keras_summary

GENERATOR = [  # layer, output, parameters: figure 5 of the report
    ("Dense", (4096,), 16_781_312),
    ("LeakyReLU", (4096,), 0),
    ("BatchNormalization", (4096,), 16_384),
    ("Reshape", (16, 16, 16), 0),
    ("UpSampling2D", (32, 32, 16), 0),
    ("Conv2D", (32, 32, 128), 51_328),
    ("LeakyReLU", (32, 32, 128), 0),
    ("BatchNormalization", (32, 32, 128), 512),
    ("UpSampling2D", (64, 64, 128), 0),
    ("Conv2D", (64, 64, 3), 9_603),
]
DISCRIMINATOR = [  # figure 6
    ("Flatten", (12288,), 0),
    ("Dense", (512,), 6_291_968),
    ("LeakyReLU", (512,), 0),
    ("Dense", (256,), 131_328),
    ("LeakyReLU", (256,), 0),
    ("Dense", (1,), 257),
]


def test_the_generator_is_the_reports():
    summary = keras_summary(ReportGenerator())
    assert [row[:3] for row in summary] == GENERATOR
    assert (summary.total, summary.total - summary.fixed, summary.fixed) == (16_859_139, 16_850_691, 8_448)


def test_the_discriminator_is_the_reports():
    summary = keras_summary(ReportDiscriminator())
    assert [row[:3] for row in summary] == DISCRIMINATOR
    assert (summary.total, summary.fixed) == (6_423_553, 0)


def test_the_discriminator_is_the_formula():
    net, x = ReportDiscriminator(), torch.randn(5, 3, 64, 64)
    y = x.flatten(1)
    for layer in (net.dense1, net.dense2):
        y = y @ layer.weight.T + layer.bias
        y = torch.where(y > 0, y, 0.2 * y)
    expected = (y @ net.dense3.weight.T + net.dense3.bias)[:, 0]
    torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-5)


def test_weights_start_as_keras_starts_them():
    torch.manual_seed(0)
    for net in (ReportGenerator(64), ReportDiscriminator()):
        for weight in (w for w in net.parameters() if w.dim() > 1):
            limit = math.sqrt(6 / (weight[0].numel() + weight[:, 0].numel()))
            assert 0.95 * limit < weight.abs().max() <= limit
            assert weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.1)
        assert not any(b.any() for name, b in net.named_parameters() if name.endswith("bias"))


def test_batch_norm_forgets_as_fast_as_in_keras_gan():
    net, x = ReportGenerator(8), torch.randn(64, 4096)
    y = x.view(32, 128, 8, 8)
    net.norm1(x), net.norm2(y)
    torch.testing.assert_close(net.norm1.running_mean, 0.2 * x.mean(0))
    torch.testing.assert_close(net.norm2.running_mean, 0.2 * y.mean((0, 2, 3)))


def test_torchinfo_counts_the_same_trainable_parameters():
    for network, size, count in (
        (ReportGenerator(), (1, 4096), 16_850_691),
        (ReportDiscriminator(), (1, 3, 64, 64), 6_423_553),
    ):
        network.eval()
        assert torchinfo.summary(network, size, verbose=0).trainable_params == count


def test_the_printed_summary_ends_with_the_reports_totals():
    text = str(keras_summary(ReportGenerator()))
    assert "total 16,859,139\ntrainable 16,850,691\nnot trainable 8,448" in text
    assert "64×64×3" in text


def test_double_precision_is_summarised_too():
    assert str(keras_summary(ReportGenerator(8).double())) == str(keras_summary(ReportGenerator(8)))


def test_summarising_leaves_the_network_as_it_was():
    network = ReportGenerator(8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    keras_summary(network)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_faces_have_their_shape_and_range_and_logits_theirs():
    faces = ReportGenerator(latent_size=8)(torch.randn(3, 8))
    assert faces.shape == (3, 3, 64, 64)
    assert faces.abs().max() <= 1
    assert ReportDiscriminator()(faces).shape == (3,)


def test_both_paths_draw_the_same_face():
    latents = torch.randn(4, 8)
    fast, plain = ReportGenerator(8), ReportGenerator(8, path="plain")
    plain.load_state_dict(fast.state_dict())
    torch.testing.assert_close(fast(latents), plain(latents), rtol=1e-4, atol=1e-5)


def test_other_networks_are_refused_with_a_sentence():
    with pytest.raises(TypeError, match=r"not Linear; use torchinfo\.summary"):
        keras_summary(torch.nn.Linear(1, 1))

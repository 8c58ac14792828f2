"""ONNX files, run by onnxruntime and held against PyTorch."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gan_lib import export
from gan_lib.cli import main
from gan_lib.export import OPSET, ExportError, export_onnx, terms_of
from gan_lib.networks import ReportGenerator
from gan_lib.networks.modern import ModernGenerator
from gan_lib.weights import pretrained_card, save_generator


class Plain(nn.Module):
    """The operations that a modern generator is made of, at random."""

    latent_size = 12

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(12, 8 * 4 * 4)
        self.convolutions = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(4))
        self.to_image = nn.Conv2d(8, 3, 1)
        self.register_buffer("blur", torch.outer(*[torch.tensor([0.25, 0.5, 0.25])] * 2).expand(8, 1, 3, 3))

    def forward(self, latents):
        x = self.dense(latents * (latents.square().mean(1, keepdim=True) + 1e-8).rsqrt()).view(-1, 8, 4, 4)
        for convolution in self.convolutions:
            x = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), self.blur, padding=1, groups=8)
            x = x + F.leaky_relu(convolution(x), 0.2)
            x = x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        return torch.tanh(self.to_image(x))  # (N, 3, 64, 64)


def report(path):
    """The report's generator with batch statistics that are not those of the start."""
    generator = ReportGenerator(10, path).train()
    with torch.no_grad():
        generator(torch.randn(16, 10))
    return generator


def modern():
    """The modern generator, small, with residual branches that do not start at zero."""
    generator = ModernGenerator(10, (16, 16, 16, 8, 8), (1, 1, 1, 1, 1))
    for parameter in generator.parameters():
        nn.init.normal_(parameter, std=0.2)
    return generator


GENERATORS = {
    "modern": modern,
    "subpixel": lambda: report("subpixel"),
    "plain path": lambda: report("plain"),
    "plain": Plain,
}


@pytest.fixture(scope="module", params=GENERATORS)
def exported(request, tmp_path_factory):
    torch.manual_seed(0)
    generator = GENERATORS[request.param]()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    path = tmp_path_factory.mktemp("onnx") / "g.onnx"
    export_onnx(generator, path, terms="none")
    assert generator.training
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    return generator, path


def test_onnxruntime_draws_what_pytorch_draws(exported):
    generator, path = exported
    session = onnxruntime.InferenceSession(path)
    generator.eval()
    for batch in (1, 3, 8):
        latents = torch.randn(batch, generator.latent_size)
        (images,) = session.run(["images"], {"latents": latents.numpy()})
        with torch.no_grad():
            expected = generator(latents)
        assert images.shape == (batch, 3, 64, 64)
        np.testing.assert_allclose(images, expected, atol=1e-4)


def test_the_file_is_valid_plain_and_tells_nothing_of_the_machine(exported):
    generator, path = exported
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert {p.key: p.value for p in model.metadata_props} == {
        "latent_size": str(generator.latent_size),
        "terms": "none",
    }
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    plain = {"Gemm", "MatMul", "Conv", "Resize", "DepthToSpace", "Reshape", "BatchNormalization"}
    arithmetic = {"Add", "Mul", "Div", "Sqrt", "Reciprocal", "ReduceMean", "Pow", "Constant", "Shape", "Concat"}
    arithmetic |= {"LeakyRelu", "Tanh"}
    assert {node.op_type for node in model.graph.node} <= plain | arithmetic
    assert b".py" not in path.read_bytes()


def test_a_generator_that_onnx_cannot_say_leaves_no_file(tmp_path):
    class Odd(Plain):
        def forward(self, latents):
            return super().forward(latents) if latents.sum() > 0 else latents

    with pytest.raises(ExportError, match="Odd cannot be written as ONNX"):
        export_onnx(Odd(), tmp_path / "g.onnx")
    assert not list(tmp_path.iterdir())


def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch):
    class Program:
        def save(self, path, external_data):
            path.write_bytes(b"half")
            raise OSError("No space left on device")

    (tmp_path / "g.onnx").write_bytes(b"old")
    with pytest.raises(OSError, match="No space"):
        export._write(Program(), tmp_path / "g.onnx")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_missing_packages_and_places_are_sentences(tmp_path, monkeypatch, capsys):
    with pytest.raises(FileNotFoundError, match="There is no folder .* make it first"):
        export_onnx(Plain(), tmp_path / "no" / "g.onnx")
    with pytest.raises(ValueError, match="batch is 0; give a whole number"):
        export_onnx(Plain(), tmp_path / "g.onnx", batch=0)
    with pytest.raises(TypeError, match="Linear has no latent_size; set generator.latent_size to"):
        export_onnx(nn.Linear(5, 3), tmp_path / "g.onnx")
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(ExportError, match=r'onnx and onnxscript missing: pip install "gan-lib\[onnx\]"'):
        export_onnx(Plain(), tmp_path / "g.onnx")


def test_the_command_writes_the_terms_of_a_pretrained_generator(tmp_path, capsys, monkeypatch):
    """A small generator and its card stand where the library's own do."""
    save_generator(report("subpixel"), tmp_path / "small.safetensors", "report")
    (tmp_path / "small.md").write_text("# small\n\n## Terms\n\nFor\nfun only.\n\n## Recipe\n\nNone.\n")
    monkeypatch.setattr("gan_lib.weights.FOLDER", tmp_path)
    out = tmp_path / "faces.onnx"
    assert main(["export", "--from", "small", "--out", str(out), "--batch", "3"]) == 0
    assert "Terms: For fun only." in capsys.readouterr().out
    session = onnxruntime.InferenceSession(out)
    assert session.get_modelmeta().custom_metadata_map == {"latent_size": "10", "terms": "For fun only."}
    assert session.get_inputs()[0].shape == [3, 10]
    assert main(["export", "--from", "monet", "--out", str(out)]) == 1
    assert "There is no pretrained generator 'monet'" in capsys.readouterr().err


def test_the_terms_of_the_reports_generator_are_found():
    assert terms_of(pretrained_card("report-celeba9k")).startswith("Learned from CelebA, which is available")

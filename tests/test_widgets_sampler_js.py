"""The face sampler's arithmetic, in JavaScript, held against PyTorch: noise, paths, faces; and addresses."""

import base64
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gan_lib import load_directions, pretrained, slerp
from gan_lib.networks import ModernGenerator
from gan_lib.training import latents_from_seed
from gan_lib.weights import DIRECTIONS, FOLDER
from gan_lib.widgets import modules

pytestmark = pytest.mark.usefixtures("one_thread")
KNOWS = {"names": ["Smiling", "Young"], "choices": 0, "reach": 3}


@pytest.fixture(scope="module")
def javascript(node_with):
    """Run an expression in JavaScript: `input` is what is passed, `file(path)` reads an ArrayBuffer."""
    files = 'import { readFileSync } from "node:fs";\n'
    files += "export const file = (path) => new Uint8Array(readFileSync(path)).buffer;"
    names = ("generator", "latents", "addresses", "samplersettings")
    return node_with({"files": files, **{name: modules.bundle(name) for name in names}})


# --- Latents ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "size"), [(0, 128), (5, 128), (2**31 - 1, 128), (1234567, 6), (3, 1000)])
def test_a_seed_gives_the_same_noise_as_in_python(javascript, seed, size):
    found = torch.tensor(javascript("[...latentsFromSeed(input.seed, 64, input.size)]", seed=seed, size=size))
    expected = latents_from_seed(seed, 64, size)
    assert expected.abs().max() > 2
    torch.testing.assert_close(found.reshape(64, size), expected, atol=3e-6, rtol=0)


def test_a_face_between_two_is_on_the_arc_of_the_library(javascript):
    noise = latents_from_seed(4, 64, 128)
    code = "input.faces.map((face) => [...latentOf(latentsFromSeed(4, 64, 128), 128, 5, face)])"
    found = torch.tensor(javascript(code, faces=[2, 2.5, 4.25]))
    expected = [noise[2], slerp(noise[2], noise[3], 0.5), slerp(noise[4], noise[0], 0.25)]
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-5, rtol=0)


def test_the_way_from_a_face_to_itself_stays_there(javascript):
    found = torch.tensor(javascript("[...latentOf(latentsFromSeed(4, 64, 16), 16, 1, 0.5)]"))
    torch.testing.assert_close(found, latents_from_seed(4, 64, 16)[0], atol=3e-6, rtol=0)


def test_latents_are_shrunk_and_then_moved(javascript):
    code = "[...moved(Float32Array.of(1, 2, 3), 0.5, [[2, [1, 0, 0]], [-1, [0, 0, 1]], [0, [9, 9, 9]]])]"
    assert javascript(code) == [2.5, 1, 0.5]


# --- The file of weights ---------------------------------------------------------------------------------


def test_every_float16_is_read_as_numpy_reads_it(javascript):
    bits = np.arange(65536, dtype=np.uint16)
    found = javascript("[...Array(65536).keys()].map((bits) => { const v = half(bits); return String(v); })")
    expected = bits.view(np.float16).astype(np.float64)
    assert np.array_equal(np.array([float(value) for value in found]), expected, equal_nan=True)


def test_tensors_come_with_their_shapes_and_values(javascript, tmp_path):
    tensors = {"a": torch.randn(2, 3), "b.c": torch.randn(5).half()}
    save_file(tensors, tmp_path / "two.safetensors", {"note": "x"})
    code = (
        "Object.fromEntries(Object.entries(readSafetensors(file(input.path)))"
        ".map(([name, { shape, values }]) => [name, { shape, values: [...values] }]))"
    )
    found = javascript(code, path=str(tmp_path / "two.safetensors"))
    assert {name: entry["shape"] for name, entry in found.items()} == {"a": [2, 3], "b.c": [5]}
    for name, tensor in tensors.items():
        assert torch.equal(torch.tensor(found[name]["values"]), tensor.float().flatten())


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda contents: contents[:-1000], "cut off"),
        (lambda contents: contents[:100], "cut off"),
        (lambda contents: b"", "cut off"),
        (lambda contents: contents.replace(b"colours.weight", b"colours.wright"), "has no colours.weight"),
        (lambda contents: contents.replace(b'"F16"', b'"I16"', 1), "F16 and F32 can be read"),
    ],
)
def test_a_damaged_file_is_refused_with_a_sentence(javascript, tmp_path, damage, sentence):
    (tmp_path / "bad").write_bytes(damage((FOLDER / "faces.safetensors").read_bytes()))
    code = "(() => { try { new Generator(readSafetensors(file(input.path))); return 'read'; }"
    code += " catch (error) { return error.message; } })()"
    assert sentence in javascript(code, path=str(tmp_path / "bad"))


# --- Faces -----------------------------------------------------------------------------------------------

DRAW = """(() => {
  const generator = new Generator(readSafetensors(file(input.path)), { plain: input.plain });
  const faces = input.latents.map((latent) => [...generator.draw(Float32Array.from(latent))]);
  return { fast: generator.fast, size: generator.size, faces };
})()"""


def both_ways(javascript, generator, path, latents, plain):
    """Draw in JavaScript and in PyTorch; give the largest difference in grey levels."""
    found = javascript(DRAW, path=str(path), latents=latents.tolist(), plain=plain)
    with torch.no_grad():
        expected = (generator(latents).permute(0, 2, 3, 1) + 1) * 127.5  # (n, S, S, 3)
    size = expected.shape[1]
    faces = torch.tensor(found["faces"]).reshape(len(latents), size, size, 4)
    assert found["size"] == size and found["fast"] is not plain
    assert (faces[..., 3] == 255).all() and expected.std() > 20
    return (faces[..., :3] - expected).abs().max().item()


@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "plain"])
def test_faces_are_those_of_pytorch(javascript, plain):
    path, generator = FOLDER / "faces.safetensors", pretrained("faces")
    smile = load_directions(DIRECTIONS / "faces.safetensors")["Smiling"]
    noise = latents_from_seed(6, 64, 128)[:8]
    latents = torch.cat([noise, 1.5 * noise[:2], noise[:2] + 3 * smile, torch.zeros(1, 128)])
    assert both_ways(javascript, generator, path, latents, plain) < 0.6  # half a grey level is rounding


@pytest.mark.parametrize(
    ("channels", "blocks"), [((16, 8), (1, 1)), ((12, 20, 4), (2, 1, 3)), ((8,), (2,))], ids=str
)
@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "plain"])
def test_a_generator_of_other_channels_and_blocks_is_drawn_as_well(javascript, tmp_path, channels, blocks, plain):
    torch.manual_seed(0)
    generator = ModernGenerator(10, channels, blocks)
    for parameter in generator.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)  # fresh blocks do nothing
    save_file({name: value.contiguous() for name, value in generator.state_dict().items()}, tmp_path / "net")
    assert both_ways(javascript, generator, tmp_path / "net", latents_from_seed(0, 3, 10), plain) < 0.6


def test_the_kernel_is_what_its_text_says(tmp_path):
    """The text is for people; wat2wasm of wabt, where it is installed, says whether the bytes are its."""
    text = (modules.HERE / "generator.js").read_text("utf-8")
    bytes_of_it = base64.b64decode("".join(re.findall(r'^  "([\w+/=]+)"', text, flags=re.MULTILINE)))
    assert bytes_of_it[:4] == b"\0asm"
    if not (wat2wasm := shutil.which("wat2wasm")):
        pytest.skip("needs wat2wasm: apt-get install wabt")
    subprocess.run([wat2wasm, modules.HERE / "kernel.wat", "-o", tmp_path / "kernel.wasm"], check=True)
    assert (tmp_path / "kernel.wasm").read_bytes() == bytes_of_it


# --- Addresses -------------------------------------------------------------------------------------------


def test_what_an_address_says_is_read_and_written_again(javascript):
    usual = {"seed": 0, "count": 16, "face": 0, "psi": 1, "shifts": {"Smiling": 0, "Young": 0}}
    settings = usual | {"seed": 7, "face": 2.25, "psi": 0.7, "shifts": {"Smiling": -1.5, "Young": 0}}
    code = "writeSettings(flat(input.settings), flat(input.usual), faceKinds(input.knows))"
    text = javascript(code, settings=settings, usual=usual, knows=KNOWS)
    assert text == "seed=7&face=2.25&psi=0.7&move.Smiling=-1.5"
    found = javascript("readSettings(input.text, faceKinds(input.knows))", text=text, knows=KNOWS)
    assert found["problem"] == ""
    code = "gathered({ ...flat(input.usual), ...input.found })"
    assert javascript(code, usual=usual, found=found["settings"]) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed=1.5", "seed is “1.5”; it takes a whole number from 0 to 2147483647."),
        ("seed=", "it takes a whole number"),
        ("seed=1e99", "it takes a whole number"),
        ("count=65", "count is “65”; it takes a whole number from 1 to 64."),
        ("face=-1", "face is “-1”; it takes a number from 0 to 64."),
        ("psi=NaN", "psi is “NaN”; it takes a number from 0 to 1.5."),
        ("move.Smiling=3.1", "move.Smiling is “3.1”; it takes a number from -3 to 3."),
        ("move.Sneering=1", "There is no setting “move.Sneering”"),
        ("move.__proto__=1", "There is no setting “move.__proto__”"),
        ("__proto__=1", "There is no setting “__proto__”"),
        ("direction=1", "There is no setting “direction”"),
        ("%3Cimg%20src=x", "There is no setting “<img src”"),
    ],
)
def test_what_an_address_should_not_say_is_left_out(javascript, text, words):
    found = javascript("readSettings(input.text, faceKinds(input.knows))", text=f"{text}&count=9", knows=KNOWS)
    assert words in found["problem"] and found["settings"] == {"count": 9}

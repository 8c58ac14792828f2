"""The arithmetic of the two explorers, in JavaScript, held against PyTorch; and the addresses they read."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gan_lib.widgets import ConvolutionExplorer, modules
from gan_lib.widgets.convolution import PRESETS, filter_stages, shown
from gan_lib.widgets.upsampling import coats, fold, named_kernel, picture, small_face, ways, white_becomes

PARTS = ("filters", "enlarging", "addresses")
FACES = np.random.default_rng(0).integers(0, 256, (3, 3, 18, 18), dtype=np.uint8)


@pytest.fixture(scope="module")
def javascript(node_with):
    """Run an expression in JavaScript: `input` is what is passed, all of the explorers' arithmetic is in scope."""
    own = ("unpack", "picturesOf", "dotsOf")  # of the widget itself, which needs a page to be imported
    widget = modules.bundle("convolution").split("class Convolution ")[0]
    widget += f"\nexport {{ {', '.join(own)} }};"
    return node_with({**{part: modules.bundle(part) for part in PARTS}, "widget": widget})


def kernel_of(size, seed=0):
    return torch.randn(size, size, generator=torch.Generator().manual_seed(seed))


# --- Convolution -----------------------------------------------------------------------------------------

FILTER = """
await (async ({ faces, shape, face, kernel, relu, pool }) => {
  const stages = filterStages(picturesOf(await unpack(faces), shape)[face], kernel, relu, pool);
  return Object.values(stages).map((stage) => ({
    planes: stage.planes.map((plane) => [...plane]), size: [stage.height, stage.width],
    dots: [...dotsOf(stage, zeroShown(stage, kernel))],
  }));
})(input)
"""


@pytest.mark.parametrize(("relu", "pool"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("kernel", [*PRESETS, 3, 5])
def test_stages_are_pytorchs(javascript, kernel, relu, pool):
    numbers = PRESETS[kernel] if kernel in PRESETS else kernel_of(kernel)
    explorer = ConvolutionExplorer(FACES, face=1, kernel=numbers, relu=relu, pool=pool)
    found = javascript(FILTER, **explorer.page_state())
    expected = filter_stages(explorer.image, explorer.kernel, relu, pool)
    assert len(found) == len(expected)
    for stage, (name, response) in zip(found, expected.items(), strict=True):
        planes = torch.tensor(stage["planes"]).view(3, *stage["size"])
        assert_close(planes, response, atol=1e-5, rtol=0, msg=lambda text, name=name: f"{name}: {text}")
        dots = torch.tensor(stage["dots"]).view(*stage["size"], 4)[..., :3]
        assert (dots - 255 * torch.tensor(shown(response, explorer.kernel))).abs().max() <= 0.51


def test_the_window_and_its_products_add_up_to_the_result(javascript):
    kernel = kernel_of(5).tolist()
    code = """
    [[0, 0], [9, 3], [17, 17]].map(([row, column]) =>
      sumOf(productsOf(windowAt(input.plane.flat(), 18, 18, 5, row, column), input.kernel)))
    """
    found = javascript(code, plane=(FACES[0, 1] / 255).tolist(), kernel=kernel)
    response = filter_stages(torch.tensor(FACES[0]) / 255, kernel)["convolution"][1]
    assert_close(torch.tensor(found), response[[0, 9, 17], [0, 3, 17]], atol=1e-5, rtol=0)


def test_a_ring_of_zeros_changes_nothing(javascript):
    kernel = kernel_of(3)
    wide = javascript("resizeKernel(input.kernel, 5)", kernel=kernel.tolist())
    image = torch.tensor(FACES[0]) / 255
    assert_close(filter_stages(image, wide)["convolution"], filter_stages(image, kernel)["convolution"])
    assert_close(torch.tensor(javascript("resizeKernel(input.kernel, 3)", kernel=wide)), kernel)


# --- Upsampling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_way_to_enlarge_is_pytorchs(javascript, size, stride):
    image, kernel = torch.tensor(small_face(), dtype=torch.float32), kernel_of(size, seed=size)
    given = {"image": image.tolist(), "kernel": kernel.tolist(), "stride": stride}
    found = javascript("allWays(input.image, input.kernel, input.stride)", **given)
    for name, expected in ways(image, kernel, stride).items():
        assert_close(torch.tensor(found[name]), expected, atol=1e-5, rtol=0)
    counted = javascript("coats(input.kernel.length, input.stride)", **given)
    assert counted == coats(size, stride).tolist()
    white = javascript("whiteBecomes(input.kernel, input.stride)", **given)
    assert_close(torch.tensor(white), white_becomes(kernel, stride), atol=1e-5, rtol=0)


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_each_phase_has_its_small_kernel_and_its_pixels(javascript, size, stride):
    image, kernel = torch.rand(12, 12), kernel_of(size)
    code = """
    Array.from({ length: input.stride ** 2 }, (_, i) => [Math.floor(i / input.stride), i % input.stride])
      .map(([p, q]) => [input.kernel, input.stride, p, q])
      .map((phase) => [folded(...phase), phaseImage(input.image, ...phase)])
    """
    found = javascript(code, image=image.tolist(), kernel=kernel.tolist(), stride=stride)
    whole = ways(image, kernel, stride)["resize"]
    for phase, (small, pixels) in enumerate(found):
        assert_close(torch.tensor(small), fold(kernel, stride)[phase], atol=1e-6, rtol=0)
        p, q = divmod(phase, stride)
        assert_close(torch.tensor(pixels), whole[p::stride, q::stride], atol=1e-5, rtol=0)


def test_pictures_and_kernels_have_the_same_names_and_numbers(javascript):
    face = small_face().tolist()
    for name in ("face", "flat", "one", "slope"):
        found = javascript("smallPicture(input.name, input.face)", name=name, face=face)
        assert_close(torch.tensor(found, dtype=torch.float32), picture(name), atol=1e-6, rtol=0)
    for name in ("equal", "tent"):
        for size in (2, 3, 4, 5):
            found = javascript("namedKernel(input.name, input.size)", name=name, size=size)
            assert_close(torch.tensor(found, dtype=torch.float32), named_kernel(name, size), atol=1e-6, rtol=0)


# --- Addresses -------------------------------------------------------------------------------------------

KINDS = """{
  kernel: kinds.kernel([3, 5], 1000), face: kinds.whole(0, 5), relu: kinds.flag(), at: kinds.place(64),
  picture: kinds.choice(["face", "flat"]), stride: kinds.among([2, 3]),
}"""
USUAL = {
    "kernel": [[0.0] * 3] * 3,
    "face": 0,
    "relu": False,
    "at": [32, 32],
    "picture": "face",
    "stride": 2,
}


def test_what_is_written_can_be_read_again(javascript):
    assert javascript(f"writeSettings(input, input, {KINDS})", **USUAL) == ""
    other = {
        "kernel": [[-1.5, 0.0625, 1e-7], [1000, 0, 0], [0.04, -0.001, 2]],
        "face": 5,
        "relu": True,
        "at": [0, 63],
        "picture": "flat",
        "stride": 3,
    }
    text = javascript(f"writeSettings(input.other, input.usual, {KINDS})", other=other, usual=USUAL)
    read = javascript(f"readSettings(input.text, {KINDS})", text=text)
    assert read == {"settings": other, "problem": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("face=6", "face is “6”; it takes a whole number from 0 to 5."),
        ("face=1.5", "face is “1.5”; it takes"),
        ("face=", "face is “”; it takes"),
        ("relu=constructor", "relu is “constructor”; it takes 0 or 1."),
        ("at=1-64", "at is “1-64”; it takes row and column from 0 to 63"),
        ("at=1", "at is “1”; it takes"),
        ("kernel=1_2_3", "kernel is “1_2_3”; it takes 9 or 25 numbers between −1000 and 1000."),
        ("kernel=1_1_1_1_NaN_1_1_1_1", "kernel is “1_1_1_1_"),
        ("kernel=1_1_1_1_1e9_1_1_1_1", "kernel is “1_1_1_1_"),
        ("kernel=" + "_".join(["1"] * 9999), "kernel is “1_1_1_1_"),
        ("picture=__proto__", "picture is “__proto__”; it takes one of face, flat."),
        ("stride=4", "stride is “4”; it takes one of 2, 3."),
        ("__proto__=1", "There is no setting “__proto__”."),
        ("hat=<img src=x onerror=alert(1)>", "There is no setting “hat”."),
    ],
)
def test_what_an_address_should_not_say_is_left_out(javascript, text, words):
    read = javascript(f"readSettings(input.text, {KINDS})", text=f"relu=1&{text}" if "relu" not in text else text)
    assert read["problem"].startswith("Not all of the address could be used. ") and words in read["problem"]
    assert read["settings"] in ({"relu": True}, {})


ADDRESS = """
await (async ({ usual, says, steps }) => {
  let hash = says, heard = 0;
  const written = [], listeners = [];
  const page = {
    read: () => hash,
    write: (text) => { written.push(text); hash = text; },
    follow: (call) => listeners.push(call),
  };
  const address = new Address(input.nowhere ? undefined : page, KINDS, usual);
  address.follow(() => { heard++; address.read(); });
  const first = address.read();
  for (const { write, sent, rest } of steps) {
    if (write) address.write({ ...usual, ...write });
    if (sent !== undefined) { hash = sent; listeners.forEach((call) => call()); }
    if (rest) await new Promise((done) => setTimeout(done, 350));
  }
  await new Promise((done) => setTimeout(done, 350));
  return { first, written, heard };
})(input)
""".replace("KINDS", KINDS)


@pytest.mark.parametrize(
    ("says", "steps", "written"),
    [
        ("", [{"write": {}}], []),  # all as usual: a page opened at a heading keeps it
        ("", [{"write": {"face": 1}}, {"write": {"face": 2}}], ["face=2"]),  # once they rest
        ("", [{"write": {"face": 1}, "rest": True}, {"write": {}}], ["face=1", ""]),
        ("face=3", [{"write": {"face": 3}}], []),
        ("face=3&hat=1", [{"write": {"face": 3}}], []),  # the reader can still see and mend the slip
        ("face=3&hat=1", [{"write": {"face": 3, "relu": True}}], ["face=3&relu=1"]),
        ("", [{"write": {"face": 1}}, {"sent": "face=4"}], []),  # the reader's address is newer
        ("", [{"write": {"face": 1}}, {"sent": "face=4"}, {"write": {"face": 4}}], []),
    ],
)
def test_the_address_is_written_when_it_has_to_be(javascript, says, steps, written):
    assert javascript(ADDRESS, usual=USUAL, says=says, steps=steps)["written"] == written


def test_where_there_is_no_address_nothing_is_read_or_written(javascript):
    found = javascript(ADDRESS, usual=USUAL, says="face=1", steps=[{"write": {"face": 2}}], nowhere=True)
    assert found == {"first": None, "written": [], "heard": 0}

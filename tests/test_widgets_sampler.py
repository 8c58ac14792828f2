"""The face sampler from the side of Python: latents, pictures, what the kernel answers and what a page is told."""

import base64
import hashlib
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
import traitlets
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from gan_lib import pretrained, pretrained_directions, slerp
from gan_lib.training import latents_from_seed
from gan_lib.weights import FOLDER
from gan_lib.widgets import FaceSampler, Live, Still
from gan_lib.widgets.sampler import principal_directions, tile

VIEW = "application/vnd.jupyter.widget-view+json"


class Tiny(nn.Module):
    """Six numbers in, a picture of one colour out: colours are the tanh of the first three numbers."""

    latent_size = 6

    def forward(self, latents):
        return latents[:, :3, None, None].tanh().expand(-1, 3, 8, 8)


def colours(latents):
    return np.rint((np.tanh(latents[:, :3].numpy()) + 1) * 127.5).astype(np.uint8)


def shown(image):
    """A picture decoded from the `src` that the browser gets."""
    return np.array(Image.open(io.BytesIO(base64.b64decode(image["src"].removeprefix("data:image/png;base64,")))))


def asked(sampler, faces, **settings):
    """What the kernel answers the browser: its words, and pictures (n, S, S, 4)."""
    sent = []
    sampler.send = lambda content, buffers=(): sent.append((content, buffers))
    defaults = {"seed": 0, "count": 16, "psi": 1.0, "direction": 1, "shift": 0.0, "shifts": {}}
    sampler._handle_custom_msg({"draw": 7, "faces": faces, "settings": defaults | settings}, [])
    ((content, buffers),) = sent
    size = content["size"]
    return content, np.frombuffer(buffers[0], np.uint8).reshape(len(faces), size, size, 4)


class Tags(HTMLParser):
    """Every tag with its attributes as a browser would read them."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found[tag] = dict(attributes)


def test_faces_are_the_generators_own():
    sampler = FaceSampler(Tiny(), seed=3, count=5)
    torch.testing.assert_close(sampler.latents, latents_from_seed(3, 64, 6)[:5])
    assert sampler.images.shape == (5, 3, 8, 8) and sampler.images.dtype == torch.uint8
    assert np.abs(sampler.images[:, :, 4, 4].numpy().astype(int) - colours(sampler.latents)).max() <= 1


def test_the_still_holds_the_faces_in_order():
    sampler = FaceSampler(Tiny(), count=11, columns=8)
    picture = shown(Tags(sampler.page_html()).found["img"])
    assert picture.shape == (2 * 8 + 2, 8 * 8 + 7 * 2, 4)
    for i, image in enumerate(sampler.images.numpy()):
        top, left = (i // 8) * 10, (i % 8) * 10
        assert (picture[top : top + 8, left : left + 8, :3] == image.transpose(1, 2, 0)).all()
    assert (picture[:, 8:10, 3] == 0).all()  # nothing is painted between the faces


def test_a_face_of_a_seed_stays_itself_whatever_the_count():
    sampler = FaceSampler(Tiny(), seed=2, count=3)
    three = sampler.latents
    sampler.count = 64
    assert torch.equal(sampler.latents[:3], three)


def test_a_face_between_two_lies_on_the_arc_and_the_last_leads_to_the_first():
    sampler = FaceSampler(Tiny(), seed=1, count=4, face=2)
    torch.testing.assert_close(sampler.latent, sampler.latents[2])
    sampler.face = 3.25
    torch.testing.assert_close(sampler.latent, slerp(sampler.latents[3], sampler.latents[0], 0.25))
    assert sampler.image.shape == (3, 8, 8) and sampler.image.dtype == torch.uint8


def test_truncation_shrinks_the_noise_but_not_the_move():
    sampler = FaceSampler(Tiny(), directions=torch.eye(6)[1])
    before = sampler.latents
    sampler.psi, sampler.shift = 0.5, 2.0
    torch.testing.assert_close(sampler.latents, 0.5 * before + 2 * torch.eye(6)[1])
    assert "truncated to ψ = 0.5, moved by +2.0 along direction 1" in sampler.alt


def test_the_slider_moves_every_face_along_the_chosen_direction():
    directions = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0, 4.0, 0.0]])
    sampler = FaceSampler(Tiny(), directions=directions)
    before = sampler.latents
    sampler.shift = -0.5
    torch.testing.assert_close(sampler.latents - before, (-0.5 * directions[0]).expand(16, 6))
    sampler.direction = 2
    torch.testing.assert_close(sampler.latents - before, (-0.1 * directions[1]).expand(16, 6))
    with pytest.raises(traitlets.TraitError, match="directions 1 to 2"):
        sampler.direction = 3


def test_named_directions_add_up_and_unnamed_ones_go_back():
    axes = torch.eye(6)
    sampler = FaceSampler(Tiny(), directions={"Blond_Hair": 2 * axes[1], "Smiling": axes[4]}, reach=2)
    before = sampler.latents
    assert sampler.names == ["Blond_Hair", "Smiling"] and sampler.reach == 2 and sampler.choices == 0
    sampler.shifts = {"Smiling": 2}
    sampler.shift_by(Blond_Hair=1.5, Smiling=-1.0)
    assert sampler.shifts == {"Blond_Hair": 1.5, "Smiling": -1.0}
    torch.testing.assert_close(sampler.latents - before, (1.5 * axes[1] - axes[4]).expand(16, 6))
    assert "+1.5 along Blond hair, -1.0 along Smiling" in sampler.alt
    sampler.shifts = {"Smiling": 1}
    assert sampler.shifts == {"Blond_Hair": 0.0, "Smiling": 1.0}


def test_the_kernel_draws_what_the_browser_asks_for():
    sampler = FaceSampler(Tiny(), directions={"Young": torch.eye(6)[0]})
    content, pictures = asked(sampler, [0, 2.5, 3], seed=4, psi=0.5, shifts={"Young": 1.0})
    sampler.seed, sampler.psi, sampler.shifts, sampler.face = 4, 0.5, {"Young": 1.0}, 2.5
    expected = torch.stack([sampler.images[0], sampler.image, sampler.images[3]]).permute(0, 2, 3, 1)
    assert content == {"drawn": 7, "size": 8}
    assert (pictures[..., :3] == expected.numpy()).all() and (pictures[..., 3] == 255).all()


def test_a_generator_that_fails_is_told_to_the_browser():
    class Broken(Tiny):
        def forward(self, latents):
            raise RuntimeError("no faces today")

    sampler, sent = FaceSampler(Broken()), []
    sampler.send = lambda content, buffers=(): sent.append(content)
    with pytest.raises(RuntimeError, match="no faces today"):
        sampler._answer(None, {"draw": 1, "faces": [0], "settings": sampler._settings()}, [])
    assert sent == [{"drawn": 1, "problem": "RuntimeError: no faces today"}]


def test_names_that_no_direction_has_are_refused():
    with pytest.raises(traitlets.TraitError, match="no direction Happy; it has Young"):
        FaceSampler(Tiny(), directions={"Young": torch.eye(6)[0]}).shifts = {"Happy": 1}
    with pytest.raises(traitlets.TraitError, match="no names"):
        FaceSampler(Tiny()).shifts = {"Happy": 1}
    with pytest.raises(traitlets.TraitError, match="set shifts, for Young"):
        FaceSampler(Tiny(), directions={"Young": torch.eye(6)[0]}).shift = 1.0


def test_default_directions_are_the_first_singular_vectors():
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(20, 50))
    generator.latent_size = 20
    values = torch.linspace(0.5, 0.1, 20)
    values[:3] = torch.tensor([3.0, 2.0, 1.0])  # three stand out, as in a trained layer
    u, _, v = torch.linalg.svd(torch.randn(50, 20), full_matrices=False)
    generator[0].weight.data = u @ torch.diag(values) @ v
    found = principal_directions(generator, count=3)
    torch.testing.assert_close((found @ v[:3].T).abs(), torch.eye(3), atol=1e-4, rtol=0)
    assert (found.gather(1, found.abs().argmax(1, keepdim=True)) > 0).all()


def test_save_never_overwrites_and_says_where(tmp_path):
    sampler = FaceSampler(Tiny(), seed=4, count=3, folder=tmp_path)
    sampler.save()
    first = (tmp_path / "faces-seed4.png").read_bytes()
    assert (np.array(Image.open(io.BytesIO(first))) == sampler.sheet).all()
    sampler.shift = 1.0
    path = sampler.save()
    assert path == tmp_path / "faces-seed4-2.png"
    assert (tmp_path / "faces-seed4.png").read_bytes() == first


def test_a_page_shows_the_still_of_a_generator_that_it_cannot_run():
    sampler = FaceSampler(Tiny(), seed=5)
    bundle, _ = sampler._repr_mimebundle_()
    assert bundle[VIEW]["model_id"] == sampler.model_id
    tags = Tags(bundle["text/html"]).found
    assert tags["figure"]["class"] == "live-still"
    assert "seed 5" in tags["img"]["alt"]
    assert "Comes alive in Jupyter." in bundle["text/html"]
    assert (shown(tags["img"]) == sampler.sheet).all()


def test_a_page_is_told_where_the_weights_of_the_librarys_generator_are():
    generator = pretrained("faces")
    sampler = FaceSampler(generator, count=2)
    state = json.loads(Tags(sampler.page_html()).found["div"]["data-state"])
    contents = (FOLDER / "faces.safetensors").read_bytes()
    sha256 = hashlib.sha256(contents).hexdigest()
    assert state["weights"] == {"file": f"faces.{sha256[:8]}.safetensors", "size": len(contents), "sha256": sha256}
    assert state["names"] == [*pretrained_directions("faces")] and "Smiling" in state["names"]
    assert (torch.tensor(state["arrows"]) - sampler.directions).abs().max() < 6e-5
    assert "arrows" not in sampler.get_state()  # a notebook does not carry them
    generator.colours.bias.data += 0.01  # trained further: no longer what the file holds
    assert "data-live" not in FaceSampler(generator, count=2).page_html()


def test_a_still_may_be_a_figure_and_its_alternative_text_is_escaped():
    class Plot(Live):
        def still(self):
            fig = Figure(figsize=(2, 1))
            fig.add_subplot().plot([1, 2])
            return Still(fig, 'a "line" with x < 2', "A line.")

    tags = Tags(Plot().still_html()).found
    assert tags["img"]["alt"] == 'a "line" with x < 2'
    assert Image.open(io.BytesIO(base64.b64decode(tags["img"]["src"].split(",")[1]))).width > 100


def test_what_it_cannot_use_is_refused_with_a_sentence():
    with pytest.raises(TypeError, match=r"latent_size.*Linear has none"):
        FaceSampler(nn.Linear(2, 2))
    with pytest.raises(traitlets.TraitError):
        FaceSampler(Tiny(), count=65)
    for name, value in {"seed": -1, "psi": 2.0, "face": -0.5}.items():
        with pytest.raises(traitlets.TraitError):
            setattr(FaceSampler(Tiny()), name, value)


def test_one_face_is_one_picture_and_sheets_do_not_need_full_rows():
    image = torch.arange(3 * 4 * 4, dtype=torch.uint8).view(1, 3, 4, 4).numpy()
    assert (tile(image, columns=8)[..., :3] == image[0].transpose(1, 2, 0)).all()
    assert FaceSampler(Tiny(), count=1).alt.startswith("1 face ")

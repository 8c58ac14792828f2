"""The face sampler, driven from Python and through its own controls."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
import traitlets
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from gan_lib.training import latents_from_seed
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


def control(sampler, description):
    widgets = [w for row in sampler.children[:3] for w in row.children]
    return next(w for w in widgets if w.description == description)


def shown(sampler):
    """The picture on view, decoded from the HTML that the browser gets."""
    data = re.search(r"base64,([^\"]+)", sampler.children[3].value).group(1)
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))))


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


def test_the_picture_on_view_holds_the_faces_in_order():
    sampler = FaceSampler(Tiny(), count=11, columns=8)
    picture = shown(sampler)
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


def test_controls_and_attributes_move_together():
    sampler = FaceSampler(Tiny())
    before = shown(sampler)
    sampler.seed = 9
    assert control(sampler, "Seed").value == 9 and not np.array_equal(shown(sampler), before)
    control(sampler, "Faces").value = 2
    assert sampler.count == 2 and len(sampler.images) == 2
    control(sampler, "Move").value = 1.0
    assert sampler.shift == 1.0
    control(sampler, "New faces").click()
    assert sampler.seed == 10


def test_the_slider_moves_every_face_along_the_chosen_direction():
    directions = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0, 4.0, 0.0]])
    sampler = FaceSampler(Tiny(), directions=directions)
    before = sampler.latents
    sampler.shift = -0.5
    torch.testing.assert_close(sampler.latents - before, (-0.5 * directions[0]).expand(16, 6))
    control(sampler, "Direction").value = 2
    torch.testing.assert_close(sampler.latents - before, (-0.1 * directions[1]).expand(16, 6))
    with pytest.raises(traitlets.TraitError, match="directions 1 to 2"):
        sampler.direction = 3


def test_named_directions_have_a_slider_each_and_add_up():
    axes = torch.eye(6)
    sampler = FaceSampler(Tiny(), directions={"Blond_Hair": 2 * axes[1], "Smiling": axes[4]}, reach=3)
    before = sampler.latents
    control(sampler, "Blond hair").value = 1.5
    control(sampler, "Smiling").value = -1.0
    assert sampler.shifts == {"Blond_Hair": 1.5, "Smiling": -1.0}
    torch.testing.assert_close(sampler.latents - before, (1.5 * axes[1] - axes[4]).expand(16, 6))
    assert "+1.5 along Blond hair, -1.0 along Smiling" in sampler.alt


def test_shifts_set_from_code_move_the_sliders_and_unnamed_ones_go_back():
    sampler = FaceSampler(Tiny(), directions={"Young": torch.eye(6)[0], "Male": torch.eye(6)[1]})
    before = shown(sampler)
    sampler.shifts = {"Young": 2}
    sampler.shifts = {"Male": 1}
    assert control(sampler, "Young").value == 0 and control(sampler, "Male").value == 1
    sampler.shift_by(Young=-2.0)
    assert sampler.shifts == {"Young": -2.0, "Male": 1.0}
    control(sampler, "All to 0").click()
    assert sampler.shifts == {"Young": 0.0, "Male": 0.0} and control(sampler, "Young").value == 0
    assert np.array_equal(shown(sampler), before)


def test_a_slider_draws_the_faces_once(monkeypatch):
    sampler = FaceSampler(Tiny(), directions={"Young": torch.eye(6)[0], "Male": torch.eye(6)[1]})
    drawn = []
    monkeypatch.setattr(sampler, "draw", lambda: drawn.append(sampler.shifts))
    control(sampler, "Young").value = 1.0
    sampler.shifts = {"Male": 2.0}
    assert drawn == [{"Young": 1.0, "Male": 0.0}, {"Young": 0.0, "Male": 2.0}]


def test_names_that_no_direction_has_are_refused():
    with pytest.raises(traitlets.TraitError, match="no direction Happy; it has Young"):
        FaceSampler(Tiny(), directions={"Young": torch.eye(6)[0]}).shifts = {"Happy": 1}
    with pytest.raises(traitlets.TraitError, match="no names"):
        FaceSampler(Tiny()).shifts = {"Happy": 1}


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
    control(sampler, "Save PNG").click()
    first = (tmp_path / "faces-seed4.png").read_bytes()
    assert (np.array(Image.open(io.BytesIO(first))) == sampler.sheet).all()
    sampler.shift = 1.0
    path = sampler.save()
    assert path == tmp_path / "faces-seed4-2.png"
    assert (tmp_path / "faces-seed4.png").read_bytes() == first
    assert str(path) in sampler.children[4].value and 'role="status"' in sampler.children[4].value


def test_every_control_says_what_it_is():
    for sampler in (FaceSampler(Tiny(), directions={"Young": torch.eye(6)[0]}), FaceSampler(Tiny())):
        widgets = [w for row in sampler.children[:3] for w in row.children]
        assert all(w.description and w.tooltip for w in widgets)
    assert "16 faces" in Tags(sampler.children[3].value).found["img"]["alt"]


def test_display_gives_the_view_and_the_still():
    sampler = FaceSampler(Tiny(), seed=5)
    bundle = sampler._repr_mimebundle_()
    assert bundle[VIEW]["model_id"] == sampler.model_id
    tags = Tags(bundle["text/html"]).found
    assert tags["figure"]["class"] == "live-still"
    assert "seed 5" in tags["img"]["alt"]
    assert "Comes alive in Jupyter." in bundle["text/html"]
    png = base64.b64decode(tags["img"]["src"].removeprefix("data:image/png;base64,"))
    assert (np.array(Image.open(io.BytesIO(png))) == sampler.sheet).all()


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
    with pytest.raises(traitlets.TraitError):
        FaceSampler(Tiny()).seed = -1


def test_one_face_is_one_picture_and_sheets_do_not_need_full_rows():
    image = torch.arange(3 * 4 * 4, dtype=torch.uint8).view(1, 3, 4, 4).numpy()
    assert (tile(image, columns=8)[..., :3] == image[0].transpose(1, 2, 0)).all()
    assert FaceSampler(Tiny(), count=1).alt.startswith("1 face ")

"""Figures: what is drawn is what was given."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from gan_lib.augmentation import augment
from gan_lib.data import Faces
from gan_lib.figures import as_pixels, curves, face_grid, face_rows, matrix, run_panel, running_mean


def test_every_kind_of_image_comes_out_as_the_same_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 4), dtype=np.uint8)
    expected = pixels.transpose(0, 2, 3, 1)
    floats = torch.from_numpy(pixels).float() / 127.5 - 1
    for images in (pixels, torch.from_numpy(pixels), floats, floats.numpy(), floats.requires_grad_()):
        np.testing.assert_array_equal(as_pixels(images), expected)
    large = np.zeros((2, 3, 64, 64), np.uint8)
    np.testing.assert_array_equal(as_pixels(Faces(large)), large.transpose(0, 2, 3, 1))


def test_what_is_no_picture_is_a_sentence():
    for images, words in [
        (np.full((2, 3, 4, 4), 255.0), "Pixels go as far as 255, which looks like 0 to 255; give uint8"),
        (torch.full((2, 3, 4, 4), torch.nan), "pixels are infinite or not numbers"),
        (np.zeros((3, 64, 64), np.uint8), r"the shape \(3, 64, 64\); give \(N, 3, S, S\)"),
        (np.zeros((0, 3, 4, 4), np.uint8), "0 images in 8 columns"),
    ]:
        with pytest.raises(ValueError, match=words):
            face_grid(images)
    with pytest.raises(ValueError, match="2 images in 0 columns make no grid"):
        face_grid(np.zeros((2, 3, 4, 4), np.uint8), columns=0)


def test_shifted_colours_are_still_shown():
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)[:, :, None, None].expand(-1, -1, 8, 8)
    distorted = augment(corners.repeat(500, 1, 1, 1), 1.0, torch.Generator().manual_seed(0))
    assert distorted.abs().max() > 2
    assert as_pixels(distorted).shape == (4000, 8, 8, 3)


def test_a_run_that_failed_is_shown_too():
    steps, losses = np.arange(1.0, 5), {"D loss": [0.5, np.nan, np.inf, 9.0], "G loss": [np.nan] * 4}
    _, upper, lower = run_panel(np.zeros((4, 4, 3), np.uint8), steps, losses, [0.6, np.nan, 0.1, 0.3]).axes
    assert upper.get_ylim() == (0, 1.25 * 9)
    assert lower.get_ylim() == (pytest.approx(10), 102) and min(lower.get_yticks()) == 25
    _, _, lower = run_panel(np.zeros((4, 4, 3), np.uint8), steps, losses, [0.6, 0.7, 0.5, 0.9]).axes
    assert lower.get_ylim() == (40, 102) and lower.get_yticks().tolist() == [50, 75, 100]


def test_a_grid_shows_each_image_once_in_order():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 4), np.uint8)
    figure = face_grid(images, columns=3, titles=list("abcde"))
    shown = [axes.images[0].get_array()[0, 0, 0] for axes in figure.axes if axes.images]
    assert shown == [0, 1, 2, 3, 4]
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", "d", "e", ""]


def test_rows_show_each_image_in_its_place_with_their_names():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * np.ones((3, 4, 4), np.uint8)
    figure = face_rows(images, ["up", "down"], titles=list("abc"))
    assert [axes.images[0].get_array()[0, 0, 0] for axes in figure.axes] == [0, 1, 2, 3, 4, 5]
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", "", "", ""]
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["up"], [], [], ["down"], [], []]
    assert len(face_rows(images).axes) == 6


def test_a_matrix_shows_what_is_above_zero_as_discs_and_below_as_rings():
    (axes,) = matrix([[1.0, -0.25], [0.0, 0.25]], ["a", "b"], ["c", "d"]).axes
    discs = {tuple(map(int, disc.center)): disc for disc in axes.patches}
    assert set(discs) == {(0, 0), (1, 0), (1, 1)}  # (column, row)
    assert [bool(discs[at].get_facecolor()[3]) for at in ((0, 0), (1, 0), (1, 1))] == [True, False, True]
    assert discs[0, 0].radius == pytest.approx(2 * discs[1, 1].radius) == pytest.approx(2 * discs[1, 0].radius)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c", "d"]


def test_curves_draw_what_they_are_given():
    figure = curves([1, 2, 3], {"D": [1, 2, 3], "G": [3, 2, 1]}, ylabel="loss")
    (axes,) = figure.axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1, 2, 3], [3, 2, 1]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["D", "G"]


@pytest.mark.parametrize("width", [1, 3, 5, 9])
def test_the_running_mean_is_that_of_a_window_cut_at_the_ends(width):
    values = np.random.default_rng(1).normal(size=20)
    reach = width // 2
    expected = [values[max(0, i - reach) : i + reach + 1].mean() for i in range(20)]
    np.testing.assert_allclose(running_mean(values, width), expected, rtol=1e-9)


def test_a_notebook_can_show_a_figure_without_pyplot():
    code = (
        "import sys, numpy as np; from gan_lib.figures import face_grid;"
        "png = face_grid(np.zeros((2, 3, 4, 4), np.uint8))._repr_png_();"
        "print(png[1:4].decode(), 'matplotlib.pyplot' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["PNG", "False"]

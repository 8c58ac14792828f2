"""Arrays in, `matplotlib.figure.Figure` out. Colours and sizes are those of the rcParams in force.

The figures are made without pyplot, so that a notebook shows one once, where it is the value of a cell.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

WIDTH = 7.0  # inches; what fits the book's column


def as_pixels(images) -> np.ndarray:
    """Images as uint8 of shape (N, S, S, 3), ready to show.

    Parameters
    ----------
    images : Faces, Tensor or ndarray of shape (N, 3, S, S)
        uint8, or float in [-1, 1].
    """
    images = getattr(images, "images", images)
    images = torch.as_tensor(np.asarray(images.detach().cpu() if isinstance(images, torch.Tensor) else images))
    if images.is_floating_point():
        images = images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return images.permute(0, 2, 3, 1).numpy()


def face_grid(images, columns: int = 8, scale: float = 1.0, titles: Sequence[str] | None = None) -> Figure:
    """Show images in rows, edge to edge, or with a title over each.

    Parameters
    ----------
    images : Faces, Tensor or ndarray of shape (N, 3, S, S)
        uint8, or float in [-1, 1].
    columns : int, default=8
        Images in a row.
    scale : float, default=1.0
        Width of the figure as a share of `WIDTH`.
    titles : sequence of N str, optional
        A word over each image.

    Returns
    -------
    Figure
    """
    pixels = as_pixels(images)
    columns = min(columns, len(pixels))
    rows = -(-len(pixels) // columns)
    width = WIDTH * scale
    height = width / columns * rows * (1.0 if titles is None else 1.22)
    figure = Figure(figsize=(width, height), layout="none")
    top = 1.0 if titles is None else 1 - 0.16 / rows
    figure.subplots_adjust(0, 0, 1, top, wspace=0.02, hspace=0.02 if titles is None else 0.24)
    cells = figure.subplots(rows, columns, squeeze=False)
    for index, cell in enumerate(cells.flat):
        cell.set_axis_off()
        if index < len(pixels):
            cell.imshow(pixels[index])
        if titles is not None and index < len(titles):
            cell.set_title(titles[index], fontsize="small", pad=3)
    return figure


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    xlabel: str = "step",
    ylabel: str = "",
    smooth: int = 1,
    height: float = 3.0,
) -> Figure:
    """Draw lines over a common axis, each with its name at its right end; smoothed over the raw values.

    Parameters
    ----------
    x : sequence of N floats
        Where.
    lines : mapping of str to sequence of N floats
        A name and the values, for each line.
    xlabel, ylabel : str
        Names of the axes, with units.
    smooth : int, default=1
        Width of a running mean, drawn over the faint raw values; 1 draws the values alone.
    height : float, default=3.0
        Inches.

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    for index, (name, values) in enumerate(lines.items()):
        colour = f"C{index}"
        if smooth > 1:
            axes.plot(x, values, color=colour, alpha=0.25, linewidth=0.6)
        axes.plot(x, running_mean(values, smooth), color=colour, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if len(lines) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=len(lines))
    return figure


def running_mean(values: Sequence[float], width: int) -> np.ndarray:
    """Mean over a centred window, cut at the ends, as long as the input."""
    values, ones = np.asarray(values, float), np.ones(width)
    if width <= 1:
        return values
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")

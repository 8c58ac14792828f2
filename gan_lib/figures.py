"""Arrays in, `matplotlib.figure.Figure` out. Colours and fonts are those of the rcParams in force, sizes are in
inches.

The figures are made without pyplot, so that a notebook shows one once, where it is the value of a cell.
"""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

import numpy as np
import torch
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from .data.faces import checked_floats, to_uint8

WIDTH = 7.0  # inches; what fits the book's column
PANEL_SIZE = (WIDTH, 3.4)  # of `run_panel`


class Picture(Figure):
    """A figure that a notebook shows as the value of a cell, whether or not pyplot has been used before."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()


def as_pixels(images) -> np.ndarray:
    """Images as uint8 of shape (N, S, S, 3), ready to show.

    Parameters
    ----------
    images : Faces, Tensor or ndarray of shape (N, 3, S, S)
        uint8, or float in [-1, 1]: rounded, and clamped.

    Raises
    ------
    ValueError
        When the shape is another, or a pixel is not finite or far beyond [-1, 1].
    """
    images = getattr(images, "images", images)
    images = images.detach().cpu() if isinstance(images, torch.Tensor) else torch.from_numpy(np.array(images))
    if images.dim() != 4 or images.shape[1] != 3:
        raise ValueError(f"Images have the shape {tuple(images.shape)}; give (N, 3, S, S).")
    if images.is_floating_point():
        images = to_uint8(checked_floats(images))
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
        Width of the figure as a share of 7 inches.
    titles : sequence of N str, optional
        A word over each image.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        When there are no images or no columns, or as `as_pixels`.
    """
    pixels = as_pixels(images)
    if not len(pixels) or columns < 1:
        raise ValueError(f"{len(pixels)} images in {columns} columns make no grid; give at least one of each.")
    columns = min(columns, len(pixels))
    rows = -(-len(pixels) // columns)
    side = WIDTH * scale / columns
    headline = 0.02 * side if titles is None else 0.26  # inches over each row
    height = rows * (side + headline)
    figure = Picture(figsize=(columns * side, height), layout="none")
    top = 1.0 if titles is None else 1 - headline / height
    figure.subplots_adjust(0, 0, 1, top, wspace=0.02, hspace=headline / side)
    cells = figure.subplots(rows, columns, squeeze=False)
    for index, cell in enumerate(cells.flat):
        cell.set_axis_off()
        if index < len(pixels):
            cell.imshow(pixels[index])
        if titles is not None and index < len(titles):
            cell.set_title(titles[index], fontsize="small", pad=3)
    return figure


def face_rows(
    images,
    names: Sequence[str] = (),
    titles: Sequence[str] = (),
    scale: float = 1.0,
) -> Figure:
    """Show rows of images, each row with its name at the left, each column with a title above.

    Parameters
    ----------
    images : Tensor or ndarray of shape (R, T, 3, S, S)
        uint8, or float in [-1, 1]; as `follow` gives them.
    names : sequence of R str, optional
        One for each row; `""` leaves a row without.
    titles : sequence of T str, optional
        One for each column.
    scale : float, default=1.0
        Width of the figure as a share of 7 inches.

    Returns
    -------
    Figure
    """
    rows, columns = len(images), len(images[0])
    pixels = as_pixels(images.reshape(rows * columns, *images.shape[2:]))
    letters = max((len(line) for name in names for line in name.split("\n")), default=0)
    margin = 0.108 * letters + 0.08 * bool(names)
    side = (WIDTH * scale - margin) / columns  # inches
    height = rows * side + 0.26 * bool(titles)
    figure = Picture(figsize=(WIDTH * scale, height), layout="none")
    figure.subplots_adjust(margin / (WIDTH * scale), 0, 1, rows * side / height, wspace=0.02, hspace=0.02)
    cells = figure.subplots(rows, columns, squeeze=False)
    for cell, picture in zip(cells.flat, pixels, strict=True):
        cell.imshow(picture)
        cell.set_axis_off()
    for cell, name in zip(cells[:, 0], names, strict=False):
        cell.text(-0.06, 0.5, name, ha="right", va="center", transform=cell.transAxes, fontsize="medium")
    for cell, title in zip(cells[0], titles, strict=False):
        cell.set_title(title, fontsize="medium", pad=3)
    return figure


def matrix(values, rows: Sequence[str], columns: Sequence[str], height: float | None = None) -> Figure:
    """Show a table of numbers from -1 to 1 as discs (above 0) and rings (below), the larger the further from 0.

    Parameters
    ----------
    values : Tensor or ndarray of shape (R, C)
        Such as cosines or correlations.
    rows : sequence of R str
        Names at the left.
    columns : sequence of C str
        Names above.
    height : float, optional
        Inches; by default so that the cells are square or nearly.

    Returns
    -------
    Figure
    """
    values = np.asarray(values)
    figure = Picture(figsize=(WIDTH, height or 0.8 + 5.2 * len(rows) / len(columns)), layout="constrained")
    axes = figure.subplots()
    for (row, column), value in np.ndenumerate(values):
        radius = 0.44 * min(abs(value), 1.0) ** 0.5  # so that the area is the number
        look = {"facecolor": "C1"} if value > 0 else {"facecolor": "none", "edgecolor": "C0", "linewidth": 1.6}
        if radius > 0.1:
            axes.add_patch(Circle((column, row), radius, **look))
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")
    axes.set_yticks(range(len(rows)), rows, fontsize="medium")
    axes.set_xticks(range(len(columns)), columns, fontsize="medium", rotation=45, ha="left")
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    axes.set_xticks(np.arange(0.5, len(columns) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(rows) - 1), minor=True)
    axes.grid(which="minor")
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    return figure


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    xlabel: str = "step",
    ylabel: str = "",
    smooth: int = 1,
    height: float = 3.0,
) -> Figure:
    """Draw lines over a common axis, smoothed over the raw values; names of several stand in a legend above.

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
    figure = Picture(figsize=(WIDTH, height), layout="constrained")
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
    values = np.asarray(values, float)
    width = min(width, len(values))
    if width <= 1:
        return values
    ones = np.ones(width)
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def run_panel(
    picture: np.ndarray,
    steps: Sequence[float],
    losses: Mapping[str, Sequence[float]],
    accuracy: Sequence[float],
    last: int | None = None,
    mark: int | None = None,
    smooth: int = 1,
) -> Figure:
    """Show where a run stands: sample faces beside the curves of the losses and of D's accuracy.

    Where a value is not finite, its curve has a gap.

    Parameters
    ----------
    picture : uint8 array of shape (H, W, 3) or (H, W, 4)
        A square sheet of faces.
    steps : sequence of N floats
        Where the curves are measured.
    losses : mapping of str to sequence of N floats
        In nats; a thin line marks log 2, what D pays for a shrug.
    accuracy : sequence of N floats
        0 to 1; a thin line marks one half.
    last : int, optional
        Where the axis of steps ends; by default with the curves.
    mark : int, optional
        A step to mark.
    smooth : int, default=1
        Width of a running mean, drawn over the faint raw values; 1 draws the values alone.

    Returns
    -------
    Figure
    """
    figure = Picture(figsize=(WIDTH, 3.4), layout="none")
    sheet = figure.add_axes((0.0, 0.0, 3.4 / WIDTH, 1.0))
    sheet.imshow(picture, interpolation="nearest", aspect="auto")
    sheet.set_axis_off()
    upper, lower = figure.add_axes((0.565, 0.56, 0.405, 0.36)), figure.add_axes((0.565, 0.13, 0.405, 0.31))
    panels = ((upper, losses, np.log(2)), (lower, {"accuracy of D, %": 100 * np.asarray(accuracy)}, 50))
    for axes, lines, rest in panels:
        for index, (name, values) in enumerate(lines.items(), start=2 * (axes is lower)):
            if smooth > 1:
                axes.plot(steps, values, color=f"C{index}", alpha=0.2, linewidth=0.4)
            axes.plot(steps, running_mean(values, smooth), color=f"C{index}", linewidth=1.3, label=name)
        axes.axhline(rest, color="C5", linewidth=0.8, linestyle=":")
        if mark is not None:
            axes.axvline(mark, color="C4", linewidth=1.2)
        axes.set_xlim(0, last or max([1, *steps[-1:]]))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 0.95), ncols=2, borderaxespad=0.1)
    upper.tick_params(labelbottom=False)
    top = max(_finite(running_mean(values, smooth)).max(initial=2.4) for values in losses.values())
    upper.set_ylim(0, 1.25 * top)
    bottom = _finite(running_mean(100 * np.asarray(accuracy), smooth)).min(initial=40)
    lower.set(ylim=(bottom, 102), yticks=[tick for tick in (0, 25, 50, 75, 100) if tick >= bottom])
    lower.set_xlabel("step", fontsize="small")
    return figure


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def planes(
    clouds: Sequence,
    titles: Sequence[str] = (),
    real=None,
    verdicts: Sequence = (),
    limit: float = 3.0,
    width: float = WIDTH,
    columns: int | None = None,
) -> Figure:
    """Show clouds of generated points side by side, over real points and over what D says where.

    Parameters
    ----------
    clouds : sequence of arrays of shape (N, 2)
        Generated points, a panel for each.
    titles : sequence of str, optional
        A line over each panel.
    real : array of shape (M, 2), optional
        Real points, the same in every panel.
    verdicts : sequence of arrays of shape (S, S), optional
        D's probability of "real" on the square, lowest row first: tinted where D is sure, clear at one half.
    limit : float, default=3.0
        The panels show [−limit, limit]².
    width : float, default=WIDTH
        Inches.
    columns : int, optional
        Panels in a row; by default all of them.

    Returns
    -------
    Figure
    """
    columns = columns or len(clouds)
    rows = -(-len(clouds) // columns)
    figure = Picture(figsize=(width, rows * (width / columns + 0.25 * bool(titles))), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for index, (axes, cloud) in enumerate(zip(panels, clouds, strict=False)):
        if index < len(verdicts):
            tint(axes, np.asarray(verdicts[index]), limit)
        size = 2.5 if len(clouds) > 1 else 6
        if real is not None:
            axes.scatter(*np.asarray(real).T, s=size, color="C0", alpha=0.5, linewidths=0, label="real")
        axes.scatter(*np.asarray(cloud).T, s=size, color="C1", alpha=0.7, linewidths=0, label="generated")
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_visible(True)
        if index < len(titles):
            axes.set_title(titles[index], fontsize="small")
    return figure


def tint(axes, probability: np.ndarray, limit: float) -> None:
    """Lay D's opinion over a panel: the first colour where it says real, the second where generated."""
    image = np.where(probability[..., None] > 0.5, to_rgba("C0"), to_rgba("C1"))
    image[..., 3] = 0.4 * np.sqrt(np.abs(2 * probability - 1))
    axes.imshow(image, extent=(-limit, limit) * 2, origin="lower", interpolation="bilinear")


def phase_plane(field: Callable, paths: Mapping[str, Sequence], limit: float = 2.0, width: float = 5.0) -> Figure:
    """Draw the arrows of a game of two numbers, and the paths that players take through them.

    Parameters
    ----------
    field : callable
        Maps a tensor of positions (…, 2) to directions (…, 2), as in `gan_lib.theory`.
    paths : mapping of str to array of shape (N, 2)
        A name and the positions (θ, ψ), first to last. A ring marks the start, a dot the end.
    limit : float, default=2.0
        The picture shows [−limit, limit]².
    width : float, default=5.0
        Inches.

    Returns
    -------
    Figure
    """
    figure = Picture(figsize=(width, width), layout="constrained")
    axes = figure.subplots()
    line = torch.linspace(-limit, limit, 15)[1:-1]
    at = torch.cartesian_prod(line, line).double()
    arrows = torch.nn.functional.normalize(field(at), dim=-1)
    axes.quiver(*at.T, *arrows.T, color="C5", alpha=0.7, width=0.004, scale=26, pivot="middle")
    axes.plot(0, 0, "+", color="C5", markersize=10)
    for index, (name, path) in enumerate(paths.items()):
        theta, psi = np.asarray(path).T
        axes.plot(theta, psi, ".-", color=f"C{index}", linewidth=1.2, markersize=3, label=name)
        axes.plot(theta[0], psi[0], "o", markerfacecolor="none", color=f"C{index}", markersize=9)
        axes.plot(theta[-1], psi[-1], "o", color=f"C{index}", markersize=7)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axes.set(xlabel="generator θ", ylabel="discriminator ψ")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=len(paths))
    return figure

"""What drawn faces are painted on: pictures, windows in them, and the soft shapes that all parts are made of.

Planes are changed in place where they can be, and what changes slowly down a picture is computed on every second
line: both are a matter of speed.
"""

import numpy as np

from .drawn_people import RANGES

HUGE = np.float32(1e30)


class Few:
    """Some of the people: each measure is taken from them when it is first asked for."""

    def __init__(self, people, chosen):
        self._people, self._chosen = people, chosen

    def __getattr__(self, name):
        value = getattr(self._people, name)[self._chosen]
        setattr(self, name, value)
        return value


class Canvas:
    """A batch of pictures while they are painted.

    `colour` is (N, 3, S, S); `light` on it, `shine` over it and all other planes are (N, S, S). A pixel lies at
    (x, y) in the frame of the head and at (u, v) in that of the face, which yaw and pitch turn further. The people
    `p` learn how large a pixel is on their heads.
    """

    PLANES = ("x", "y", "u", "v", "head", "slope", "shade", "strands", "light", "shine")

    def __init__(self, p, size):
        self.count, self.size, self.poses = len(p.zoom), size, poses(p)
        p.pixel = np.float32(2 / size) / p.zoom
        axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - 1
        self.across, self.down = np.repeat(axis[None], size, axis=0), np.repeat(axis[:, None], size, axis=1)
        for name in self.PLANES:
            setattr(self, name, np.empty((self.count, size, size), np.float32))
        self.colour = np.empty((self.count, 3, size, size), np.float32)
        self.pixels = np.empty((self.count, 3, size, size), np.uint8)

    def paint(self, alpha, paint, light=None):
        """Cover everything with a colour, alpha from 0 (not at all) to 1 (wholly), and with a light."""
        change = paint - self.colour
        change *= alpha[:, None]
        self.colour += change
        if light is not None:
            change = light - self.light
            change *= alpha
            self.light += change


class Window(Canvas):
    """Rows and columns of some pictures of a canvas.

    A plane is cut out when a part first asks for it, as a copy if need be; `put_back` returns what was painted.
    """

    PAINTED = ("colour", "light", "shine", "slope", "shade", "strands")

    def __init__(self, canvas, rows, columns, chosen):
        self._canvas, self._where = canvas, (chosen, ..., rows, columns)
        self.size, self.poses, self.across, self.down = canvas.size, canvas.poses, canvas.across, canvas.down

    def __getattr__(self, name):
        value = np.ascontiguousarray(getattr(self._canvas, name)[self._where])
        setattr(self, name, value)
        return value

    def put_back(self):
        for name in vars(self).keys() & set(self.PAINTED):
            mine, whole = getattr(self, name), getattr(self._canvas, name)
            if not np.may_share_memory(mine, whole):
                whole[self._where] = mine


def poses(p):
    """The ends of zoom and of shift down, those of `RANGES` or beyond: what a `box` must be ready for."""
    ends = []
    for name in ("zoom", "shift_y"):
        low, high = RANGES[name]
        measure = getattr(p, name)
        ends.append((min(low, float(measure.min())), max(high, float(measure.max()))))
    return tuple(ends)


def box(size, poses, wide, top, bottom, drift=0.08):
    """Rows and columns of the pixels within `wide` of the middle, from top to bottom, wherever a head turns."""
    (least, most), (up, down) = poses
    tilt = 0.08 * most * max(abs(top), abs(bottom))
    left, right = -most * wide - tilt - drift, most * wide + tilt + drift
    top = min(least * top, most * top) + up - 0.05 - 0.08 * wide
    bottom = max(least * bottom, most * bottom) + down + 0.05 + 0.08 * wide

    def cut(low, high):
        return slice(max(int((low + 1) * size / 2), 0), min(int((high + 1) * size / 2) + 1, size))

    return cut(top, bottom), cut(left, right)


def ramp(value):
    """The value, held between 0 and 1."""
    return np.clip(value, 0, 1)


def above(value):
    """The value where it is positive, 0 elsewhere."""
    return np.clip(value, 0, HUGE)


def edge(distance, pixel, at=0):
    """Share of a pixel inside a shape, which is where `distance` is less than `at`."""
    share = distance * (-1 / pixel)
    share += 0.5 + at / pixel
    return np.clip(share, 0, 1, out=share)


def hump(square):
    """A smooth bell of a squared distance: 1 at 0, falling to 0 at 1 and beyond."""
    inside = 1 - square
    np.clip(inside, 0, HUGE, out=inside)
    inside *= inside
    return inside


def step(value):
    """From 0 to 1, smoothly, while `value` does."""
    value = np.clip(value, 0, 1)
    smooth = value * -2
    smooth += 3
    smooth *= value
    smooth *= value
    return smooth


def wave(turns, height=1):
    """A sine-like wave of parabolas between `-height` and `height`, period 1."""
    part = np.rint(turns)
    np.subtract(turns, part, out=part)
    bend = np.abs(part)
    bend *= 16 * height
    bend -= 8 * height
    bend *= part
    return bend


def coarse(plane):
    """Every second line of pictures of more than 32: enough for what changes slowly, `finer` draws the others."""
    return plane[..., :: 2 if plane.shape[-1] > 32 else 1, :]


def finer(lines, out):
    """Fill the planes `out` from every second of their lines, or all: between each two lies their mean."""
    if lines.shape == out.shape:
        out[...] = lines
        return out
    out[..., ::2, :] = lines
    out[..., -1, :] = lines[..., -1, :]
    between = out[..., 1:-1:2, :]
    np.add(lines[..., 1:, :], lines[..., :-1, :], out=between)
    between *= 0.5
    return out

"""The parts of a drawn face, painted from back to front.

Each part paints the colour of its surface and the light on it, in its own box of the picture. Only operations
that IEEE 754 rounds exactly are used (+ - * /, square root, minimum, maximum, comparison, floor), never exp, sin,
powers or sums along an axis, so that every machine draws the same pixels.
"""

from types import SimpleNamespace

import numpy as np

from .drawn_people import colour, tint

WHOLE = (slice(None), slice(None), slice(None))
HUGE = np.float32(1e30)


class Canvas:
    """A batch of pictures while they are painted: `colour` (N, 3, S, S), `light` and `shine` (N, S, S)."""

    def __init__(self, p, size):
        count, self.size = len(p.yaw), size
        self.axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - 1
        half = p.roll * np.float32(0.5)  # the tangent of half the angle gives its cosine and sine by division
        scale = (1 + half * half) * p.zoom
        cosine, sine = (1 - half * half) / scale, 2 * half / scale
        right, down = self.axis[None, None, :] - p.shift_x + 0.8 * p.yaw, self.axis[None, :, None] - p.shift_y
        self.x, self.y = (
            right * cosine + down * sine,
            down * cosine - right * sine,
        )  # (N, S, S), in the face's frame
        self.pixel = np.float32(2 / size) / p.zoom
        self.colour = np.empty((count, 3, size, size), np.float32)
        self.light = np.ones((count, size, size), np.float32)
        self.shine = np.zeros((count, size, size), np.float32)

    def box(self, wide, top, bottom, drift=0.09):
        """Index of the pixels within `wide` of the middle, from top to bottom, wherever a head turns."""

        def cut(low, high, margin):
            ends = (np.array((low - margin, high + margin)) + 1) * (self.size / 2)
            return slice(max(int(ends[0]), 0), min(int(ends[1]) + 1, self.size))

        tall = max(abs(top), abs(bottom))
        return (slice(None), cut(top, bottom, 0.07 + 0.05 * tall + 0.08 * wide),
                cut(-wide, wide, drift + 0.05 * wide + 0.08 * tall))  # fmt: skip

    def paint(self, box, alpha, paint, light=None):
        """Cover the box with a colour, alpha from 0 (not at all) to 1 (wholly), and with a light."""
        for channel in range(3):
            view = self.colour[:, channel][box]
            view += alpha * (paint[:, channel] - view)
        if light is not None:
            view = self.light[box]
            view += alpha * (light - view)

    def only(self, chosen):
        """A canvas with copies of the chosen pictures."""
        few = object.__new__(Canvas)
        few.__dict__ = {
            name: value[chosen] if np.ndim(value) > 1 else value for name, value in vars(self).items()
        }
        return few

    def put_back(self, chosen, few):
        self.colour[chosen], self.light[chosen], self.shine[chosen] = few.colour, few.light, few.shine


def ramp(value):
    """The value, held between 0 and 1."""
    return np.clip(value, 0, 1)


def above(value):
    """The value where it is positive, 0 elsewhere."""
    return np.clip(value, 0, HUGE)


def edge(distance, pixel):
    """Share of a pixel inside a shape: `distance` to its edge is negative inside."""
    return ramp(np.float32(0.5) - distance / pixel)


def hump(square):
    """A smooth bell of a squared distance: 1 at 0, falling to 0 at 1 and beyond."""
    inside = above(1 - square)
    return inside * inside


def step(value):
    """From 0 to 1, smoothly, while `value` does."""
    value = ramp(value)
    return value * value * (3 - 2 * value)


def wave(turns):
    """A sine-like wave of parabolas between -1 and 1, period 1."""
    part = turns - np.floor(turns)
    part += part - 1
    return part * (4 - 4 * np.abs(part))


def background(c, p):
    """Two colours that run into each other, and two large blurred shapes, mostly dull as behind real faces."""
    dull = p.background_c * p.background_c * p.background_c * 0.45
    bright = 0.05 + 0.95 * p.background_b
    first = colour(p.background_a, dull, bright)
    second = colour(p.background_a + 0.2 * p.background_d, dull, bright * (0.4 + 0.8 * p.background_f))
    x, y = c.axis[None, None, :], c.axis[None, :, None]
    across = step(0.5 + x * (p.background_d - 0.5)) + (y * (p.background_e - 0.5))
    for channel in range(3):
        c.colour[:, channel] = first[:, channel] + across * (second - first)[:, channel]
    for a, b, size in ((p.phase_a, p.phase_b, 0.9), (p.phase_c, p.phase_d, 0.6)):
        u, v = (x - 3 * a + 1.5) / size, (y - 2.4 * b + 1.4) / (size + a)
        c.paint(WHOLE, 0.8 * p.background_f * hump(u * u + v * v), colour(p.background_d + 0.2 * b, dull, a))


def strands(c, p):
    """Texture of the hair, about -1 to 1: strands fall in parabolas from the parting, straight or in waves."""
    down = np.sqrt(above(c.y + 1.25) + 0.25)
    strand = (c.x - p.part * 0.5) / down
    strand += (0.055 * p.curls) * wave(c.y * (1.3 + 0.5 * p.phase_b) + p.phase_a + strand * 1.3)
    strand += 0.05 * wave(strand * 1.37 + p.phase_d)
    coarse = wave(strand * (2.1 + p.phase_c) + p.phase_b)
    fine = wave(strand * (6.1 + 2 * p.phase_d) + p.phase_c + 0.35 * coarse)
    return 0.5 * coarse + 0.33 * fine


def back_hair(c, p):
    """Long hair behind neck and shoulders."""
    width = p.head_width + 0.6 * p.volume + p.fall * step((c.y + 0.6) * 0.8) + 0.02 * c.strands
    width += 0.06 * p.curls * wave(c.y * 1.4 + p.phase_b + 0.3 * c.x)
    high = np.clip((c.y + 0.2) / (0.78 + 0.75 * p.volume), -1, 0)
    outside = np.abs(c.x) - width * np.sqrt(1 - high * high)
    light = (
        (p.ambient * 0.6 + 0.25 + 0.22 * p.light_x * c.x)
        * (0.62 + 0.4 * np.abs(c.x))
        * (1 + 0.25 * c.strands)
    )
    c.paint(WHOLE, edge(outside, c.pixel * 2.5), p.hair_colour, light)


def body(c, p):
    """Neck in the chin's shadow, shoulders in clothes with an open collar."""
    box = c.box(1, 0.45, 1, drift=0.2)
    x, y = c.x[box], c.y[box]
    side, square = np.abs(x), x * x
    bright = p.ambient * 0.7 + 0.25 + 0.5 * p.light_x * x
    under = step((y - p.chin - 0.01 + 0.3 * square) * 3)
    neck = side - p.neck_width - 0.9 * above(y - 0.80)
    c.paint(
        box, edge(neck, c.pixel * 2), p.skin_colour, bright * (0.42 + 0.42 * under) * (1.08 - 0.9 * square)
    )
    collar = p.shoulder_y + 0.20 * square + (0.75 - 0.35 * p.male) * above(p.neck_width + 0.04 - side) - 0.05
    rim = y - collar - 0.02
    fold = (0.9 + 0.12 * wave(x * 1.1 + y + p.phase_d)) * (1 - 0.3 * hump(rim * rim * 150))
    c.paint(box, edge(collar - y, c.pixel * 1.8), p.cloth_colour, (bright + 0.1) * fold)


def ears(c, p):
    """Both ears; the one that the head turns away hides."""
    box = c.box(0.76, -0.2, 0.22, drift=0.2)
    x, y = c.x[box], c.y[box]
    out = np.abs(x) - p.head_width + 0.35 * above(p.yaw * x) - 0.01
    u, v = out * 13, (y - 0.02 + 0.3 * out) * 6
    square = u * u + v * v
    light = (p.ambient * 0.9 + (1 - p.ambient) * (0.4 + p.light_x * x)) * (0.6 + 0.4 * ramp(square))
    c.paint(box, edge((square - 1) * 0.04, c.pixel), p.skin_colour * tint(248, 224, 218), light)


def head(c, p):
    """The bare head and the light on its large forms; sets (`c.u`, `c.v`), the frame of a face turned by yaw."""
    middle = np.float32(-0.12)
    low, high = above(c.y - middle) / (p.chin - middle), above(middle - c.y) / 0.84
    u, low2 = c.x / p.head_width, low * low
    high *= high
    u2 = u * u
    square = u2 + low2 + high - 0.25 * u2 * high + p.jaw * low2 * (low2 - 1)
    dome = above(1 - square)
    turned = ramp(dome * 1.4)
    c.u, c.v = c.x - p.yaw * turned, c.y - p.pitch * turned
    c.head = edge((square - 1) * 0.3, c.pixel * 1.4)
    c.slope = p.light_x * 0.62 * u + p.light_y * 0.45 * (low - np.sqrt(high)) + 0.86 * np.sqrt(dome)
    relief(c, p)
    c.paint(WHOLE, c.head, p.skin_colour, p.ambient + (1 - p.ambient) * 1.08 * above(c.slope))
    gleam = above(c.slope - 0.72)
    c.shine += c.head * gleam * gleam * (p.gloss * 3)


def around(c, side, top, bottom):
    """The box of a spot that reaches so far (arrays or numbers); the turn of a head moves its rim the most."""
    side, top, bottom = float(np.max(side)), float(np.min(top)), float(np.max(bottom))
    return c.box(side, top, bottom, drift=0.09 if side < 0.45 and bottom < 0.5 else 0.2)


def relief(c, p):
    """Let hills and hollows tilt the light on the skin: each is a bell of x, y, half-widths and height."""
    eye, tip, nose, mouth, smile = p.eye_x, p.nose_y, p.nose_width, p.mouth_y, p.smiling
    pairs = (
        (eye - 0.02, p.eye_y - 0.03, 0.20, 0.13, -0.022),  # eye socket
        (eye, p.brow_y - 0.01, 0.22, 0.09, 0.010 + 0.010 * p.male),  # brow
        (
            0.33 + 0.02 * smile,
            0.17 - 0.03 * smile,
            0.24,
            0.22,
            0.032 + 0.022 * smile + 0.015 * p.chubby,
        ),  # cheek
        (nose * 0.80, tip + 0.045, nose * 0.52, 0.070, 0.016),  # wing of the nose
        (0.36, 0.54, 0.20, 0.20, 0.016 * p.chubby),  # jowl
    )
    middle = (
        (tip - 0.20, 0.085 - 0.02 * p.pointy_nose, 0.36, 0.018),  # bridge of the nose
        (tip, nose * 0.80, 0.110, 0.029 + 0.014 * p.pointy_nose),  # its tip
        (mouth - 0.02, 0.24, 0.13, 0.010),  # rounding over the teeth
        (mouth + 0.125, 0.14, 0.05, -0.012),  # hollow over the chin
        (p.chin - 0.14, 0.17, 0.15, 0.026 + 0.010 * p.male),  # chin
        (np.float32(-0.52), 0.42, 0.30, 0.022),  # forehead
    )
    hills = [(True, *pair) for pair in pairs] + [(False, 0, *single) for single in middle]
    for paired, x, y, wide, tall, height in hills:
        box = around(c, x + wide, y - tall, y + tall)
        u, v = c.u[box], c.v[box] - y
        a, b = (np.abs(u) - x if paired else u + 0) / wide, v / tall
        bell = above(1 - a * a - b * b)
        if paired:
            a = np.copysign(a, u * a)
        c.slope[box] += bell * (a * (3.0 * height / wide * p.light_x) + b * (3.4 * height / tall * p.light_y))


def complexion(c, p):
    """Shadows that lie in every light, at eyes, nose and lips and in folds; and the blush."""
    dark = np.zeros_like(c.light)

    def spot(x, y, wide, tall, amount, target=dark):
        box = around(c, x + wide, y - tall, y + tall)
        a, b = (np.abs(c.u[box]) - x) / wide, (c.v[box] - y) / tall
        target[box] += amount * hump(a * a + b * b)

    spot(p.eye_x - 0.06, p.eye_y - 0.035, 0.18, 0.12, 0.32)
    spot(p.nose_width * 0.95, p.nose_y - 0.08, 0.08, 0.26, 0.15)
    spot(0, p.nose_y + 0.11, p.nose_width * 1.2, 0.06, 0.34)
    spot(0, p.mouth_y + 0.14, 0.14, 0.055, 0.20)
    spot(p.eye_x - 0.03, p.eye_y + 0.10, 0.11, 0.045, 0.08 + 0.36 * p.bags_under_eyes)
    spot(0.44, 0.42, 0.15, 0.30, 0.10 + 0.08 * p.oval_face)
    box = c.box(0.55, 0.15, 0.60)
    side, v = np.abs(c.u[box]), c.v[box]
    fold = side - 0.165 - 0.05 * p.smiling - 0.40 * (v - 0.28)
    dark[box] += (
        (0.12 * p.smiling + 0.18 * p.old) * hump(fold * fold * 500) * hump((v - 0.37) * (v - 0.37) * 45)
    )
    box = c.box(0.55, -0.68, -0.36)
    u, v = c.u[box], c.v[box]
    dark[box] += (
        0.13
        * p.old
        * above(wave((v + 0.52 + 0.1 * u * u) * 9))
        * hump(u * u * 8 + (v + 0.52) * (v + 0.52) * 40)
    )
    c.light *= 1 - dark
    red = np.zeros_like(dark)
    spot(0.36, 0.16, 0.24, 0.20, 0.14 + 0.46 * p.rosy_cheeks + 0.10 * p.heavy_makeup, red)
    spot(0, p.nose_y, 0.13, 0.13, 0.12, red)
    box = c.box(0.62, -0.08, 0.40, drift=0.2)
    c.paint(box, red[box], p.skin_colour * tint(250, 158, 150))


def nostrils(c, p):
    box = c.box(0.26, 0.16, 0.36)
    u, v = c.u[box] - 0.2 * p.yaw, c.v[box] - p.nose_y - 0.075
    side = np.abs(u)
    a, b = (side - p.nose_width * 0.48) / (p.nose_width * 0.45), (v + 0.1 * side) * 32
    c.paint(box, 0.75 * hump((a * a + b * b) * 0.7), p.skin_colour * tint(90, 52, 48))
    wing = (side - p.nose_width * 1.02) * 30
    c.light[box] *= 1 - 0.25 * hump(wing * wing + (v + 0.03) * (v + 0.03) * 300)


def eyes(c, p):
    """Whites, irises, pupils and glints, lids and lashes, and the colour on made-up lids."""
    box = c.box(0.46, -0.28, 0.02)
    u, v = c.u[box], c.v[box] - p.eye_y
    sign = np.copysign(np.float32(1), u)
    out = u * sign - p.eye_x
    across = out / p.eye_width
    bow = 1 - across * across
    v = v + p.eye_tilt * across - 0.012
    lid, under = v + p.eye_open * 1.2 * bow, v - p.eye_open * 0.75 * bow  # heights over the two lids
    c.paint(box, 0.5 * p.heavy_makeup * hump(across * across * 0.5 + (v + 0.07) * (v + 0.07) * 130),
            p.skin_colour * tint(110, 76, 84))  # fmt: skip
    crease = lid + 0.032
    c.light[box] *= 1 - 0.30 * hump(crease * crease * 3000) * ramp(bow * 2)
    eyeball = edge(np.maximum(-lid, under) * 0.85, c.pixel)
    c.paint(
        box,
        eyeball,
        tint(206, 194, 188),
        ramp(p.ambient + 0.25) * (0.96 - 0.35 * hump(lid * lid * 400) - 0.2 * across * across),
    )
    a, b = out * sign - p.gaze_x, v + 0.008 - p.gaze_y
    radius = np.sqrt(a * a + b * b)
    c.paint(
        box, edge(radius - 0.054, c.pixel) * eyeball, p.iris_colour, 0.55 + 0.55 * step((0.058 - radius) * 40)
    )
    c.paint(box, edge(radius - 0.026, c.pixel) * eyeball, tint(14, 10, 10))
    a, b = a - np.copysign(np.float32(0.020), p.light_x), b + 0.022
    c.shine[box] += 0.8 * hump((a * a + b * b) * 1300) * eyeball
    thick = (0.014 - 0.006 * p.male + 0.009 * p.heavy_makeup) * (1.1 + 0.5 * across)
    reach = ramp((1.12 - np.abs(across)) * 6)
    c.paint(box, 0.88 * edge(np.abs(lid) - thick, c.pixel * 1.2) * reach, tint(34, 22, 20), p.ambient * 0.9)
    c.paint(box, (0.35 + 0.3 * p.heavy_makeup) * edge(np.abs(under - 0.006) - 0.004, c.pixel * 1.3) * reach,
            p.skin_colour * tint(125, 80, 74))  # fmt: skip


def brows(c, p):
    box = c.box(0.52, -0.42, -0.16)
    across = (np.abs(c.u[box]) - p.eye_x - 0.01) / (p.eye_width * 1.38)
    peak = across - 0.35
    line = c.v[box] - p.brow_y + p.brow_arch * (1 - 0.75 * peak * peak) - p.brow_tilt * across - 0.01
    thick = p.brow_thick * (0.75 - 0.35 * step(across * 0.9)) * ramp((1.06 - np.abs(across)) * 4)
    alpha = edge(np.abs(line) - thick, c.pixel * 1.8) * ramp(thick * 100)
    c.paint(box, (0.66 + 0.08 * p.male + 0.12 * p.bushy_eyebrows) * alpha, p.brow_colour)


def mouth(c, p):
    """Lips, and between them a dark line or an open mouth with its upper teeth."""
    box = c.box(0.36, 0.34, 0.68)
    across = (c.u[box] - 0.15 * p.yaw) / p.mouth_width
    square = across * across
    bow = 1 - square
    v = c.v[box] - p.mouth_y - p.curve * square - 0.4 * p.smiling * p.curve
    over, below = v + p.gap * 0.4 * bow, v - p.gap * 0.6 * bow  # heights over the edges of the opening
    upper = over + p.lip * 0.9 * bow * (1 - 0.25 * hump(square * 25))
    lower = below - p.lip * 1.15 * bow
    lips = edge(np.maximum(-upper, lower) * 0.95, c.pixel * 1.3)
    bright = 0.78 + 0.24 * ramp(v * 40 + 0.5)
    c.paint(box, lips * (0.66 + 0.28 * p.wearing_lipstick) * (0.5 + 0.5 * ramp(bow * 3)), p.lip_colour)
    c.light[box] *= 1 - lips * (1 - bright)
    glint = below - p.lip * 0.5
    c.shine[box] += (0.07 + 0.10 * p.wearing_lipstick) * hump(glint * glint * 1800 + square * 4) * lips
    inside = edge(np.maximum(-over, below) * 0.95, c.pixel) * ramp(p.gap * 60)
    c.paint(box, inside, tint(84, 32, 32), p.ambient)
    teeth = edge(over - 0.014 - p.gap * (0.45 + 0.35 * p.smiling), c.pixel * 1.2) * ramp(1.25 - square * 1.1)
    c.paint(box, inside * teeth, tint(232, 220, 210), 1.0 - 0.45 * square)
    seam = edge(np.abs(v) - 0.006, c.pixel * 1.4) * ramp(bow * 3) * (1 - ramp(p.gap * 60))
    c.paint(box, 0.60 * seam, p.lip_colour * tint(120, 84, 84))
    corner = np.abs(across) - 1.02
    c.light[box] *= 1 - 0.22 * hump(corner * corner * 30 + v * v * 700)


def beard(c, p):
    """Stubble, full beard, goatee and moustache: one cover of hair that leaves the lips free."""
    box = c.box(0.62, 0.0, 0.95, drift=0.2)
    u, v, side = c.u[box], c.v[box], np.abs(c.u[box])
    lip = v - p.mouth_y + p.lip + 0.045  # height over the moustache's middle
    zone = step((v - 0.56 + 0.95 * above(side - 0.10)) * 4.5 + 0.4)
    band = lip + 0.25 * u * u
    band = step(1.7 - np.abs(band) * 28) * step((p.mouth_width * 1.15 - side) * 9)
    low = v - p.chin + 0.11
    ring = side - p.mouth_width * 1.02
    tuft = step(2.0 - 32 * u * u - 60 * low * low)
    tuft = np.maximum(tuft, 0.7 * step(1.3 - ring * ring * 220) * step(lip * 6) * step((p.chin - v) * 5))
    a, b = u / p.mouth_width, (v - p.mouth_y - 0.010 - p.curve * 0.6) / (p.lip * 1.2 + p.gap * 0.8 + 0.014)
    free = step(2.2 * (a * a + b * b) - 1.5)
    hair = np.maximum(zone * (0.80 * p.full_beard), band * (0.80 * p.moustache))
    hair = np.maximum(hair, tuft * (0.74 * p.goatee))
    hair = np.maximum(hair, np.maximum(zone, band) * (0.36 * p.shadow))
    alpha = hair * free * c.head[box] * (1 + 0.06 * c.strands[box])
    c.paint(box, alpha, p.brow_colour * 0.85 + 0.08 * p.skin_colour, p.ambient * 0.5 + 0.5 * c.light[box])


def front_hair(c, p):
    """Hair over the head: a cap open for the face, tapered at the sides if short, falling beside it if long."""
    short, long = 1 - p.long, p.long.any()
    box = WHOLE if long else c.box(1, -1, 0.25, drift=0.2)
    x, y, v, strand = c.x[box], c.y[box], c.v[box], c.strands[box]
    side = np.abs(x) - p.head_width
    u = x / (p.head_width + 0.015 + p.volume * (1 - (0.85 * short) * step((y + 0.75) * 1.4)))
    high = np.clip((y + 0.2) / (0.75 + 0.75 * p.volume * (1 - 0.5 * p.receding_hairline)), -HUGE, 0)
    u2, high2 = u * u, high * high
    cap = (u2 + high2 - 0.15 * u2 * high2 - 1) * 0.4 + (0.014 + 0.022 * p.curls) * strand
    rise = above((0.4 * p.bangs * p.part) * c.u[box] - 0.24 - v)
    a = (c.u[box] - (0.6 * p.part * (1 - p.bangs)) * rise) / (p.head_width * (0.97 - 0.10 * p.long))
    b = rise / (-0.24 - p.hairline - 0.28 * p.bangs + 0.12 * p.receding_hairline)
    a, b = a * a, b * b
    face = 0.28 * (1 - a - b + (0.55 * p.receding_hairline + 0.5 * p.bangs + 0.2 * short) * (a * b))
    face -= (0.016 + 0.02 * p.bangs) * strand
    ends = (v + (0.02 - 0.06 * p.male) + 2.5 * above(side + 0.03)) * short - 0.5 * p.long
    outside = np.maximum(np.maximum(cap, face), ends)
    if long:
        falls = np.maximum(side - p.volume - p.fall * step((y + 0.5) * 0.8), face)
        outside = np.minimum(outside, np.maximum(falls, -0.2 - y) + 9 * short)
    there = 1 - p.bald
    alpha = edge(outside, c.pixel * 2 + 0.03 * short) * there
    c.light[box] *= 1 - (0.35 * there) * edge(outside - 0.04, 0.12) * c.head[box] * (1 - alpha)
    slope = 0.8 * np.sqrt(above(1 - u2) * 0.9 + 0.1) + (0.8 * p.light_x) * u - (0.5 * p.light_y) * high2
    band = y + 0.68 - 0.35 * u2
    band = hump(band * band * 18)
    sheen = 0.86 + strand * (0.10 + 0.10 * p.curls + 0.16 * band) + (0.24 + 0.20 * p.straight_hair) * band
    if long:
        sheen -= (0.22 * p.long) * step(y + 0.3)
    c.paint(box, alpha, p.hair_colour, (p.ambient * 0.85 + (1 - p.ambient) * above(slope)) * sheen)
    c.shine[box] *= 1 - alpha


def bald_sides(c, p):
    """What hair a bald head keeps: short, over the ears."""
    box = c.box(0.66, -0.45, 0.14, drift=0.2)
    side, v = np.abs(c.x[box]), c.y[box] + 0.16
    alpha = (
        step((side - p.head_width * 0.88) * 10)
        * step(1.4 - np.abs(v) * 5)
        * edge(side - p.head_width, c.pixel)
    )
    c.paint(box, 0.45 * alpha, tint(80, 66, 58), 0.8 * p.ambient + 0.2)


def earrings(c, p):
    box = c.box(0.74, 0.12, 0.46, drift=0.2)
    drop = 0.06 * p.style
    a, b = (np.abs(c.x[box]) - p.head_width - 0.02) * 28, (c.y[box] - 0.215 - drop) / (0.042 + drop)
    square = a * a + b * b
    alpha = edge((square - 1) * 0.020, c.pixel)
    c.paint(box, alpha, colour(0.11 + 0.03 * p.frame, ramp(p.frame), 0.7 + 0.3 * p.style), 0.85 - 0.2 * b)
    c.shine[box] += 0.8 * hump(square * 2.5 + a * 0.8)


def glasses(c, p):
    """Frames, lenses with a gleam, and for some dark lenses."""
    box = c.box(0.70, -0.34, 0.10, drift=0.2)
    u, v = c.u[box], c.v[box] - p.eye_y - 0.025
    dark = (p.shades < 0.35).astype(np.float32)
    side = np.abs(u)
    a, b = (side - p.eye_x + 0.005) / 0.205, v / (0.130 + 0.03 * p.frame)
    a2, b2 = a * a, b * b
    lens = (a2 * (0.6 + 0.4 * a2) + b2 * (0.6 + 0.4 * b2) - 1) * 0.075
    rim = 0.008 + 0.014 * p.hat
    paint = colour(p.hat, 0.4 * p.frame, 0.05 + 0.3 * p.frame * p.hat)
    glass = edge(lens, c.pixel)
    c.paint(box, glass * (0.05 + 0.85 * dark), tint(24, 22, 26), 0.7 + 0.5 * dark * (b + 1))
    gleam = a + b * 0.6 + 0.5
    c.shine[box] *= 1 - 0.8 * dark * glass
    c.shine[box] += glass * hump(gleam * gleam * 14) * (0.08 + 0.14 * dark)
    bridge = np.maximum(side - 0.10, np.abs(v + 0.045 + u * u) - rim)
    arm = np.maximum(0.48 - side, np.abs(v + 0.04) - rim)
    frame = edge(np.minimum(np.minimum(np.abs(lens) - rim, bridge), arm), c.pixel) * c.head[box]
    c.paint(box, frame * 0.95, paint, p.ambient + 0.3)


def hat(c, p):
    """A beanie, a cap or a hat with a brim, and the shadow under it."""
    box = c.box(1, -1, -0.15)
    x, y, u = c.x[box], c.y[box], c.u[box]
    brimmed = (p.style > 0.4).astype(np.float32)
    under = y + 0.46 + 0.06 * p.hat - 0.16 * x * x * (1 - 2 * brimmed)
    a, b = x / (p.head_width + 0.07), np.clip(under, -HUGE, 0) / 0.72
    a2 = a * a
    dome = edge(np.maximum((a2 * (0.5 + 0.5 * a2) + b * b - 1) * 0.3, under), c.pixel * 1.5)
    c.light[box] *= 1 - 0.45 * step(1 - under * 4) * c.head[box] * (1 - dome)
    light = (p.ambient * 0.9 + (1 - p.ambient) * (0.5 + 0.7 * p.light_x * a)) * (1 - 0.4 * a2)
    light *= (
        1
        + 0.07 * (1 - brimmed) * wave(a * 4.5 + 0.2 * wave(y * 5))
        - 0.3 * brimmed * step((under + 0.16) * 30)
    )
    paint = colour(p.hat, 0.6 * p.hat_b * p.hat_b, 0.08 + 0.7 * p.frame * p.frame)
    c.paint(box, dome, paint, light)
    c.shine[box] *= 1 - dome
    e, f = u / (p.head_width + 0.10 + 0.25 * (p.style > 0.7)), (under - 0.015 + 0.05 * u * u) * 15
    brim = edge((e * e + f * f - 1) * 0.03, c.pixel * 1.4) * brimmed
    c.paint(box, brim, paint, light * (0.95 - 0.2 * f))


def develop(c, p):
    """Light on colour, gleams on top, then exposure and warmth; shadows are a little redder than lights."""
    light = np.clip(c.light * p.exposure, 0, 1.3)
    fall = 1 - light
    for channel, (red, warm) in enumerate(((0.12, 1.0), (-0.02, 0.0), (-0.06, -1.0))):
        c.colour[:, channel] *= light * ((1 + red * fall) * (1 + warm * p.warmth))
    c.colour += c.shine[:, None]
    return np.clip(c.colour, 0, 1, out=c.colour)


def some(c, columns, name, part):
    """Paint a part on those only who have it."""
    chosen = np.flatnonzero(columns[name])
    if len(chosen):
        few = c.only(chosen)
        part(few, SimpleNamespace(**{key: column[chosen] for key, column in columns.items()}))
        c.put_back(chosen, few)


def portrait(columns, size):
    """Paint people (see `people`): float32 (N, 3, size, size) in [0, 1]."""
    p = SimpleNamespace(**columns)
    c = Canvas(p, size)
    background(c, p)
    c.strands = strands(c, p)
    some(c, columns, "long", back_hair)
    for part in (body, ears, head, complexion, nostrils, mouth, eyes, brows):
        part(c, p)
    some(c, columns, "beard", beard)
    some(c, columns, "bald", bald_sides)
    front_hair(c, p)
    some(c, columns, "wearing_earrings", earrings)
    some(c, columns, "eyeglasses", glasses)
    some(c, columns, "wearing_hat", hat)
    return develop(c, p)

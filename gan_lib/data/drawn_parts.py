"""The parts of a drawn face, painted from back to front.

Every part paints two things in its box of the picture: the colour of the surface, and the light on it. Only
operations that IEEE 754 rounds exactly are used (+ - * /, square root, minimum, maximum, comparison, floor),
never exp, sin, powers or sums along an axis, so that each machine draws the same pixels.
"""

import numpy as np

from .drawn_people import colour

HALF = np.float32(0.5)


class Canvas:
    """A batch of pictures while they are painted: `colour` (N, 3, S, S), `light` and `shine` (N, S, S)."""

    def __init__(self, p, size):
        count, self.size = len(p.yaw), size
        axis = ((np.arange(size, dtype=np.float32) + HALF) * np.float32(2 / size) - 1)
        turn = p.roll * HALF  # half of the angle's tangent, nearly: cosine and sine without sine and cosine
        cosine, sine = (1 - turn * turn) / (1 + turn * turn), 2 * turn / (1 + turn * turn)
        right, down = axis[None, None, :] - p.shift_x, axis[None, :, None] - p.shift_y
        self.x = (right * (cosine / p.zoom) + down * (sine / p.zoom))  # (N, S, S), face coordinates
        self.y = (down * (cosine / p.zoom) - right * (sine / p.zoom))
        self.pixel = np.float32(2 / size) / p.zoom  # a pixel's side in face coordinates
        self.axis = axis
        self.colour = np.empty((count, 3, size, size), np.float32)
        self.light = np.ones((count, size, size), np.float32)
        self.shine = np.zeros((count, size, size), np.float32)

    def box(self, left, right, top, bottom):
        """The pixels that lie between these bounds however the head moves, as an index."""
        def cut(low, high, margin):
            return slice(max(0, int((low - margin + 1) * self.size / 2)),
                         min(self.size, int((high + margin + 1) * self.size / 2) + 2))  # fmt: skip
        wide, tall = max(abs(left), abs(right)), max(abs(top), abs(bottom))
        return (slice(None), cut(top, bottom, 0.05 + 0.06 * tall + 0.12 * wide),
                cut(left, right, 0.06 + 0.06 * wide + 0.12 * tall))  # fmt: skip

    def paint(self, box, alpha, tint, light=None):
        """Cover the box with `tint`, alpha from 0 (not at all) to 1; give it `light` where that is not None."""
        view = self.colour[(box[0], slice(None), *box[1:])]
        view += alpha[:, None] * (tint - view)
        if light is not None:
            lit = self.light[box]
            lit += alpha * (light - lit)


def edge(distance, pixel):
    """Share of a pixel inside a shape: `distance` to its edge, negative inside (N, h, w)."""
    return np.minimum(np.maximum(HALF - distance / pixel, 0), 1)


def hump(square):
    """A smooth bell of a squared distance: 1 at 0, falling to 0 at 1 and beyond."""
    inside = np.maximum(1 - square, 0)
    return inside * inside


def step(value):
    """From 0 to 1 smoothly while `value` does."""
    value = np.minimum(np.maximum(value, 0), 1)
    return value * value * (3 - 2 * value)


def wave(turns):
    """A sine-like wave of parabolas between -1 and 1, period 1."""
    part = turns - np.floor(turns)
    part = part + part - 1
    return 4 * part * (1 - np.abs(part))


def rgb(*values):
    """A colour given by three numbers from 0 to 255: (1, 3, 1, 1)."""
    return (np.array(values, np.float32) / 255)[None, :, None, None]


def background(c, p):
    """Two colours run into each other; two large blurred shapes lie on them."""
    dim = 0.15 + 0.8 * p.background_b
    first = colour(p.background_a, 0.55 * p.background_c, dim)
    second = colour(p.background_a + 0.3 * p.background_d, 0.6 * p.background_e, dim * (0.35 + 0.6 * p.background_f))
    x, y = c.axis[None, None, :], c.axis[None, :, None]
    across = step(0.5 + x * (p.background_d - 0.5) + y * (p.background_e - 0.5))
    c.colour[...] = first + across[:, None] * (second - first)
    everything = (slice(None), slice(None), slice(None))
    for a, b, size in ((p.phase_a, p.phase_b, 0.5), (p.phase_c, p.phase_d, 0.35)):
        u, v = (x - (3 * a - 1.5)) / size, (y - (2.4 * b - 1.4)) / (size + 0.5 * a)
        blob = 0.7 * step(2.2 - 2 * (u * u + v * v)) * (p.background_f > 0.35)
        c.paint(everything, blob, colour(b + a, 0.5 * p.background_c, 0.9 * a + 0.1 * dim))


def flow(c, p):
    """Texture of the hair (N, S, S), about -1 to 1: strands fall in parabolas from the parting."""
    down = np.sqrt(np.maximum(c.y + 1.2, 0) + 0.06)
    strand = (c.x - p.part * 0.6) / down
    curl = (0.004 + 0.030 * p.wavy) * wave(c.y * (1.6 + 0.8 * p.wave) + p.phase_a + strand * 1.5)
    strand = strand + curl
    coarse = wave(strand * (3.1 + p.phase_c) + p.phase_b)
    fine = wave(strand * (8.3 + 2 * p.phase_d) + p.phase_c + 0.3 * coarse)
    return 0.55 * coarse + 0.45 * fine * (0.6 + 0.4 * wave(c.y * 1.3 + 2 * strand + p.phase_d))


def hair_light(c, p, texture, u, v):
    """Light on the hair: rounded like the head, brightest in a band, strand by strand."""
    depth = np.sqrt(np.maximum(1 - u * u - np.minimum(v * v, 1), 0))
    round_ = p.ambient * 0.9 + (1 - p.ambient) * np.maximum(0.75 * depth + u * p.light_x + v * p.light_y, 0) * 1.1
    band = hump((v + 0.62 + 0.25 * u * u) * (v + 0.62 + 0.25 * u * u) * 16)
    return round_ * (0.92 + 0.20 * texture + band * (0.30 + 0.30 * texture))


def back_hair(c, p, texture):
    """Hair behind neck and shoulders."""
    box = c.box(-1, 1, -1, 1)
    width = p.head_width + p.volume + p.long_width * step((c.y + 0.5) * 0.9) + 0.015 * texture
    width = width + p.wavy * 0.03 * wave(c.y * 2.1 + p.phase_b)
    above = np.minimum(c.y + 0.2, 0) / (0.82 + p.volume)
    inside = (np.abs(c.x) - width * np.sqrt(np.maximum(1 - above * above, 0))) + (above < -1)
    alpha = edge(inside, c.pixel * 1.5) * p.long
    deep = 0.62 + 0.25 * step((np.abs(c.x) - 0.4) * 2.5)
    light = (p.ambient * 0.7 + 0.3 + 0.25 * p.light_x * c.x) * deep * (1 + 0.22 * texture)
    c.paint(box, alpha, p.hair_colour, light)


def body(c, p):
    """Neck in the chin's shadow, shoulders, a collar."""
    box = c.box(-1, 1, 0.45, 1)
    x, y = c.x[box], c.y[box]
    side = np.abs(x)
    neck = edge(side - p.neck_width - 0.5 * np.maximum(y - 0.85, 0), c.pixel * 1.5)
    under = step((y - p.chin + 0.02 + 0.25 * x * x) * 3.2)
    light = (p.ambient * 0.75 + 0.25 + 0.5 * p.light_x * x) * (0.50 + 0.32 * under) * (1.05 - 0.8 * x * x)
    c.paint(box, neck, p.skin_colour, light)
    slope = p.shoulder_y - 0.06 + 0.22 * side * side + 0.05 * side
    opening = slope + (0.55 - 0.25 * p.male) * np.maximum(p.neck_width + 0.05 - side, 0)
    cloth = edge((opening - y) * 0.8, c.pixel * 1.3)
    fold = 0.85 + 0.12 * wave(x * 1.7 + y + p.phase_d) + 0.5 * p.light_x * x
    rim = 1 - 0.3 * hump((y - opening - 0.02) * (y - opening - 0.02) * 400)
    c.paint(box, cloth, p.cloth_colour, (p.ambient + 0.25) * fold * rim)


def ears(c, p):
    """Both ears: seen beside short hair."""
    box = c.box(-0.7, 0.7, -0.2, 0.2)
    x, y = c.x[box], c.y[box]
    u, v = (np.abs(x) - p.head_width + 0.005) / 0.075, (y - 0.0 + 0.25 * (np.abs(x) - p.head_width)) / 0.155
    square = u * u + v * v
    light = (p.ambient + (1 - p.ambient) * (0.45 + p.light_x * x)) * (0.62 + 0.38 * np.minimum(square, 1))
    c.paint(box, edge((square - 1) * 0.035, c.pixel), p.skin_colour * rgb(248, 228, 222), light)


def head(c, p):
    """The head's outline: (signed distance, u, v) with u, v from -1 to 1 across and down the head."""
    middle = np.float32(-0.10)
    low, high = np.maximum(c.y - middle, 0) / (p.chin - middle), np.maximum(middle - c.y, 0) / 0.92
    u = c.x / p.head_width
    low2 = low * low
    square = u * u + low2 + high * high + p.jaw * low2 * (low2 - 1)
    return (square - 1) * (HALF * 0.6), u, low - high, square


def bumps(p):
    """Hills and hollows of a face: x, y, half-width, half-height (face coordinates), height."""
    eye, tip, mouth = p.eye_x, p.nose_y, p.mouth_y
    smile, old = p.smile, p.old
    nose = p.nose_width
    both = [
        (eye - 0.01, p.eye_y - 0.02, 0.20, 0.13, -0.022 - 0 * old),  # eye socket
        (eye, p.brow_y - 0.01, 0.22, 0.09, 0.010 + 0.010 * p.male),  # ridge of the brow
        (eye - 0.01, p.eye_y + 0.01, 0.14, 0.08, 0.012 + 0 * old),  # eyeball
        (0.33 + 0.02 * smile, 0.17 - 0.03 * smile, 0.24, 0.22, 0.030 + 0.022 * smile + 0.015 * p.chubby),  # cheek
        (nose * 0.78, tip + 0.045, nose * 0.52, 0.070, 0.016 + 0 * old),  # wing of the nose
        (0.22 + 0.04 * smile, 0.37, 0.085, 0.20, -0.006 * (0.4 + smile + 0.7 * old)),  # fold beside the mouth
        (0.36 + 0 * old, 0.52, 0.20, 0.20, 0.016 * p.chubby),  # jowl
        (eye - 0.02, p.eye_y + 0.105, 0.11, 0.045, 0.008 * (p.bags + 0.4 * old)),  # bag under the eye
    ]
    for x, y, wide, tall, height in both:
        yield x, y, wide, tall, height
        yield -x, y, wide, tall, height
    yield 0 * tip, tip - 0.20, 0.085 - 0.015 * p.pointy, 0.36, 0.028 + 0 * tip  # bridge
    yield 0 * tip, tip + 0.005, nose * 0.80, 0.110, 0.034 + 0.014 * p.pointy  # tip
    yield 0 * tip, mouth - 0.115, 0.035, 0.07, -0.006 + 0 * tip  # groove under the nose
    yield 0 * tip, mouth - 0.02, 0.24, 0.12, 0.012 + 0 * tip  # rounding of the teeth
    yield 0 * tip, mouth + 0.125, 0.14, 0.05, -0.012 + 0 * tip  # hollow over the chin
    yield 0 * tip, p.chin - 0.14, 0.17, 0.15, 0.026 + 0.010 * p.male  # chin
    yield 0 * tip, -0.52 + 0 * tip, 0.40, 0.30, 0.020 + 0 * tip  # forehead


def skin(c, p, shape):
    """The head with its skin and the light on it; sets `c.u`, `c.v`, the coordinates of a face turned by yaw."""
    distance, u, v, square = shape
    dome = np.maximum(1 - square, 0)
    turned = np.minimum(dome * 1.5, 1)
    c.u, c.v = c.x - p.yaw * turned, c.y - p.pitch * turned
    depth = np.sqrt(dome)
    lx, ly, lz = p.light_x * 0.75, p.light_y * 0.75, np.float32(0.85)
    slope = lx * u * 0.9 + ly * v * 0.6 + lz * depth
    for x, y, wide, tall, height in bumps(p):
        reach_x, reach_y = float(np.max(wide)), float(np.max(tall))
        box = c.box(float(np.min(x)) - reach_x - 0.17, float(np.max(x)) + reach_x + 0.17,
                    float(np.min(y)) - reach_y - 0.06, float(np.max(y)) + reach_y + 0.06)  # fmt: skip
        a, b = (c.u[box] - x) / wide, (c.v[box] - y) / tall
        bell = np.maximum(1 - a * a - b * b, 0)
        slope[box] += bell * (a * (4 * height * lx / wide) + b * (4 * height * ly / tall))
    light = p.ambient + (1 - p.ambient) * 1.05 * np.maximum(slope, 0)
    everything = (slice(None), slice(None), slice(None))
    alpha = edge(distance, c.pixel * 1.2)
    c.paint(everything, alpha, p.skin_colour, light)
    gleam = np.maximum(slope - 0.72, 0)
    c.shine += alpha * gleam * gleam * p.gloss * 3.0
    c.head = alpha


def shade(c, box, amount):
    """Darken the box by `amount` (0: not at all)."""
    c.light[box] *= 1 - amount


def complexion(c, p):
    """Shadows that lie in every light: eye sockets, sides of the nose, under nose and lip; blush on the cheeks."""
    box = c.box(-0.55, 0.55, -0.40, 0.80)
    side, v = np.abs(c.u[box]), c.v[box]

    def spot(x, y, wide, tall):
        a, b = (side - x) / wide, (v - y) / tall
        return hump(a * a + b * b)

    dark = 0.20 * spot(p.eye_x - 0.07, p.eye_y - 0.035, 0.17, 0.11)
    dark = dark + 0.16 * spot(p.nose_width * 0.9, p.nose_y - 0.10, 0.075, 0.28)
    dark = dark + 0.34 * spot(0, p.nose_y + 0.105, p.nose_width * 1.15, 0.055)
    dark = dark + 0.18 * spot(0, p.mouth_y + 0.135, 0.13, 0.05)
    dark = dark + (0.10 + 0.16 * p.bags) * spot(p.eye_x - 0.03, p.eye_y + 0.095, 0.11, 0.05)
    fold = (side - 0.155 - 0.05 * p.smile) - 0.45 * (v - 0.28)
    dark = dark + (0.10 * p.smile + 0.14 * p.old) * hump(fold * fold * 900) * spot(0.22, 0.37, 0.2, 0.16)
    creases = wave((v + 0.52) * 9) * spot(0, -0.50, 0.33, 0.16)
    dark = dark + 0.10 * p.old * np.maximum(creases, 0)
    shade(c, box, dark)
    blush = (0.13 + 0.45 * p.rosy + 0.10 * p.makeup) * spot(0.36, 0.16, 0.22, 0.19)
    nose = 0.13 * spot(0, p.nose_y, 0.12, 0.12)
    c.paint(box, blush + nose, p.skin_colour * rgb(250, 150, 145))


def nostrils(c, p):
    box = c.box(-0.17, 0.17, 0.14, 0.34)
    u, v = c.u[box] - 0.25 * p.yaw, c.v[box] - p.nose_y - 0.075
    a, b = (np.abs(u) - p.nose_width * 0.48) / (p.nose_width * 0.40), (v + 0.1 * np.abs(u)) / 0.028
    c.paint(box, 0.72 * hump((a * a + b * b) * 0.7), p.skin_colour * rgb(92, 52, 48))
    wing = (np.abs(u) - p.nose_width * 1.02) / 0.030
    shade(c, box, 0.25 * hump(wing * wing + (v + 0.03) * (v + 0.03) * 300))


def eyes(c, p):
    """White, iris, pupil, glint, lids and lashes of both eyes."""
    box = c.box(-0.46, 0.46, p_min(p.eye_y) - 0.14, -0.02)
    u, v = c.u[box], c.v[box] - p.eye_y
    side = np.abs(u)
    across = (side - p.eye_x) / p.eye_width
    bow = 1 - across * across
    tilted = v + p.eye_tilt * across * 0.6 - 0.012
    top, bottom = -p.eye_open * 1.15 * bow, p.eye_open * 0.75 * bow
    shadow = hump(across * across * 0.5 + (tilted + 0.07) * (tilted + 0.07) * 140)
    c.paint(box, 0.38 * p.makeup * shadow, p.skin_colour * rgb(120, 84, 92))
    crease = tilted - top * 1.25 + 0.030
    c.light[box] *= 1 - 0.28 * hump(crease * crease * 3600) * np.minimum(np.maximum(bow * 2, 0), 1)
    eyeball = edge(np.maximum(top - tilted, tilted - bottom) * 0.85, c.pixel)
    white = 0.90 - 0.9 * np.maximum(tilted - top, 0) * 0 - 0.28 * hump((tilted - top) * (tilted - top) * 500) - 0.12 * across * across
    c.paint(box, eyeball, rgb(226, 216, 212), np.minimum(p.ambient + 0.28, 1) * white)
    to_nose = np.where(u < 0, -1, 1).astype(np.float32)
    a, b = u - to_nose * p.eye_x - p.gaze_x, tilted + 0.006 - p.gaze_y
    radius = np.sqrt(a * a + b * b)
    iris = edge(radius - 0.054, c.pixel) * eyeball
    ring = 0.55 + 0.55 * step((0.058 - radius) * 40)
    c.paint(box, iris, p.iris_colour, ring)
    c.paint(box, edge(radius - 0.023, c.pixel) * eyeball, rgb(14, 10, 10))
    gx, gy = a - 0.020 * np.where(p.light_x < 0, -1, 1), b + 0.022
    c.shine[box] += 0.75 * hump((gx * gx + gy * gy) * 1400) * eyeball
    lash = np.abs(tilted - top + 0.004) - (0.008 + 0.006 * (1 - p.male) + 0.007 * p.makeup) * (1.15 + 0.5 * across)
    reach = np.minimum(np.maximum((1.12 - np.abs(across)) * 6, 0), 1)
    c.paint(box, 0.85 * edge(lash, c.pixel * 1.2) * reach, rgb(30, 20, 18), 0.8)
    lower = np.abs(tilted - bottom - 0.006) - 0.004
    c.paint(box, (0.35 + 0.3 * p.makeup) * edge(lower, c.pixel * 1.3) * reach, p.skin_colour * rgb(120, 76, 70))


def p_min(column):
    return float(np.min(column))


def brows(c, p):
    box = c.box(-0.5, 0.5, -0.42, -0.16)
    side, v = np.abs(c.u[box]), c.v[box] - p.brow_y
    across = (side - p.eye_x - 0.01) / (p.eye_width * 1.38)
    peak = across - 0.3
    line = -p.brow_arch * (1 - peak * peak) - p.brow_tilt * across + 0.01
    thick = p.brow_thick * (1.0 - 0.45 * step(across * 0.9)) * np.minimum(np.maximum((1.05 - np.abs(across)) * 4, 0), 1)
    alpha = edge(np.abs(v - line) - thick * HALF * 1.3, c.pixel * 1.8) * np.minimum(thick * 100, 1)
    dark = p.hair_colour * rgb(150, 140, 135) * (1 - p.bald[:, None]) + p.bald[:, None] * rgb(60, 44, 36)
    c.paint(box, (0.62 + 0.10 * p.male) * alpha, np.minimum(dark, rgb(130, 100, 78)))


def mouth(c, p):
    """Lips, and between them a dark line or an open mouth with teeth."""
    box = c.box(-0.32, 0.32, 0.32, 0.66)
    u, v = c.u[box] - 0.15 * p.yaw, c.v[box] - p.mouth_y
    across = u / p.mouth_width
    square = across * across
    bow = 1 - square
    line = p.curve * square + 0.012 * p.smile
    cupid = hump(square * 30)
    upper = line - p.gap * 0.35 * bow
    lower = line + p.gap * 0.65 * bow
    top = upper - p.lip * 0.85 * bow * (1 - 0.22 * cupid) * (0.75 + 0.25 * bow)
    bottom = lower + p.lip * 1.15 * bow
    lips = edge(np.maximum(top - v, v - bottom) * 0.95, c.pixel * 1.2)
    strength = 0.62 + 0.30 * p.lipstick
    is_low = np.minimum(np.maximum((v - line) * 40 + 0.5, 0), 1)
    c.paint(box, lips * strength, p.lip_colour * (0.80 + 0.22 * is_low[:, None]))
    glint = hump((v - lower - p.lip * 0.5) * (v - lower - p.lip * 0.5) * 1800 + square * 4)
    c.shine[box] += (0.06 + 0.10 * p.lipstick) * glint * lips
    inside = edge(np.maximum(upper - v, v - lower) * 0.95, c.pixel)
    is_open = np.minimum(p.gap * 60, 1)
    c.paint(box, inside * is_open, rgb(72, 26, 28), 0.85)
    row = np.minimum(np.maximum((upper + 0.016 + p.gap * 0.62 - v) / c.pixel * 0.8, 0), 1) * np.maximum(1 - square * 0.9, 0)
    c.paint(box, inside * is_open * row, rgb(238, 230, 220), 0.98 - 0.35 * square)
    seam = edge(np.abs(v - line) - 0.007, c.pixel * 1.3) * np.minimum(np.maximum(bow * 4, 0), 1)
    c.paint(box, 0.62 * seam * (1 - is_open), p.lip_colour * rgb(110, 80, 80))
    corner = (np.abs(across) - 1.03) * (np.abs(across) - 1.03) * 40 + (v - p.curve) * (v - p.curve) * 900
    c.light[box] *= 1 - 0.30 * hump(corner)


def beard(c, p):
    """Stubble, full beard, goatee and moustache: one cover of hair with the lips left free."""
    box = c.box(-0.62, 0.62, -0.05, 0.95)
    u, v, side = c.u[box], c.v[box], np.abs(c.u[box])
    cheek = 0.50 - 0.9 * np.maximum(side - 0.12, 0)
    zone = step((v - cheek) * 6 + 0.3)
    lip = p.mouth_y - p.lip
    band_y = v - lip + 0.045 - 0.35 * u * u
    band = step(1.6 - np.abs(band_y) * 30) * step((p.mouth_width * 1.15 - side) * 14)
    a, b = u / 0.19, (v - p.chin + 0.10) / 0.17
    tuft = step(2.4 - 2.0 * (a * a + b * b))
    ring = (side - p.mouth_width * 1.05) * (side - p.mouth_width * 1.05) * 500
    tuft = np.maximum(tuft, step(1.3 - ring) * step((v - lip + 0.03) * 12) * step((p.chin - v) * 8))
    a, b = u / (p.mouth_width * 1.02), (v - p.mouth_y - 0.012) / (p.lip * 1.25 + p.gap * 0.8 + 0.012)
    free = 1 - step(2.5 - 2.0 * (a * a + b * b))
    grain = 1 + 0.18 * wave(u * 9.7 + v * 5.3 + p.phase_a) * wave(v * 8.9 - u * 4.1 + p.phase_b)
    shadow = np.maximum(zone, band) * 0.36 * p.stubble
    solid = np.maximum(np.maximum(zone * p.full_beard * 0.85, band * p.moustache * 0.85), tuft * p.goatee * 0.80)
    alpha = np.minimum(np.maximum(shadow, solid) * free * grain, 1) * p.beard * c.head[box]
    dark = p.hair_colour * (1 - p.bald[:, None]) + p.bald[:, None] * rgb(70, 52, 42)
    c.paint(box, alpha, dark * 0.8 + 0.1 * p.skin_colour)


def front_hair(c, p, texture):
    """Hair over the head: a cap with an opening for the face, long hair falling beside it."""
    volume = p.volume * (1 - 0.4 * p.receding)
    u = c.x / (p.head_width + volume * 0.8)
    above = np.minimum(c.y + 0.15, 0) / (0.87 + volume)
    cap = (u * u + above * above - 1) * HALF * 0.8
    eye_line = np.float32(-0.22)
    rise = np.maximum(eye_line - c.v, 0)
    hairline = p.hairline + p.bangs * 0.30 - 0.10 * p.receding
    reach = eye_line - hairline
    lean = c.u - p.part * (1 - p.bangs) * rise * 0.55
    temple = p.head_width * (0.97 - 0.10 * p.long + 0.02 * p.receding)
    a, b = lean / temple, rise / reach
    b2 = b * b
    corner = p.receding * 0.5 + p.bangs * 0.75
    face = a * a + b2 - corner * a * a * b2 - 1
    face = face * 0.28 + 0.022 * texture * (0.4 + 1.2 * p.bangs)
    hair = np.maximum(cap, -face)
    sideburn = 0.02 + 0.14 * p.male * (1 - 0.5 * p.receding)
    hair = np.maximum(hair, (c.v - sideburn) * (1 - p.long) - 0.5 * p.long)
    falls = np.maximum(-face, np.abs(c.x) - p.head_width - volume - p.long_width * step((c.y + 0.4) * 0.8))
    falls = np.maximum(falls, -(c.y + 0.15)) + 2 * (1 - p.long)
    alpha = edge(np.minimum(hair, falls), c.pixel * 1.3) * (1 - p.bald)
    everything = (slice(None), slice(None), slice(None))
    cast = edge(np.minimum(hair, falls) - 0.05, 0.10 + 0 * c.pixel) * c.head * (1 - p.bald)
    c.light *= 1 - 0.30 * cast * (1 - alpha)
    light = hair_light(c, p, texture, u, np.maximum(c.y, -1.0) * 0.95)
    light = light * (1 - 0.25 * p.long * step((c.y - 0.0) * 1.2) * step((0.75 - np.abs(c.x)) * 4))
    c.paint(everything, alpha, p.hair_colour, light)
    c.shine *= 1 - alpha


def bald_sides(c, p):
    """What hair a bald head keeps: short, above the ears."""
    box = c.box(-0.68, 0.68, -0.45, 0.10)
    side, v = np.abs(c.x[box]), c.y[box]
    alpha = step((side - p.head_width * 0.90) * 12 + 0.2) * step(1.4 - np.abs(v + 0.18) * 5)
    inside = edge(side - p.head_width - 0.012, c.pixel)
    c.paint(box, 0.5 * alpha * inside * p.bald, rgb(80, 66, 58), 0.8)


def earrings(c, p):
    box = c.box(-0.72, 0.72, 0.12, 0.42)
    side, v = np.abs(c.x[box]), c.y[box]
    drop = 0.05 * p.style
    a, b = (side - p.head_width - 0.025) / 0.034, (v - 0.215 - drop) / (0.040 + drop)
    square = a * a + b * b
    alpha = edge((square - 1) * 0.020, c.pixel) * p.earrings
    metal = colour(0.11 + 0.03 * p.frame, 0.5 * (p.frame < 0.6), 0.95 + 0 * p.frame)
    c.paint(box, alpha, metal, 0.75 + 0.3 * (b < 0))
    c.shine[box] += 0.8 * p.earrings * hump(square * 2.5 + a * 0.8)


def glasses(c, p, on):
    """Frames, lenses with a gleam, and for some dark lenses; drawn for the faces that wear them."""
    box = c.box(-0.7, 0.7, -0.34, 0.10)
    u, v = c.u[box], c.v[box] - p.eye_y - 0.025
    side = np.abs(u)
    a, b = (side - p.eye_x + 0.005) / 0.205, v / (0.135 + 0.03 * p.frame)
    a2, b2 = a * a, b * b
    round_ = a2 * (0.6 + 0.4 * a2) + b2 * (0.6 + 0.4 * b2)
    lens = (round_ - 1) * 0.075
    dark = (p.shades < 0.35) * 1.0
    rim = 0.010 + 0.014 * p.hat
    tint = colour(p.hat, 0.4 * p.frame, 0.04 + 0.25 * p.frame * p.hat)
    glass = edge(lens, c.pixel) * on
    c.paint(box, glass * (0.06 + 0.84 * dark), rgb(24, 22, 26) + 0 * tint, 0.7 + 0.5 * dark * (b + 1) * 0.5)
    gleam = hump((a + b * 0.6 + 0.5) * (a + b * 0.6 + 0.5) * 14)
    c.shine[box] *= 1 - 0.8 * dark * glass
    c.shine[box] += glass * gleam * (0.08 + 0.14 * dark)
    frame = edge(np.abs(lens) - rim, c.pixel)
    bridge = edge(np.maximum(side - 0.10, np.abs(v + 0.045 + u * u) - rim), c.pixel)
    arm = edge(np.maximum(0.48 - side, np.maximum(side - p.head_width, np.abs(v + 0.04) - rim)), c.pixel)
    c.paint(box, np.maximum(np.maximum(frame, bridge), arm) * on * 0.95, tint, 0.9)


def hat(c, p, on):
    """A beanie, a cap or a hat with a brim, and the shadow under it."""
    box = c.box(-1, 1, -1, -0.15)
    x, y, u = c.x[box], c.y[box], c.u[box]
    width = p.head_width + 0.07
    brimmed = (p.style > 0.4) * 1.0
    line = -0.46 + 0.16 * x * x * (1 - 2 * brimmed) - 0.06 * p.hat
    a, b = x / width, np.minimum(y - line, 0) / 0.72
    a2 = a * a
    dome = np.maximum((a2 * (0.5 + 0.5 * a2) + b * b - 1) * 0.3, y - line)
    tint = colour(p.hat, 0.65 * p.hat_b, 0.12 + 0.75 * p.frame * p.frame)
    c.light[box] *= 1 - 0.45 * on * step(1 - (y - line) * 4.5) * (y > line) * c.head[box]
    light = (p.ambient + (1 - p.ambient) * (0.6 + 0.7 * p.light_x * a - 0.3 * p.light_y)) * (1 - 0.35 * a2)
    knit = 1 + 0.08 * wave(a * 4.5 + 0.2 * wave(y * 6)) * (1 - brimmed)
    band = 1 - 0.35 * brimmed * step((y - line + 0.16) * 30)
    c.paint(box, edge(dome, c.pixel * 1.2) * on, tint, light * knit * band)
    reach = width + 0.06 + 0.25 * (p.style > 0.7)
    e, f = u / reach, (y - line - 0.015 + 0.05 * u * u) / 0.065
    brim = edge((e * e + f * f - 1) * 0.03, c.pixel * 1.2) * brimmed * on
    c.paint(box, brim, tint, light * (0.55 + 0.35 * (f < 0)))
    c.shine[box] *= 1 - on * edge(dome, c.pixel)


def some(c, p, mask, part):
    """Draw `part` when any face of the batch has it."""
    if mask.any():
        part(c, p, mask.astype(np.float32)[:, None, None])


def portrait(p, size):
    """Paint the people `p`: float32 (N, 3, S, S) in [0, 1]."""
    c = Canvas(p, size)
    background(c, p)
    texture = flow(c, p)
    if p.long.any():
        back_hair(c, p, texture)
    body(c, p)
    ears(c, p)
    skin(c, p, head(c, p))
    complexion(c, p)
    nostrils(c, p)
    mouth(c, p)
    eyes(c, p)
    brows(c, p)
    if p.beard.any():
        beard(c, p)
    if p.bald.any():
        bald_sides(c, p)
    front_hair(c, p, texture)
    if p.earrings.any():
        earrings(c, p)
    some(c, p, p.has["Eyeglasses"], glasses)
    some(c, p, p.has["Wearing_Hat"], hat)
    return develop(c, p)


def develop(c, p):
    """Light on colour, gleams on top, then exposure and warmth; shadows turn a little redder than lights."""
    light = np.minimum(c.light * p.exposure, 1.25)
    fall = 1 - light
    picture = c.colour
    for channel, (red, warm) in enumerate(((0.10, 1.0), (-0.03, 0.0), (-0.06, -1.0))):
        picture[:, channel] *= light * (1 + red * fall) * (1 + warm * p.warmth)
    picture += c.shine[:, None]
    return np.minimum(np.maximum(picture, 0), 1)

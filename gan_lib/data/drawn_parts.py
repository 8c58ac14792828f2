"""The parts of a drawn face, painted from back to front.

Each part paints the colour of its surface and the light on it: on those who have it, in a window of the few rows
and columns that it can reach. Only operations that IEEE 754 rounds exactly are used (+ - * /, square root,
minimum, maximum, comparison, rounding), never exp, sin, powers or sums along an axis, so that every machine draws
the same pixels.
"""

from functools import cache, partial

import numpy as np

from .drawn_canvas import (
    HUGE,
    Canvas,
    Few,
    Window,
    above,
    box,
    coarse,
    edge,
    finer,
    hump,
    ramp,
    step,
    wave,
)
from .drawn_people import colour, tint

BLOCK = 131072  # pixels painted at a time: few enough for a core's cache, enough to forget the cost of a call


def pose(c, p):
    """Where each pixel lies in the frame of the head."""
    half = p.roll * np.float32(0.5)  # the tangent of half the angle gives its cosine and sine by division
    scale = (1 + half * half) * p.zoom
    cosine, sine = (1 - half * half) / scale, 2 * half / scale
    right, down = p.shift_x - 0.8 * p.yaw, p.shift_y
    np.multiply(c.across, cosine, out=c.x)
    c.x += c.down * sine
    c.x -= right * cosine + down * sine
    np.multiply(c.down, cosine, out=c.y)
    c.y -= c.across * sine
    c.y -= down * cosine - right * sine


def background(c, p):
    """Two colours that run into each other, and two large blurred shapes, mostly dull as behind real faces."""
    x, y = c.across[:1], coarse(c.down)[:, :1]
    across = step(0.5 + x * (p.background_d - 0.5)) + (y * (p.background_e - 0.5))
    wall = across[:, None] * (p.far_wall_colour - p.wall_colour)
    wall += p.wall_colour
    strength = np.sqrt(0.8 * p.background_f)
    shapes = ((p.phase_a, p.phase_b, 0.9, p.blur_colour), (p.phase_c, p.phase_d, 0.6, p.other_blur_colour))
    for a, b, size, paint in shapes:
        u, v = (x - 3 * a + 1.5) / size, (y - 2.4 * b + 1.4) / (size + a)
        blur = (strength - strength * (u * u)) - strength * (v * v)
        np.clip(blur, 0, HUGE, out=blur)
        blur *= blur
        change = paint - wall
        change *= blur[:, None]
        wall += change
    finer(wall, out=c.colour)
    c.light[...], c.shine[...] = 1, 0


def strands(c, p):
    """Texture of the hair, about -1 to 1: strands fall in parabolas from the parting, straight or in waves."""
    y = coarse(c.y)
    down = y + 1.5
    np.clip(down, 0.25, HUGE, out=down)
    strand = coarse(c.x) - p.part * 0.5
    strand /= np.sqrt(down, out=down)
    turns = y * (1.3 + 0.5 * p.phase_b)
    turns += p.phase_a
    turns += strand * 1.3
    strand += wave(turns, 0.055 * p.curls)
    turns = strand * 1.37
    turns += p.phase_d
    strand += wave(turns, 0.05)
    turns = strand * (2.1 + p.phase_c)
    turns += p.phase_b
    broad = wave(turns, 0.5)
    strand *= 6.1 + 2 * p.phase_d
    strand += p.phase_c
    strand += broad * 0.7
    broad += wave(strand, 0.33)
    finer(broad, out=c.strands)


def back_hair(c, p):
    """Long hair behind the neck, in the shadow of the head."""
    side = np.abs(c.x)
    alpha = edge(side, p.pixel * 2.5, at=p.head_width)
    light = c.x * (0.22 * p.light_x)
    light += p.ambient * 0.6 + 0.25
    side *= 0.4
    side += 0.62
    light *= side
    light *= 1 + 0.25 * c.strands
    c.paint(alpha, p.hair_colour, light)


def body(c, p):
    """Neck in the chin's shadow, shoulders in clothes with an open collar."""
    x, y = c.x, c.y
    side, square = np.abs(x), x * x
    bright = x * (0.5 * p.light_x)
    bright += p.ambient * 0.7 + 0.25
    under = y * 3 - (3 * p.chin + 0.03)
    under += 0.9 * square
    shade = step(under)
    shade *= 0.42
    shade += 0.42
    shade *= 1.08 - 0.9 * square
    shade *= bright
    neck = side - p.neck_width
    neck -= above(y * 0.9 - 0.72)
    c.paint(edge(neck, p.pixel * 2), p.skin_colour, shade)
    side -= p.neck_width + 0.04
    collar = np.clip(side, -HUGE, 0, out=side)
    collar *= 0.35 * p.male - 0.75
    collar += 0.2 * square
    collar += p.shoulder_y - 0.05
    collar -= y  # how far above the collar
    rim = collar + 0.02
    rim *= rim
    rim *= 150
    fold = hump(rim)
    fold *= -0.3
    fold += 1
    turns = x * 1.1 + y
    turns += p.phase_d
    cloth = wave(turns, 0.12)
    cloth += 0.9
    cloth *= fold
    bright += 0.1
    cloth *= bright
    c.paint(edge(collar, p.pixel * 1.8), p.cloth_colour, cloth)


def ears(c, p):
    """Both ears; the one that the head turns away hides."""
    out = above(c.x * (0.35 * p.yaw))
    out += np.abs(c.x)
    out -= p.head_width + 0.01
    v = c.y * 6 - 0.12
    v += 1.8 * out
    out *= 13
    square = out * out
    square += v * v
    light = ramp(square)
    light *= 0.4
    light += 0.6
    light *= c.x * ((1 - p.ambient) * p.light_x) + (0.4 + 0.5 * p.ambient)
    c.paint(edge(square, p.pixel * 25, at=1), p.skin_colour * tint(248, 224, 218), light)


def head(c, p):
    """The bare head and the light on its large forms; sets (`c.u`, `c.v`), the frame of a face turned by yaw."""
    high = c.y + np.float32(0.12)
    low = above(high)
    low *= 1 / (p.chin + 0.12)
    np.clip(high, -HUGE, 0, out=high)
    high *= 1 / 0.84
    tilt = low + high
    low *= low
    high *= high
    across = c.x * (1 / p.head_width)
    square = across * across
    dome = square * high
    dome *= -0.25
    dome += square
    dome += high
    jaw = low * p.jaw
    jaw += 1 - p.jaw
    low *= jaw
    dome += low
    c.head[...] = edge(dome, p.pixel * (1.4 / 0.3), at=1)
    np.subtract(1, dome, out=dome)
    np.clip(dome, 0, HUGE, out=dome)
    turned = dome * 1.4
    np.clip(turned, 0, 1, out=turned)
    np.subtract(c.x, p.yaw * turned, out=c.u)
    turned *= p.pitch
    np.subtract(c.y, turned, out=c.v)
    slope = np.sqrt(dome, out=c.slope)
    slope *= 0.86
    across *= 0.62 * p.light_x
    slope += across
    tilt *= 0.45 * p.light_y
    slope += tilt


def skin(c, p):
    """The skin of the head in the light that falls on its slopes, with a gleam where it is brightest."""
    gleam = c.slope - 0.72
    np.clip(gleam, 0, HUGE, out=gleam)
    gleam *= gleam
    gleam *= 3 * p.gloss
    np.multiply(gleam, c.head, out=c.shine)
    light = above(c.slope)
    light *= 1.08 - 1.08 * p.ambient
    light += p.ambient
    light *= c.shade
    c.paint(c.head, p.skin_colour, light)


def reach(table, size, poses, lines):
    """The part of planes of so many lines that each row of a table (see `carve`) can reach."""
    x, y, wide, tall = (table[:, :, i, 0, 0] for i in range(4))
    ends = np.stack(((x + wide).max(axis=0), (y - tall).min(axis=0), (y + tall).max(axis=0)), axis=1)
    for rows, columns in (box(size, poses, *row, 0.16) for row in ends.tolist()):
        yield ..., slice(rows.start * lines // size, -(-rows.stop * lines // size)), columns


def bell(side, v, x, y, wide, tall):
    """A pair of bells: how many half-widths and half-heights from the middle, and how high, 0 at the rim."""
    a, b = side - x, v - y
    a *= 1 / wide
    b *= 1 / tall
    high = a * a
    high += b * b
    np.subtract(1, high, out=high)
    return a, b, np.clip(high, 0, HUGE, out=high)


def carve(u, v, slope, shade, hills, hollows, parts):
    """Let the hills of a table tilt the slope, and the hollows of another hold light off, in place.

    Their first columns are x, y, half-width and half-height; `parts` tells for a table where the planes change.
    """
    side, sign = np.abs(u), np.copysign(np.float32(1), u)
    for part, hill in zip(parts(hills), hills.swapaxes(0, 1), strict=True):
        *where, over, down = hill.swapaxes(0, 1)
        a, b, high = bell(side[part], v[part], *where)
        a *= sign[part]
        a *= over
        b *= down
        a += b
        a *= high
        slope[part] += a
    for part, hollow in zip(parts(hollows), hollows.swapaxes(0, 1), strict=True):
        *where, dark = hollow.swapaxes(0, 1)
        _, _, high = bell(side[part], v[part], *where)
        high *= high
        high *= dark
        shade[part] -= high


def relief(c, p):
    """Hills and hollows of the face, on every second line."""
    u, v = coarse(c.u), np.ascontiguousarray(coarse(c.v))
    tilt, shade = np.zeros(u.shape, np.float32), np.ones(u.shape, np.float32)
    carve(u, v, tilt, shade, p.hills, p.hollows, partial(reach, size=c.size, poses=c.poses, lines=u.shape[1]))
    finer(shade, out=c.shade)
    c.slope += finer(tilt, out=np.empty_like(c.slope))


def details(c, p):
    """Hills and hollows of nose and chin that are lower than two lines."""
    carve(c.u, c.v, c.slope, c.shade, p.small_hills, p.small_hollows, lambda table: (...,) * table.shape[1])


def folds(c, p):
    """From the nose to the corners of the mouth, when one smiles or is old."""
    fold = np.abs(c.u) - (0.053 + 0.05 * p.smiling)
    fold -= 0.40 * c.v
    v = c.v - 0.37
    depth = hump(fold * fold * 500)
    depth *= hump(v * v * 45)
    depth *= -0.12 * p.smiling - 0.18 * p.old
    depth += 1
    c.light *= depth


def wrinkles(c, p):
    """On the forehead."""
    square, v = c.u * c.u, c.v + 0.52
    depth = above(wave((v + 0.1 * square) * 9, 0.13))
    depth *= hump(square * 8 + v * v * 40)
    c.light *= 1 - depth


def bags(c, p):
    """Under the eyes."""
    _, _, high = bell(np.abs(c.u), c.v, p.eye_x - 0.03, p.eye_y + 0.10, 0.11, 0.045)
    c.light *= 1 - 0.40 * high * high


def blush(c, p):
    a, b = (np.abs(c.u) - 0.36) / 0.24, (c.v - 0.16) / 0.20
    red = hump(a * a + b * b)
    red *= 0.14 + 0.46 * p.rosy_cheeks + 0.10 * p.heavy_makeup
    c.paint(red, p.skin_colour * tint(250, 158, 150))


def nostrils(c, p):
    """And the blush on the tip of the nose."""
    v = c.v - p.nose_y
    c.paint(0.12 * hump((c.u * c.u + v * v) * (1 / 0.13**2)), p.skin_colour * tint(250, 158, 150))
    u = c.u - 0.2 * p.yaw
    v -= 0.075
    side = np.abs(u)
    a, b = (side - p.nose_width * 0.48) / (p.nose_width * 0.45), (v + 0.1 * side) * 32
    c.paint(0.75 * hump((a * a + b * b) * 0.7), p.skin_colour * tint(90, 52, 48))
    wing = (side - p.nose_width * 1.02) * 30
    v += 0.03
    c.light *= 1 - 0.25 * hump(wing * wing + v * v * 300)


def eyes(c, p):
    """Whites, irises, pupils and glints, lids and lashes, and the colour on made-up lids."""
    across = np.abs(c.u) - p.eye_x
    across *= 1 / p.eye_width
    square = across * across
    bow = 1 - square
    v = across * p.eye_tilt
    v += c.v
    v -= p.eye_y + 0.012
    lid, under = v + p.eye_open * 1.2 * bow, v - p.eye_open * 0.75 * bow  # heights over the two lids
    if p.heavy_makeup.any():
        c.paint(hump(square * 0.5 + (v + 0.07) * (v + 0.07) * 130) * (0.5 * p.heavy_makeup),
                p.skin_colour * tint(110, 76, 84))  # fmt: skip
    crease = lid + 0.032
    c.light *= 1 - hump(crease * crease * 3000) * np.clip(0.6 * bow, 0, 0.3)
    eyeball = edge(np.maximum(-lid, under), p.pixel * (1 / 0.85))
    white = hump(lid * lid * 400)
    white *= -0.35
    white -= 0.2 * square
    white += 0.96
    white *= ramp(p.ambient + 0.25)
    c.paint(eyeball, tint(206, 194, 188), white)
    a, b = c.u - np.copysign(p.eye_x, c.u), v + (0.008 - p.gaze_y)
    a -= p.gaze_x
    radius = a * a
    radius += b * b
    np.sqrt(radius, out=radius)
    glow = step(2.32 - radius * 40)
    glow *= 0.55
    glow += 0.55
    glow *= 1 - 0.9 * edge(radius, p.pixel, at=0.026)  # the pupil
    c.paint(edge(radius, p.pixel, at=0.054) * eyeball, p.iris_colour, glow)
    a -= np.copysign(np.float32(0.020), p.light_x)
    b += 0.022
    glint = hump((a * a + b * b) * 1300)
    glint *= 0.8
    glint *= eyeball
    c.shine += glint
    thick = (0.014 - 0.006 * p.male + 0.009 * p.heavy_makeup) * (1.1 + 0.5 * across)
    reach = ramp(6.72 - np.abs(across) * 6)
    lash = edge(np.abs(lid) - thick, p.pixel * 1.2)
    lash *= reach
    lash *= 0.88
    c.paint(lash, tint(34, 22, 20), p.ambient * 0.9)
    lash = edge(np.abs(under - 0.006), p.pixel * 1.3, at=0.004)
    lash *= reach
    lash *= 0.35 + 0.3 * p.heavy_makeup
    c.paint(lash, p.skin_colour * tint(125, 80, 74))


def brows(c, p):
    across = np.abs(c.u) - (p.eye_x + 0.01)
    across *= 1 / (p.eye_width * 1.38)
    peak = across - 0.35
    peak *= peak
    peak *= -0.75 * p.brow_arch
    line = c.v + peak
    line -= p.brow_tilt * across
    line += p.brow_arch - p.brow_y - 0.01
    thick = step(across * 0.9)
    thick *= -0.35
    thick += 0.75
    thick *= ramp(4.24 - np.abs(across) * 4)
    thick *= p.brow_thick
    alpha = edge(np.abs(line) - thick, p.pixel * 1.8)
    alpha *= ramp(thick * 100)
    alpha *= 0.66 + 0.08 * p.male + 0.12 * p.bushy_eyebrows
    c.paint(alpha, p.brow_colour)


def mouth(c, p):
    """Lips, and between them a dark line or an open mouth with its upper teeth."""
    across = c.u - 0.15 * p.yaw
    across *= 1 / p.mouth_width
    square = across * across
    bow = 1 - square
    v = c.v - (p.mouth_y + 0.4 * p.smiling * p.curve)
    v -= p.curve * square
    over, below = v + p.gap * 0.4 * bow, v - p.gap * 0.6 * bow  # heights over the edges of the opening
    upper = hump(square * 25)
    upper *= -0.225 * p.lip
    upper += 0.9 * p.lip
    upper *= bow
    upper += over
    lower = below - p.lip * 1.15 * bow
    lips = edge(np.maximum(-upper, lower), p.pixel * (1.3 / 0.95))
    alpha = ramp(bow * 3)
    alpha *= 0.5
    alpha += 0.5
    alpha *= lips
    alpha *= 0.66 + 0.28 * p.wearing_lipstick
    c.paint(alpha, p.lip_colour)
    bright = np.clip(v * 9.6 - 0.10, -0.22, 0.02)
    bright *= lips
    bright += 1
    c.light *= bright
    glint = below - p.lip * 0.5
    glint *= glint
    c.shine += (0.07 + 0.10 * p.wearing_lipstick) * hump(glint * 1800 + square * 4) * lips
    is_open = ramp(p.gap * 60)
    if is_open.any():
        inside = edge(np.maximum(-over, below), p.pixel * (1 / 0.95)) * is_open
        c.paint(inside, tint(84, 32, 32), p.ambient)
        teeth = edge(over, p.pixel * 1.2, at=0.014 + p.gap * (0.45 + 0.35 * p.smiling))
        teeth *= ramp(1.25 - square * 1.1)
        teeth *= inside
        c.paint(teeth, tint(232, 220, 210), 1.0 - 0.45 * square)
    if not is_open.all():
        seam = edge(np.abs(v), p.pixel * 1.4, at=0.006) * ramp(bow * 3)
        seam *= 0.60 * (1 - is_open)
        c.paint(seam, p.lip_colour * tint(120, 84, 84))
    corner = np.abs(across) - 1.02
    c.light *= 1 - 0.22 * hump(corner * corner * 30 + v * v * 700)


def beard(c, p):
    """Stubble, full beard, goatee and moustache: one cover of hair that leaves the lips free."""
    u, v, side = c.u, c.v, np.abs(c.u)
    square = u * u
    lip = v - (p.mouth_y - p.lip - 0.045)  # height over the moustache's middle
    zone = step(4.5 * v - 2.12 + 4.275 * above(side - 0.10))
    band = step(1.7 - np.abs(28 * lip + 7 * square))
    band *= step((p.mouth_width * 1.15 - side) * 9)
    a, b = u / p.mouth_width, (v - p.mouth_y - 0.010 - p.curve * 0.6) / (p.lip * 1.2 + p.gap * 0.8 + 0.014)
    free = step(2.2 * (a * a + b * b) - 1.5)
    hair = np.maximum(zone * (0.80 * p.full_beard), band * (0.80 * p.moustache))
    if p.goatee.any():
        low = v - p.chin + 0.11
        ring = side - p.mouth_width * 1.02
        tuft = 0.7 * step(1.3 - ring * ring * 220) * step(lip * 6) * step((p.chin - v) * 5)
        tuft = np.maximum(tuft, step(2.0 - 32 * square - 60 * low * low))
        hair = np.maximum(hair, tuft * (0.74 * p.goatee))
    if p.shadow.any():
        hair = np.maximum(hair, np.maximum(zone, band) * (0.36 * p.shadow))
    hair *= free
    hair *= c.head
    hair *= 1 + wave(u * (7 + p.phase_c) + v + p.phase_d, 0.06)
    c.paint(hair, p.brow_colour * 0.85 + 0.08 * p.skin_colour, p.ambient * 0.5 + 0.5 * c.light)


def crown(c, p, width):
    """Hair on the skull, open for the face: negative inside; with what its light needs, x and height squared."""
    u = c.x / width
    high = c.y + 0.2
    high *= 1 / (0.75 + 0.75 * p.volume * (1 - 0.5 * p.receding_hairline))
    np.clip(high, -HUGE, 0, out=high)
    high *= high
    square = u * u
    cap = square * high
    cap *= -0.15
    cap += square
    cap += high
    cap -= 1
    cap *= 0.4
    cap += (0.014 + 0.022 * p.curls) * c.strands
    rise = c.u * (0.4 * p.bangs * p.part)
    rise -= c.v
    rise -= 0.24
    np.clip(rise, 0, HUGE, out=rise)
    a = rise * (-0.6 * p.part * (1 - p.bangs))
    a += c.u
    a *= 1 / (p.head_width * (0.97 - 0.10 * p.long))
    a *= a
    rise *= 1 / (-0.24 - p.hairline - 0.28 * p.bangs + 0.12 * p.receding_hairline)
    rise *= rise
    face = a * rise
    face *= 0.55 * p.receding_hairline + 0.5 * p.bangs + 0.2 - 0.2 * p.long
    face -= a
    face -= rise
    face += 1
    face *= 0.28
    face -= (0.016 + 0.02 * p.bangs) * c.strands
    return cap, face, u, square, high


def comb(c, p, outside, soft, u, square, high):
    """Paint hair where `outside` is negative, its shadow on the head, and the light on its strands."""
    alpha = edge(outside, soft)
    bare = 1 - alpha
    outside *= -0.35 / 0.12
    outside += 0.35 * (0.5 + 0.04 / 0.12)
    shadow = np.clip(outside, 0, 0.35, out=outside)
    shadow *= c.head
    shadow *= bare
    c.light *= np.subtract(1, shadow, out=shadow)
    c.shine *= bare
    u, square, high, strand = (coarse(plane) for plane in (u, square, high, c.strands))
    band = square * -0.35
    band += coarse(c.y)
    band += 0.68
    band *= band
    band *= 18
    band = hump(band)
    slope = square * -0.576
    slope += 0.64
    np.clip(slope, 0.064, HUGE, out=slope)
    np.sqrt(slope, out=slope)
    slope += (0.8 * p.light_x) * u
    slope += (-0.5 * p.light_y) * high
    np.clip(slope, 0, HUGE, out=slope)
    slope *= 1 - p.ambient
    slope += 0.85 * p.ambient
    sheen = 0.16 * band
    sheen += 0.10 + 0.10 * p.curls
    sheen *= strand
    band *= 0.24 + 0.20 * p.straight_hair
    sheen += band
    sheen += 0.86
    if p.long.any():
        sheen -= (0.22 * p.long) * step(coarse(c.y) + 0.3)
    sheen *= slope
    c.paint(alpha, p.hair_colour, finer(sheen, out=np.empty_like(alpha)))


def short_hair(c, p):
    """A cap of hair, tapered at the sides."""
    strands(c, p)
    width = step(c.y * 1.4 + 1.05)
    width *= -0.85 * p.volume
    width += p.head_width + 0.015 + p.volume
    cap, face, *form = crown(c, p, width)
    ends = np.abs(c.x) * 2.5
    ends -= 2.5 * p.head_width - 0.075
    np.clip(ends, 0, HUGE, out=ends)
    ends += c.v
    ends += 0.02 - 0.06 * p.male
    np.maximum(cap, ends, out=cap)
    np.maximum(cap, face, out=cap)
    comb(c, p, cap, p.pixel * 2 + 0.03, *form)


def long_hair(c, p):
    """A cap of hair that falls beside the face."""
    cap, face, *form = crown(c, p, p.head_width + 0.015 + p.volume)
    np.maximum(cap, face, out=cap)
    np.maximum(cap, -0.5, out=cap)
    falls = np.abs(c.x) - (p.head_width + p.volume)
    turns = c.y * 1.4 + p.phase_b
    turns += 0.3 * c.x
    hang = wave(turns, 0.05 * p.curls)
    hang += p.fall
    hang *= step(c.y * 0.8 + 0.40)
    falls -= hang
    np.maximum(falls, face, out=falls)
    np.maximum(falls, -0.2 - c.y, out=falls)
    np.minimum(cap, falls, out=cap)
    comb(c, p, cap, p.pixel * 2, *form)


def bald_sides(c, p):
    """What hair a bald head keeps: short, over the ears."""
    side, v = np.abs(c.x), c.y + 0.16
    alpha = step((side - p.head_width * 0.88) * 10) * step(1.4 - np.abs(v) * 5)
    alpha *= edge(side, p.pixel, at=p.head_width)
    c.paint(0.45 * alpha, tint(80, 66, 58), 0.8 * p.ambient + 0.2)


def earrings(c, p):
    drop = 0.06 * p.style
    a, b = (np.abs(c.x) - (p.head_width + 0.02)) * 28, (c.y - (0.215 + drop)) * (1 / (0.042 + drop))
    square = a * a + b * b
    alpha = edge(square, p.pixel * 50, at=1)
    c.paint(alpha, colour(0.11 + 0.03 * p.frame, ramp(p.frame), 0.7 + 0.3 * p.style), 0.85 - 0.2 * b)
    c.shine += 0.8 * hump(square * 2.5 + a * 0.8)


def glasses(c, p):
    """Frames, lenses with a gleam, and for some dark lenses."""
    u, v = c.u, c.v - (p.eye_y + 0.025)
    dark = (p.shades < 0.35).astype(np.float32)
    side = np.abs(u)
    a, b = (side - p.eye_x + 0.005) / 0.205, v / (0.130 + 0.03 * p.frame)
    a2, b2 = a * a, b * b
    lens = (a2 * (0.6 + 0.4 * a2) + b2 * (0.6 + 0.4 * b2) - 1) * 0.075
    rim = 0.008 + 0.014 * p.hat
    paint = colour(p.hat, 0.4 * p.frame, 0.05 + 0.3 * p.frame * p.hat)
    glass = edge(lens, p.pixel)
    c.paint(glass * (0.05 + 0.85 * dark), tint(24, 22, 26), 0.7 + 0.5 * dark * (b + 1))
    gleam = a + b * 0.6 + 0.5
    c.shine *= 1 - 0.8 * dark * glass
    c.shine += glass * hump(gleam * gleam * 14) * (0.08 + 0.14 * dark)
    bridge = np.maximum(side - 0.10, np.abs(v + 0.045 + u * u) - rim)
    arm = np.maximum(0.48 - side, np.abs(v + 0.04) - rim)
    frame = edge(np.minimum(np.minimum(np.abs(lens) - rim, bridge), arm), p.pixel) * c.head
    c.paint(frame * 0.95, paint, p.ambient + 0.3)


def hat(c, p):
    """A beanie, a cap or a hat with a brim, and the shadow under it."""
    x, y, u = c.x, c.y, c.u
    brimmed = (p.style > 0.4).astype(np.float32)
    under = y + 0.46 + 0.06 * p.hat - 0.16 * x * x * (1 - 2 * brimmed)
    a, b = x / (p.head_width + 0.07), np.clip(under, -HUGE, 0) / 0.72
    a2 = a * a
    dome = edge(np.maximum((a2 * (0.5 + 0.5 * a2) + b * b - 1) * 0.3, under), p.pixel * 1.5)
    c.light *= 1 - 0.45 * step(1 - under * 4) * c.head * (1 - dome)
    light = (p.ambient * 0.9 + (1 - p.ambient) * (0.5 + 0.7 * p.light_x * a)) * (1 - 0.4 * a2)
    light *= (
        1 + 0.07 * (1 - brimmed) * wave(a * 4.5 + 0.2 * wave(y * 5)) - 0.3 * brimmed * step((under + 0.16) * 30)
    )
    paint = colour(p.hat, 0.6 * p.hat_b * p.hat_b, 0.08 + 0.7 * p.frame * p.frame)
    c.paint(dome, paint, light)
    c.shine *= 1 - dome
    e, f = u / (p.head_width + 0.10 + 0.25 * (p.style > 0.7)), (under - 0.015 + 0.05 * u * u) * 15
    brim = edge((e * e + f * f - 1) * 0.03, p.pixel * 1.4) * brimmed
    c.paint(brim, paint, light * (0.95 - 0.2 * f))


def develop(c, p):
    """Light on colour, gleams on top, then exposure and warmth; shadows are a little redder than lights."""
    light = np.clip(c.light * p.exposure, 0, 1.3)
    gleam = c.shine * 255 + 0.5
    for channel, (red, warm) in enumerate(((0.12, 1.0), (-0.02, 0.0), (-0.06, -1.0))):
        full = 255 + 255 * warm * p.warmth
        lit = light * (-red * full)
        lit += full + red * full
        lit *= light
        lit *= c.colour[:, channel]
        lit += gleam
        c.pixels[:, channel] = np.clip(lit, 0, 255, out=lit)


PARTS = {  # from back to front: who has it (None: all), and where it is (None: everywhere; see `box`)
    pose: (None, None),
    background: (None, None),
    strands: ("long", None),
    back_hair: ("long", (0.62, 0.1, 1, 0.16)),
    body: (None, (1, 0.52, 1, 0.16)),
    ears: ("ears_show", (0.76, -0.12, 0.18, 0.16)),
    head: (None, None),
    relief: (None, None),
    details: (None, (0.18, 0.14, 0.66)),
    skin: (None, None),
    folds: (None, (0.42, 0.22, 0.54)),
    wrinkles: ("old", (0.33, -0.64, -0.42)),
    bags: ("bags_under_eyes", (0.34, -0.08, 0.04)),
    blush: (None, (0.60, -0.02, 0.34, 0.16)),
    nostrils: (None, (0.20, 0.04, 0.36)),
    mouth: (None, (0.30, 0.34, 0.60)),
    eyes: (None, (0.42, -0.25, -0.02)),
    brows: (None, (0.46, -0.38, -0.18)),
    beard: ("beard", (0.63, -0.02, 0.95, 0.16)),
    bald_sides: ("bald", (0.69, -0.42, 0.08, 0.16)),
    short_hair: ("short", (0.9, -1, 0.12, 0.16)),
    long_hair: ("long", None),
    earrings: ("wearing_earrings", (0.74, 0.18, 0.40, 0.16)),
    glasses: ("eyeglasses", (0.70, -0.28, 0.06, 0.16)),
    hat: ("wearing_hat", (1, -1, -0.24)),
    develop: (None, None),
}


@cache
def place(part, size, poses):
    """The window of a part, and for how many people at a time."""
    _, where = PARTS[part]
    rows, columns = box(size, poses, *where) if where else (slice(0, size), slice(0, size))
    return rows, columns, max(1, BLOCK // ((rows.stop - rows.start) * (columns.stop - columns.start)))


def add(c, p, part):
    """Paint a part on those who have it, where it can be."""
    who, where = PARTS[part]
    rows, columns, few = place(part, c.size, c.poses)
    chosen = range(c.count) if who is None else np.flatnonzero(getattr(p, who))
    for first in range(0, len(chosen), few):
        these = chosen[first : first + few]
        if these[-1] - these[0] == len(these) - 1:
            these = slice(these[0], these[-1] + 1)
        everybody = len(chosen) == c.count <= few
        if everybody and where is None:
            part(c, p)
        else:
            window = Window(c, rows, columns, these)
            part(window, p if everybody else Few(p, these))
            window.put_back()


def portraits(p, size):
    """Paint people (see `people`): uint8 (N, 3, size, size)."""
    c = Canvas(p, size)
    for part in PARTS:
        add(c, p, part)
    return c.pixels

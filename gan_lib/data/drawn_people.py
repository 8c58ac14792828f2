"""Who the drawn people are: random numbers that any machine repeats, attributes, and measures of a face.

Lengths are in half-widths of the picture: x runs from -1 (left) to 1 (right), y from -1 (top) to 1 (bottom).
"""

from types import SimpleNamespace

import numpy as np

# Chance of each attribute for an older woman, a young woman, an older man and a young man, as counted in CelebA.
CHANCES = {
    "5_o_Clock_Shadow": (0.00, 0.00, 0.41, 0.77),  # of those with a beard
    "Arched_Eyebrows": (0.38, 0.43, 0.03, 0.07),
    "Bags_Under_Eyes": (0.20, 0.10, 0.46, 0.27),
    "Bald": (0.00, 0.00, 0.115, 0.025),
    "Bangs": (0.35, 0.18, 0.03, 0.11),
    "Big_Lips": (0.22, 0.31, 0.12, 0.18),
    "Big_Nose": (0.22, 0.09, 0.58, 0.33),
    "Black_Hair": (0.12, 0.22, 0.17, 0.38),
    "Blond_Hair": (0.32, 0.23, 0.02, 0.02),
    "Brown_Hair": (0.21, 0.25, 0.10, 0.19),
    "Bushy_Eyebrows": (0.02, 0.08, 0.12, 0.31),
    "Chubby": (0.03, 0.01, 0.26, 0.05),
    "Eyeglasses": (0.06, 0.02, 0.22, 0.07),
    "Goatee": (0.00, 0.00, 0.43, 0.36),  # of those with a beard
    "Gray_Hair": (0.08, 0.00, 0.27, 0.00),
    "Heavy_Makeup": (0.62, 0.82, 0.00, 0.00),  # of those with lipstick
    "Male": (0.42, 0.42, 0.42, 0.42),
    "Mouth_Slightly_Open": (0.64, 0.51, 0.46, 0.44),  # more of those who smile, fewer of the others
    "Mustache": (0.00, 0.00, 0.33, 0.17),  # of those with a beard
    "Narrow_Eyes": (0.13, 0.11, 0.13, 0.12),
    "No_Beard": (1.00, 1.00, 0.64, 0.58),
    "Oval_Face": (0.20, 0.33, 0.25, 0.26),  # of those who are not chubby
    "Pale_Skin": (0.05, 0.07, 0.03, 0.03),
    "Pointy_Nose": (0.31, 0.36, 0.15, 0.16),
    "Receding_Hairline": (0.09, 0.06, 0.27, 0.07),  # of those without bangs, and not bald
    "Rosy_Cheeks": (0.12, 0.10, 0.01, 0.00),
    "Smiling": (0.69, 0.52, 0.43, 0.37),
    "Straight_Hair": (0.10, 0.21, 0.21, 0.26),
    "Wavy_Hair": (0.58, 0.55, 0.16, 0.21),  # of those whose hair is not straight
    "Wearing_Earrings": (0.51, 0.29, 0.01, 0.02),
    "Wearing_Hat": (0.02, 0.03, 0.09, 0.08),
    "Wearing_Lipstick": (0.74, 0.81, 0.00, 0.01),
    "Young": (0.88, 0.88, 0.64, 0.64),
}
#: The attributes of drawn faces, 33 of CelebA's 40 names.
ATTRIBUTE_NAMES = tuple(CHANCES)
HAIRS = {  # the shades of each colour, in the order in which chance deals them out
    "Gray_Hair": ((134, 132, 132), (214, 212, 208)),
    "Black_Hair": ((20, 17, 17), (46, 38, 36)),
    "Blond_Hair": ((168, 134, 92), (230, 206, 162)),
    "Brown_Hair": ((88, 62, 45), (140, 104, 76)),
    "other": ((36, 28, 25), (54, 40, 34), (112, 62, 44)),
}
EXCLUSIVE = (  # of each group a face has one name at most
    ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"),
    ("Bald", "Straight_Hair", "Wavy_Hair"),
    ("Bald", "Bangs", "Receding_Hairline"),
    ("Chubby", "Oval_Face"),
    ("No_Beard", "5_o_Clock_Shadow"),
    ("No_Beard", "Goatee"),
    ("No_Beard", "Mustache"),
)

# Measures: the ends of a range; values near its middle are the most frequent.
RANGES = {
    "yaw": (-0.22, 0.22), "pitch": (-0.05, 0.05), "roll": (-0.08, 0.08),
    "shift_x": (-0.02, 0.02), "shift_y": (-0.02, 0.02), "zoom": (0.96, 1.05),
    "light_x": (-1.0, 1.0), "light_y": (-0.7, -0.1), "ambient": (0.45, 0.80),
    "exposure": (0.94, 1.26), "warmth": (-0.05, 0.08), "gloss": (0.05, 0.25),
    "head_width": (0.550, 0.600), "jaw": (-0.45, 0.00), "chin": (0.79, 0.87),
    "eye_x": (0.270, 0.305), "eye_y": (-0.140, -0.110), "eye_width": (0.115, 0.138),
    "eye_open": (0.046, 0.062), "eye_tilt": (-0.02, 0.03),
    "gaze_x": (-0.032, 0.032), "gaze_y": (-0.008, 0.008),
    "brow_y": (-0.290, -0.255), "brow_tilt": (-0.010, 0.028), "brow_thick": (0.024, 0.034),
    "nose_y": (0.17, 0.22), "nose_width": (0.110, 0.140),
    "mouth_y": (0.44, 0.48), "mouth_width": (0.195, 0.235), "lip": (0.042, 0.056), "curve": (-0.012, 0.014),
    "gap": (0.6, 1.2), "hairline": (-0.72, -0.58), "volume": (0.10, 0.28), "part": (-0.35, 0.35),
    "fall": (0.08, 0.34), "shoulder_y": (0.70, 0.88), "neck_width": (0.33, 0.38),
}  # fmt: skip
# Even chances from 0 to 1, for colours, styles and the phases of textures.
EVEN = (
    "skin", "hair", "iris", "lips", "length", "style", "shades", "frame", "hat", "hat_b",
    "background_a", "background_b", "background_c", "background_d", "background_e", "background_f",
    "cloth_a", "cloth_b", "cloth_c", "phase_a", "phase_b", "phase_c", "phase_d",
)  # fmt: skip
COLUMNS = (*ATTRIBUTE_NAMES, *RANGES, *EVEN)


def table(*colours):
    return np.array(colours, np.float32) / 255


SKINS = table((116, 76, 58), (166, 116, 92), (206, 156, 130), (222, 174, 148), (230, 184, 160),
              (238, 198, 176))  # fmt: skip
PALE = table((243, 218, 203))
IRISES = table((42, 26, 18), (60, 38, 24), (80, 54, 32), (80, 80, 54), (74, 96, 116), (88, 116, 146))
LIPSTICKS = table((150, 30, 44), (196, 44, 62), (200, 76, 88), (182, 88, 80), (214, 104, 116))


def uniform(seed, indices, columns):
    """Even random numbers in [0, 1) from seed, face and column alone: (C, N). SplitMix64, Steele et al. 2014."""
    keys = _mix(np.array([seed], np.int64).astype(np.uint64) * np.uint64(0xD1342543DE82EF95)
                + np.asarray(columns).astype(np.uint64))[:, None]  # fmt: skip
    bits = _mix(_mix(np.asarray(indices).astype(np.uint64) + keys) + keys)
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def _mix(bits):
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def people(seed, indices, overrides=None):
    """Attributes and measures of the faces `indices` of `seed`.

    Parameters
    ----------
    seed : int
    indices : int array of shape (N,)
    overrides : dict, default None
        Attribute name -> bool: set by hand. What it excludes goes; all else of a face stays as it was.

    Returns
    -------
    people : dict
        `attributes` (N, A) bool in the order of `ATTRIBUTE_NAMES`; by name, float32 measures (N, 1, 1),
        tables of them (N, rows, K, 1, 1) and colours (N, 3, 1, 1).

    Raises
    ------
    KeyError
        If an override is not one of `ATTRIBUTE_NAMES`.
    """
    first = uniform(seed, indices, range(len(COLUMNS)))
    second = uniform(seed, indices, range(1000, 1000 + len(COLUMNS)))
    chance = dict(zip(COLUMNS, first, strict=True))
    has = _attributes(chance, overrides or {})
    measures = {name: chance[name] for name in EVEN}
    for name, other in zip(COLUMNS, second, strict=True):
        if name in RANGES:
            low, high = RANGES[name]
            measures[name] = low + (high - low) * (chance[name] + other) * np.float32(0.5)
    p = SimpleNamespace(**measures)
    _shape(p, has)
    _relief(p)
    columns = {name: np.asarray(value, np.float32)[..., None, None] for name, value in vars(p).items()}
    columns.update(_colours(SimpleNamespace(**columns), has))
    columns["attributes"] = np.stack([has[name] for name in ATTRIBUTE_NAMES], axis=1)
    return columns


def _attributes(chance, overrides):
    """Deal the attributes out, each after those that it depends on."""
    unknown = sorted(set(overrides) - set(ATTRIBUTE_NAMES))
    if unknown:
        raise KeyError(f"no drawn face has {', '.join(unknown)}: choose from {', '.join(ATTRIBUTE_NAMES)}")
    excluding = [group for group in EXCLUSIVE if any(overrides.get(name) for name in group)]
    fixed = {name: False for group in excluding for name in group} | overrides
    none = np.zeros(chance["Male"].shape, bool)
    has = {"Male": none, "Young": none}

    def probability(name):
        return np.array(CHANCES[name], np.float32)[has["Male"] * 2 + has["Young"]]

    def deal(name, factor=1.0):
        drawn = chance[name] < probability(name) * np.asarray(factor, np.float32)
        has[name] = np.full(none.shape, fixed[name]) if name in fixed else drawn

    for name in ("Male", "Young", "Bald", "Chubby", "Smiling", "No_Beard", "Wearing_Lipstick"):
        deal(name)
    dark, bald = chance["skin"] < 0.15, has["Bald"]
    spent = np.zeros(none.shape, np.float32)
    shares = (
        ("Gray_Hair", 1, 1),
        ("Black_Hair", 2.8, 0.7),
        ("Blond_Hair", 0.2, 1.15),
        ("Brown_Hair", 0.4, 1.12),
    )
    for name, on_dark, on_light in shares:  # one draw along the chances laid end to end
        end = spent + probability(name) * np.where(dark, on_dark, on_light).astype(np.float32)
        dealt = (chance["Gray_Hair"] >= spent) & (chance["Gray_Hair"] < end) & ~bald
        has[name] = np.full(none.shape, fixed[name]) if name in fixed else dealt
        spent = end
    deal("Straight_Hair", ~bald)
    deal("Wavy_Hair", ~bald & ~has["Straight_Hair"])
    deal("Bangs", ~bald)
    deal("Receding_Hairline", ~bald & ~has["Bangs"])
    for name in ("5_o_Clock_Shadow", "Goatee", "Mustache"):
        deal(name, ~has["No_Beard"])
    deal("Oval_Face", ~has["Chubby"])
    deal("Heavy_Makeup", has["Wearing_Lipstick"])
    deal("Pale_Skin", ~dark * 1.15)
    deal("Mouth_Slightly_Open", np.where(has["Smiling"], 1.4, 0.6))
    for name in ATTRIBUTE_NAMES:
        if name not in has:
            deal(name)
    return has


def _shape(p, has):
    """Let the attributes act on the measures of `p`, in place."""
    for name, value in has.items():
        setattr(p, "shadow" if name[0] == "5" else name.lower(), value.astype(np.float32))
    p.old = 1 - p.young
    p.head_width += 0.012 * p.male + 0.055 * p.chubby - 0.025 * p.oval_face
    p.jaw += 0.12 * p.male + 0.25 * p.chubby - 0.20 * p.oval_face
    p.chin += 0.02 * p.male + 0.03 * p.oval_face + 0.025 * p.mouth_slightly_open
    p.eye_open *= (1 - 0.12 * p.male) * (1 - 0.5 * p.narrow_eyes)
    p.eye_open *= (1 - 0.15 * p.smiling) * (1 + 0.1 * p.heavy_makeup)
    p.brow_y += 0.02 * p.male
    p.brow_arch = 0.020 + 0.050 * p.arched_eyebrows - 0.006 * p.male
    p.brow_thick *= 1 + 0.15 * p.male + 0.65 * p.bushy_eyebrows
    p.nose_width *= 1 + 0.06 * p.male + 0.32 * p.big_nose - 0.22 * p.pointy_nose
    p.nose_y += 0.03 * p.big_nose - 0.01 * p.pointy_nose
    p.mouth_width *= 1 + 0.24 * p.smiling
    p.curve -= 0.050 * p.smiling
    p.gap *= p.mouth_slightly_open * (0.040 + 0.045 * p.smiling)
    p.lip *= (1 - 0.20 * p.male) * (1 + 0.70 * p.big_lips) * (1 - 0.08 * p.smiling)
    p.beard = 1 - p.no_beard
    p.full_beard = p.beard * (1 - np.maximum(np.maximum(has["5_o_Clock_Shadow"], p.goatee), p.mustache))
    p.moustache = np.maximum(p.mustache, p.full_beard)
    p.long = (p.length < 0.82 - 0.78 * p.male) * (1 - p.bald)
    p.ears_show = 1 - p.long
    p.short = p.ears_show - p.bald
    p.volume *= 0.65 + 0.35 * p.long
    p.curls = np.maximum(p.wavy_hair, 0.3 - 0.3 * p.straight_hair)
    p.neck_width += 0.06 * p.male + 0.04 * p.chubby


def _relief(p):
    """What stands out from a face, or sinks into it, as tables with a row for each; on both sides if x is not 0.

    Of hills x, y, half-width, half-height and how much they tilt the light from the side and from above; of
    hollows the same first four, and how much light they hold off, wherever it comes from.
    """
    eye, tip, nose, mouth, smile = p.eye_x, p.nose_y, p.nose_width, p.mouth_y, p.smiling

    def hill(x, y, wide, tall, height):
        return x, y, wide, tall, 3.0 * height / wide * p.light_x, 3.4 * height / tall * p.light_y

    p.hills = _table(
        hill(eye - 0.02, p.eye_y - 0.03, 0.20, 0.13, -0.022),  # eye socket
        hill(eye, p.brow_y - 0.01, 0.22, 0.09, 0.010 + 0.010 * p.male),  # brow
        hill(0.33 + 0.02 * smile, 0.17 - 0.03 * smile, 0.24, 0.22,
             0.032 + 0.022 * smile + 0.015 * p.chubby),  # cheek
        hill(0.36, 0.54, 0.20, 0.20, 0.016 * p.chubby),  # jowl
        hill(0, tip - 0.20, 0.085 - 0.02 * p.pointy_nose, 0.36, 0.018),  # bridge of the nose
        hill(0, tip, nose * 0.80, 0.110, 0.029 + 0.014 * p.pointy_nose),  # its tip
        hill(0, mouth - 0.02, 0.24, 0.13, 0.010),  # rounding over the teeth
        hill(0, p.chin - 0.14, 0.17, 0.15, 0.026 + 0.010 * p.male),  # chin
        hill(0, -0.52, 0.42, 0.30, 0.022),  # forehead
    )  # fmt: skip
    p.hollows = _table(
        (eye - 0.06, p.eye_y - 0.035, 0.18, 0.12, 0.32),  # eye socket
        (nose * 0.95, tip - 0.08, 0.08, 0.26, 0.15),  # side of the nose
        (0.44, 0.42, 0.15, 0.30, 0.10 + 0.08 * p.oval_face),  # cheek
    )
    p.small_hills = _table(
        hill(nose * 0.80, tip + 0.045, nose * 0.52, 0.070, 0.016),  # wing of the nose
        hill(0, mouth + 0.125, 0.14, 0.05, -0.012),  # over the chin
    )
    p.small_hollows = _table(
        (0, tip + 0.11, nose * 1.2, 0.06, 0.34),  # under the nose
        (0, mouth + 0.14, 0.14, 0.055, 0.20),  # over the chin
    )


def _table(*rows):
    """Rows of K numbers or measures (N,) as one array (N, rows, K)."""
    return np.stack([np.stack(np.broadcast_arrays(*row), axis=1) for row in rows], axis=1)


def _colours(p, has):
    """Colours of skin, hair, brows, lips, irises, clothes and background."""
    skin = palette(SKINS, p.skin)
    skin = skin + p.pale_skin[:, None] * (PALE[:, :, None, None] - skin)
    hair, rest = 0, np.ones(len(skin), bool)
    for name, ends in HAIRS.items():
        chosen = rest if name == "other" else has[name]
        hair = hair + chosen[:, None, None, None] * palette(table(*ends), p.hair)
        rest = rest & ~chosen
    lips = skin * tint(218, 138, 132)
    dull, bright = p.background_c * p.background_c * p.background_c * 0.45, 0.05 + 0.95 * p.background_b
    return {
        "skin_colour": skin,
        "hair_colour": hair,
        "brow_colour": np.minimum(hair * tint(150, 135, 125), tint(120, 92, 72)),
        "lip_colour": lips + 0.85 * p.wearing_lipstick[:, None] * (palette(LIPSTICKS, p.lips) - lips),
        "iris_colour": palette(IRISES, np.where(p.skin < 0.3, p.iris * 0.3, p.iris)),
        "cloth_colour": colour(p.cloth_a, p.cloth_b * p.cloth_b * 0.6, 0.06 + 0.85 * p.cloth_c * p.cloth_c),
        "wall_colour": colour(p.background_a, dull, bright),
        "far_wall_colour": colour(
            p.background_a + 0.2 * p.background_d, dull, bright * (0.4 + 0.8 * p.background_f)
        ),
        "blur_colour": colour(p.background_d + 0.2 * p.phase_b, dull, p.phase_a),
        "other_blur_colour": colour(p.background_d + 0.2 * p.phase_d, dull, p.phase_c),
    }


def tint(*values):
    """One colour given by three numbers from 0 to 255: (1, 3, 1, 1)."""
    return table(values)[:, :, None, None]


def palette(colours, position):
    """Colours (K, 3) read at `position` (N, 1, 1) in [0, 1], in between by straight lines: (N, 3, 1, 1)."""
    place = position[:, 0, 0] * np.float32(len(colours) - 1)
    left = np.minimum(place.astype(np.int64), len(colours) - 2)
    part = (place - left.astype(np.float32))[:, None]
    return (colours[left] + part * (colours[left + 1] - colours[left]))[:, :, None, None]


def colour(hue, saturation, value):
    """Colours (N, 3, 1, 1) from hue, saturation and value (N, 1, 1), each in [0, 1]."""
    turn = hue[:, None] + np.array((0, 2 / 3, 1 / 3), np.float32)[None, :, None, None]
    ramp = np.clip(np.abs((turn - np.floor(turn)) * 6 - 3) - 1, 0, 1)
    return value[:, None] * (1 - saturation[:, None] * (1 - ramp))

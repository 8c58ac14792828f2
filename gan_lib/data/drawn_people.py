"""Who the drawn people are: random numbers that any machine repeats, attributes, and measures of a face.

Lengths are in half-widths of the picture: x runs from -1 (left) to 1 (right), y from -1 (top) to 1 (bottom).
"""

from types import SimpleNamespace

import numpy as np

# Chance of each attribute for an older woman, a young woman, an older man, a young man, as counted in CelebA.
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
    "Heavy_Makeup": (0.50, 0.68, 0.00, 0.00),
    "Male": (0.42, 0.42, 0.42, 0.42),
    "Mouth_Slightly_Open": (0.65, 0.51, 0.43, 0.42),
    "Mustache": (0.00, 0.00, 0.33, 0.17),  # of those with a beard
    "Narrow_Eyes": (0.13, 0.11, 0.13, 0.12),
    "No_Beard": (1.00, 1.00, 0.63, 0.58),
    "Oval_Face": (0.20, 0.33, 0.19, 0.24),
    "Pale_Skin": (0.05, 0.06, 0.02, 0.03),
    "Pointy_Nose": (0.31, 0.36, 0.15, 0.16),
    "Receding_Hairline": (0.06, 0.04, 0.26, 0.06),
    "Rosy_Cheeks": (0.12, 0.10, 0.01, 0.00),
    "Smiling": (0.69, 0.52, 0.43, 0.37),
    "Straight_Hair": (0.10, 0.21, 0.21, 0.26),
    "Wavy_Hair": (0.52, 0.44, 0.14, 0.16),
    "Wearing_Earrings": (0.51, 0.29, 0.01, 0.02),
    "Wearing_Hat": (0.02, 0.03, 0.09, 0.08),
    "Wearing_Lipstick": (0.74, 0.81, 0.00, 0.01),
    "Young": (0.88, 0.88, 0.64, 0.64),
}
ATTRIBUTE_NAMES = tuple(CHANCES)
EXCLUSIVE = (  # of each group a face has one name at most
    ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"),
    ("Bald", "Straight_Hair", "Wavy_Hair"),
    ("Bald", "Bangs", "Receding_Hairline"),
    ("No_Beard", "5_o_Clock_Shadow"),
    ("No_Beard", "Goatee"),
    ("No_Beard", "Mustache"),
)

# Measures: the ends of a range; values near its middle are the most frequent.
RANGES = {
    "yaw": (-0.16, 0.16), "pitch": (-0.05, 0.05), "roll": (-0.12, 0.12),
    "shift_x": (-0.04, 0.04), "shift_y": (-0.03, 0.03), "zoom": (0.94, 1.06),
    "light_x": (-0.9, 0.9), "light_y": (-0.8, -0.1), "ambient": (0.45, 0.75),
    "exposure": (0.90, 1.14), "warmth": (-0.07, 0.07), "gloss": (0.05, 0.22),
    "head_width": (0.54, 0.60), "jaw": (-0.1, 0.4), "chin": (0.80, 0.88),
    "eye_x": (0.265, 0.300), "eye_y": (-0.145, -0.115), "eye_width": (0.112, 0.135),
    "eye_open": (0.044, 0.060), "eye_tilt": (-0.02, 0.02), "gaze_x": (-0.030, 0.030), "gaze_y": (-0.008, 0.008),
    "brow_y": (-0.285, -0.250), "brow_tilt": (-0.02, 0.03), "brow_thick": (0.022, 0.032),
    "nose_y": (0.16, 0.22), "nose_width": (0.105, 0.135),
    "mouth_y": (0.44, 0.48), "mouth_width": (0.19, 0.23), "lip": (0.040, 0.055), "curve": (-0.005, 0.018),
    "teeth": (0.0, 1.0), "hairline": (-0.74, -0.62), "volume": (0.06, 0.14), "part": (-0.30, 0.30),
    "long_width": (0.12, 0.34), "shoulder_y": (0.86, 1.02), "neck_width": (0.30, 0.36),
}
# Even chances from 0 to 1, for colours, styles and the phases of textures.
EVEN = (
    "skin", "skin_b", "hair", "hair_b", "iris", "lips", "length", "style", "shades", "hat", "hat_b", "frame",
    "background_a", "background_b", "background_c", "background_d", "background_e", "background_f",
    "cloth_a", "cloth_b", "cloth_c", "phase_a", "phase_b", "phase_c", "phase_d", "wave",
)
COLUMNS = {name: number for number, name in enumerate((*ATTRIBUTE_NAMES, *RANGES, *EVEN))}

SKINS = np.array([(92, 58, 42), (124, 82, 60), (160, 110, 80), (192, 140, 106), (212, 162, 128),
                  (224, 178, 146), (232, 192, 166), (238, 204, 182)], np.float32) / 255  # fmt: skip
HAIRS = {
    "Black_Hair": ((18, 15, 15), (44, 36, 34)),
    "Blond_Hair": ((186, 142, 84), (230, 200, 142)),
    "Brown_Hair": ((74, 46, 30), (128, 86, 54)),
    "Gray_Hair": ((134, 132, 132), (206, 204, 202)),
    "other": ((44, 30, 24), (124, 62, 36)),
}
IRISES = np.array([(52, 32, 22), (70, 44, 26), (92, 62, 36), (96, 96, 60), (84, 110, 130), (98, 128, 158)],
                  np.float32) / 255  # fmt: skip


def uniform(seed, indices, column):
    """Even random numbers in [0, 1) that depend on seed, face and column only (SplitMix64, Steele et al. 2014)."""
    indices = np.asarray(indices).astype(np.uint64)
    key = _mix(np.array([seed], np.int64).astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + np.uint64(column))
    bits = _mix(_mix(indices + key) + key)
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
        Attribute name -> bool: set by hand; all other chances of the face stay as they are.

    Returns
    -------
    people : SimpleNamespace
        `attributes` (N, A) bool in the order of `ATTRIBUTE_NAMES`; one column of shape (N, 1, 1) for each measure;
        colours of shape (N, 3, 1, 1).
    """
    chance = {name: uniform(seed, indices, column) for name, column in COLUMNS.items()}
    has = _attributes(chance, overrides or {})
    p = SimpleNamespace(**{name: chance[name] for name in EVEN})
    for name, (low, high) in RANGES.items():
        second = uniform(seed, indices, COLUMNS[name] + 1000)
        setattr(p, name, low + (high - low) * (chance[name] + second) * np.float32(0.5))
    _shape(p, has)
    for name, value in vars(p).items():
        setattr(p, name, np.asarray(value, np.float32)[:, None, None])
    _colours(p, has)
    p.has = has
    p.attributes = np.stack([has[name] for name in ATTRIBUTE_NAMES], axis=1)
    return p


def _attributes(chance, overrides):
    unknown = set(overrides) - set(ATTRIBUTE_NAMES)
    if unknown:
        raise KeyError(f"no drawn attribute is called {sorted(unknown)}; the names are {', '.join(ATTRIBUTE_NAMES)}")
    fixed = {name: False for group in EXCLUSIVE for name in group if any(overrides.get(n) for n in group)}
    fixed.update(overrides)
    has = {}

    def draw(name, factor=1.0):
        column = (0 if name == "Male" else has["Male"] * 2) + (0 if name in ("Male", "Young") else has["Young"] * 1)
        probability = np.array(CHANCES[name], np.float32)[column] * np.float32(factor)
        has[name] = np.full(chance[name].shape, fixed[name]) if name in fixed else chance[name] < probability

    draw("Male")
    has["Young"] = np.zeros_like(has["Male"])
    draw("Young")
    dark = chance["skin"] < 0.2
    draw("Bald")
    # The hair's colour: one draw along the chances laid end to end, dark skin mostly with black hair.
    spent = np.zeros(dark.shape, np.float32)
    column = has["Male"] * 2 + has["Young"] * 1
    for name, dark_factor, light_factor in (("Gray_Hair", 1.0, 1.0), ("Black_Hair", 2.6, 0.68),
                                            ("Blond_Hair", 0.2, 1.22), ("Brown_Hair", 0.4, 1.17)):  # fmt: skip
        end = spent + np.array(CHANCES[name], np.float32)[column] * np.where(dark, dark_factor, light_factor)
        free = (chance["Gray_Hair"] >= spent) & (chance["Gray_Hair"] < end) & ~has["Bald"]
        has[name] = np.full(dark.shape, fixed[name]) if name in fixed else free
        spent = end
    draw("Straight_Hair", np.where(has["Bald"], 0, 1))
    draw("Wavy_Hair", np.where(has["Bald"] | has["Straight_Hair"], 0, 1 + 0.25 * (1 - has["Male"])))
    draw("Bangs", np.where(has["Bald"], 0, 1))
    draw("Receding_Hairline", np.where(has["Bald"] | has["Bangs"], 0, 1.1))
    draw("No_Beard")
    for name in ("5_o_Clock_Shadow", "Goatee", "Mustache"):
        draw(name, np.where(has["No_Beard"], 0, 1))
    draw("Chubby")
    draw("Oval_Face", np.where(has["Chubby"], 0.3, 1.03))
    draw("Wearing_Lipstick")
    draw("Heavy_Makeup", np.where(has["Wearing_Lipstick"], 1.22, 0.1))
    draw("Pale_Skin", np.where(dark, 0, 1.25))
    for name in ATTRIBUTE_NAMES:
        if name not in has:
            draw(name)
    return has


def _shape(p, has):
    """Let the attributes act on the measures, in place."""
    male, young, smile = has["Male"], has["Young"], has["Smiling"]
    p.male, p.old, p.smile = male * 1.0, 1.0 - young, smile * 1.0
    p.open = has["Mouth_Slightly_Open"] * 1.0
    p.head_width += 0.015 * male + 0.055 * has["Chubby"] - 0.022 * has["Oval_Face"]
    p.jaw += 0.12 * male + 0.18 * has["Chubby"] - 0.22 * has["Oval_Face"] - 0.08
    p.chin += 0.02 * male + 0.03 * has["Oval_Face"]
    p.eye_open *= (1 - 0.10 * male) * (1 - 0.50 * has["Narrow_Eyes"]) * (1 - 0.12 * smile) * (1 + 0.12 * has["Heavy_Makeup"])
    p.brow_y += 0.025 * male
    p.brow_arch = 0.022 + 0.045 * has["Arched_Eyebrows"] - 0.008 * male
    p.brow_thick *= 1 + 0.20 * male + 0.65 * has["Bushy_Eyebrows"]
    p.nose_width *= 1 + 0.06 * male + 0.32 * has["Big_Nose"] - 0.22 * has["Pointy_Nose"]
    p.nose_y += 0.03 * has["Big_Nose"] - 0.01 * has["Pointy_Nose"]
    p.pointy = has["Pointy_Nose"] * 1.0
    p.mouth_width *= 1 + 0.22 * smile
    p.curve = np.where(smile, -0.065, p.curve)
    p.gap = p.open * np.where(smile, 0.040 + 0.035 * p.teeth, 0.022 + 0.03 * p.teeth)
    p.lip *= (1 - 0.18 * male) * (1 + 0.50 * has["Big_Lips"]) * (1 - 0.15 * smile)
    p.hairline -= 0.02 * male
    p.beard = ~has["No_Beard"] * 1.0
    styled = has["5_o_Clock_Shadow"] | has["Goatee"] | has["Mustache"]
    p.full_beard = ~has["No_Beard"] * ~styled * 1.0
    p.stubble, p.goatee = has["5_o_Clock_Shadow"] * 1.0, has["Goatee"] * 1.0
    p.moustache = np.maximum(has["Mustache"], p.full_beard)
    long = p.length < np.where(male, 0.05, 0.80)
    p.long = long * (1.0 - has["Bald"])
    p.bangs, p.bald, p.receding = has["Bangs"] * 1.0, has["Bald"] * 1.0, has["Receding_Hairline"] * 1.0
    p.wavy = has["Wavy_Hair"] * 1.0
    p.straight = has["Straight_Hair"] * 1.0
    p.rosy, p.lipstick, p.makeup = has["Rosy_Cheeks"] * 1.0, has["Wearing_Lipstick"] * 1.0, has["Heavy_Makeup"] * 1.0
    p.bags, p.chubby = has["Bags_Under_Eyes"] * 1.0, has["Chubby"] * 1.0
    p.earrings = has["Wearing_Earrings"] * 1.0
    p.neck_width += 0.06 * male + 0.04 * has["Chubby"]


def _colours(p, has):
    """Skin, hair, lips, irises and clothes: (N, 3, 1, 1) each."""
    skin = palette(SKINS, p.skin)
    pale = np.array((0.955, 0.865, 0.815), np.float32)[None, :, None, None]
    p.skin_colour = np.where(has["Pale_Skin"][:, None, None, None], pale, skin)
    hair = 0
    rest = np.ones(len(p.skin), bool)
    for name, ends in HAIRS.items():
        chosen = rest if name == "other" else has[name]
        hair = hair + chosen[:, None, None, None] * palette(np.array(ends, np.float32) / 255, p.hair)
        rest = rest & ~chosen
    p.hair_colour = hair.astype(np.float32)
    p.iris_colour = palette(IRISES, np.where(p.skin < 0.35, p.iris * 0.3, p.iris))
    bare = p.skin_colour * np.array((0.86, 0.62, 0.60), np.float32)[None, :, None, None]
    sticks = np.array([(150, 30, 44), (196, 44, 62), (208, 82, 96), (186, 92, 84), (222, 112, 124)], np.float32) / 255
    p.lip_colour = bare + 0.8 * p.lipstick[:, None] * (palette(sticks, p.lips) - bare)
    p.cloth_colour = colour(p.cloth_a, p.cloth_b * 0.6, p.cloth_c * p.cloth_c * 0.9 + 0.05)


def palette(colours, position):
    """Colours (K, 3) read at `position` (N, 1, 1) in [0, 1], in between by straight lines: (N, 3, 1, 1)."""
    place = position[:, 0, 0] * np.float32(len(colours) - 1)
    left = np.minimum(place.astype(np.int64), len(colours) - 2)
    part = (place - left.astype(np.float32))[:, None]
    mixed = colours[left] + part * (colours[left + 1] - colours[left])
    return mixed.astype(np.float32)[:, :, None, None]


def colour(hue, saturation, value):
    """Colours (N, 3, 1, 1) from hue, saturation and value (N, 1, 1), each in [0, 1]."""
    offset = np.array((0, 2 / 3, 1 / 3), np.float32)[None, :, None, None]
    turn = hue[:, None] + offset
    turn = turn - np.floor(turn)
    ramp = np.clip(np.abs(turn * 6 - 3) - 1, 0, 1)
    return (value[:, None] * (1 - saturation[:, None] * (1 - ramp))).astype(np.float32)

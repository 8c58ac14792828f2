// What can be set in the playground: names, choices and bounds; reading settings that come from outside; addresses.

/** The choices of each list, by the name in `settings`, with the words shown. */
export const CHOICES = {
  data: {
    ring: "ring of eight", grid: "grid of 25", moons: "two moons", spiral: "spiral", gaussian: "one heap", own: "your own",
  },
  objective: {
    "minimax": "minimax (saturating)", "non-saturating": "non-saturating", "least-squares": "least squares",
    "hinge": "hinge", "wasserstein": "Wasserstein", "relativistic": "relativistic",
  },
  optimizer: { sgd: "gradient descent", momentum: "momentum", adam: "Adam" },
};

/** The bounds of each number, and whether it is a whole one. */
export const BOUNDS = {
  r1: [0, 100], r2: [0, 100], dSteps: [1, 20, true], dLearningRate: [1e-6, 1], gLearningRate: [1e-6, 1],
  width: [4, 64, true], seed: [0, 2147483647, true],
};

/** How Python and addresses call a setting: dLearningRate is d_learning_rate. */
export const outside = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const MOST_POINTS = 400;
const REACH = 3; // drawn points lie in [−3, 3]²

function badPoints(points) {
  const inside = (v) => Number.isFinite(v) && Math.abs(v) <= REACH;
  const good = Array.isArray(points) && points.length <= MOST_POINTS
    && points.every((point) => Array.isArray(point) && point.length === 2 && point.every(inside));
  return good ? null : `points: pairs of numbers between −3 and 3 are wanted, at most ${MOST_POINTS}`;
}

/** Why a value cannot be taken for a setting, or null. */
function bad(name, value) {
  if (name === "points") return badPoints(value);
  if (CHOICES[name]) {
    return Object.hasOwn(CHOICES[name], value) ? null : `${outside(name)}: there is no “${String(value).slice(0, 40)}”`;
  }
  const [least, most, whole] = BOUNDS[name];
  const fits = Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isInteger(value));
  return fits ? null : `${outside(name)}: ${whole ? "a whole number" : "a number"} from ${least} to ${most} is wanted`;
}

export const SETTINGS = [...Object.keys(CHOICES), ...Object.keys(BOUNDS), "points"];

/** Take what is good of `given`, by outside names; say of the rest what is wrong. */
export function checkSettings(given) {
  const settings = {}, complaints = [];
  for (const [key, value] of Object.entries(given)) {
    const name = SETTINGS.find((known) => outside(known) === key);
    const problem = name ? bad(name, value) : `there is no setting “${key.slice(0, 40)}”`;
    if (problem) complaints.push(problem);
    else settings[name] = value;
  }
  return { settings, complaints };
}

/** Points as text: a byte for each coordinate, in hexadecimal. */
function writePoints(points) {
  const byte = (v) => Math.round((v + REACH) / (2 * REACH) * 255).toString(16).padStart(2, "0");
  return points.map(([x, y]) => byte(x) + byte(y)).join("");
}

function readPoints(text) {
  if (!/^([0-9a-f]{4})*$/.test(text)) return null;
  const value = (pair) => parseInt(pair, 16) / 255 * 2 * REACH - REACH;
  return (text.match(/.{4}/g) ?? []).map((four) => [value(four.slice(0, 2)), value(four.slice(2))]);
}

/** The settings that differ from `usual`, as the part of an address: "data=moons&r1=0.3". */
export function writeAddress(settings, usual) {
  const parts = new URLSearchParams();
  for (const name of SETTINGS) {
    if (name === "points") {
      if (settings.data === "own") parts.set("points", writePoints(settings.points));
    } else if (settings[name] !== usual[name]) parts.set(outside(name), settings[name]);
  }
  return parts.toString();
}

/** Settings from the part of an address, unchecked: numbers where numbers are wanted. */
export function readAddress(text) {
  const read = (key, value) => {
    if (key === "points") return readPoints(value);
    const isNumber = Object.keys(BOUNDS).some((name) => outside(name) === key);
    return isNumber ? (value.trim() === "" ? NaN : Number(value)) : value;
  };
  return Object.fromEntries([...new URLSearchParams(text)].map(([key, value]) => [key, read(key, value)]));
}

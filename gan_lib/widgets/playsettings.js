// What can be set in the playground: names, choices, bounds. Python and addresses write the names with low lines:
// dLearningRate is d_learning_rate.
import { LARGEST_SEED, fitting, kinds } from "./addresses.js";

/** The choices of each list, with the words shown. */
export const CHOICES = {
  data: {
    ring: "ring of eight", grid: "grid of 25", moons: "two moons", spiral: "spiral", gaussian: "one heap", own: "your own",
  },
  objective: {
    "minimax": "minimax", "non-saturating": "non-saturating", "least-squares": "least squares",
    "hinge": "hinge", "wasserstein": "Wasserstein", "relativistic": "relativistic",
  },
  optimizer: { sgd: "gradient descent", momentum: "momentum", adam: "Adam" },
};

const MOST_POINTS = 400;
const REACH = 3; // drawn points lie in [−3, 3]²

/** Points that a reader has drawn, as text: a byte for each coordinate, in hexadecimal. */
const drawnPoints = {
  takes: `four digits 0 to f for each of at most ${MOST_POINTS} points`,
  fits: (value) => Array.isArray(value) && value.length <= MOST_POINTS
    && value.every((point) => Array.isArray(point) && point.length === 2 && point.every((v) => Number.isFinite(v) && Math.abs(v) <= REACH)),
  write: (value) => value.flat().map((v) => Math.round((v + REACH) / (2 * REACH) * 255).toString(16).padStart(2, "0")).join(""),
  read: (text) => {
    if (!/^([0-9a-f]{4})*$/.test(text)) return null;
    const coordinate = (pair) => parseInt(pair, 16) / 255 * 2 * REACH - REACH;
    return (text.match(/.{4}/g) ?? []).map((four) => [coordinate(four.slice(0, 2)), coordinate(four.slice(2))]);
  },
};

/** The kind of each setting (see addresses.js), by its outer name. */
export const KINDS = {
  ...Object.fromEntries(Object.entries(CHOICES).map(([name, options]) => [name, kinds.choice(Object.keys(options))])),
  r1: kinds.number(0, 100), r2: kinds.number(0, 100), d_steps: kinds.whole(1, 20),
  d_learning_rate: kinds.number(1e-6, 1), g_learning_rate: kinds.number(1e-6, 1),
  width: kinds.whole(4, 64), seed: kinds.whole(0, LARGEST_SEED), points: drawnPoints,
};

const renamed = (settings, rename) => Object.fromEntries(Object.entries(settings).map(([name, value]) => [rename(name), value]));

/** Settings by their inner names, and by their outer ones. */
export const innerNames = (settings) => renamed(settings, (name) => name.replace(/_[a-z]/g, ([, letter]) => letter.toUpperCase()));
export const outerNames = (settings) => renamed(settings, (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** What is good of settings that come from Python, by their inner names. */
export const accepted = (given) => innerNames(fitting(given, KINDS));

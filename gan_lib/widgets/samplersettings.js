// What can be set in the face sampler: names and bounds. The moves along named directions, `shifts` in the settings,
// are one setting each in an address: move.Smiling.
import { LARGEST_SEED, kinds } from "./addresses.js";

export const MOST_FACES = 64;
export const MOST_PSI = 1.5;
const MOVE = "move.";

const SETTINGS = ["seed", "count", "face", "psi"];
const ALONG = ["direction", "shift"]; // where there are numbered directions

/** The names of what is set. `choices` says how many numbered directions there are. */
export const settingNames = ({ choices }) => [...SETTINGS, ...(choices ? ALONG : []), "shifts"];

/** The kind of each setting in an address (see addresses.js), for a sampler with these directions. */
export function faceKinds({ names, choices, reach }) {
  const numbers = {
    seed: kinds.whole(0, LARGEST_SEED), count: kinds.whole(1, MOST_FACES), face: kinds.number(0, MOST_FACES),
    psi: kinds.number(0, MOST_PSI),
  };
  const along = choices ? { direction: kinds.whole(1, choices), shift: kinds.number(-reach, reach) } : {};
  return { ...numbers, ...along, ...Object.fromEntries(names.map((name) => [MOVE + name, kinds.number(-reach, reach)])) };
}

/** Settings as an address has them, each move by itself. */
export function flat({ shifts, ...settings }) {
  const moves = Object.entries(shifts).map(([name, far]) => [MOVE + name, far]);
  return { ...settings, ...Object.fromEntries(moves) };
}

/** The other way: settings with all moves in `shifts`. */
export function gathered(settings) {
  const entries = Object.entries(settings), isMove = ([name]) => name.startsWith(MOVE);
  const moves = entries.filter(isMove).map(([name, far]) => [name.slice(MOVE.length), far]);
  return { ...Object.fromEntries(entries.filter((entry) => !isMove(entry))), shifts: Object.fromEntries(moves) };
}

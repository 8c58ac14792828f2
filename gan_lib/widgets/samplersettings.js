// What can be set in the face sampler: bounds, reading settings that come from outside, addresses.

export const LARGEST_SEED = 2147483647;
export const MOST_FACES = 64;
export const MOST_PSI = 1.5;
const MOVE = "move."; // before the name of a direction in an address

/** The bounds of each number, and whether it is a whole one. `knows` has what this sampler has: names, choices, reach. */
function bounds({ choices, reach }) {
  const numbers = { seed: [0, LARGEST_SEED, true], count: [1, MOST_FACES, true], face: [0, MOST_FACES], psi: [0, MOST_PSI] };
  return choices ? { ...numbers, direction: [1, choices, true], shift: [-reach, reach] } : numbers;
}

function badNumber(name, value, [least, most, whole]) {
  const fits = Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isInteger(value));
  return fits ? null : `${name}: ${whole ? "a whole number" : "a number"} from ${least} to ${most} is wanted`;
}

/** Take what is good of the part of an address, `seed=5&move.Smiling=1.5`; say of the rest what is wrong. */
export function readFaces(text, knows) {
  const settings = { shifts: {} }, complaints = [], numbers = bounds(knows);
  for (const [key, written] of new URLSearchParams(text)) {
    const value = written.trim() === "" ? NaN : Number(written), name = key.slice(MOVE.length);
    const isMove = key.startsWith(MOVE) && knows.names.includes(name), known = isMove || Object.hasOwn(numbers, key);
    const unknown = `there is no setting “${key.slice(0, 40)}”`;
    const problem = known ? badNumber(key, value, isMove ? [-knows.reach, knows.reach] : numbers[key]) : unknown;
    if (problem) complaints.push(problem);
    else if (isMove) settings.shifts[name] = value;
    else settings[key] = value;
  }
  return { settings, complaints };
}

/** The settings that differ from `usual`, as the part of an address. */
export function writeFaces(settings, usual, knows) {
  const parts = new URLSearchParams();
  for (const name of Object.keys(bounds(knows))) if (settings[name] !== usual[name]) parts.set(name, settings[name]);
  for (const name of knows.names) {
    if (settings.shifts[name] !== usual.shifts[name]) parts.set(MOVE + name, settings.shifts[name]);
  }
  return parts.toString();
}

/** The names of what is set, for traits. */
export function settingNames(knows) {
  return [...Object.keys(bounds(knows)), "shifts"];
}

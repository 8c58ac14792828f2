// Settings in the page's address: for each a kind, which says how it is written, read, and what would be right.
// `read` gives undefined for what cannot be taken.

const wholeNumber = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : NaN);

export const kinds = {
  choice: (names) => ({
    wanted: `one of ${names.join(", ")}`, write: (name) => name, read: (text) => (names.includes(text) ? text : undefined),
  }),
  among: (numbers) => ({
    wanted: `one of ${numbers.join(", ")}`, write: String, read: (text) => numbers.find((number) => String(number) === text),
  }),
  flag: () => ({
    wanted: "0 or 1", write: (value) => (value ? "1" : "0"), read: (text) => (/^[01]$/.test(text) ? text === "1" : undefined),
  }),
  whole: (least, most) => ({
    wanted: `a whole number from ${least} to ${most}`,
    write: String,
    read: (text) => {
      const value = wholeNumber(text);
      return value >= least && value <= most ? value : undefined;
    },
  }),
  place: (end) => ({
    wanted: `row and column from 0 to ${end - 1}`,
    write: (at) => at.join("-"),
    read: (text) => {
      const at = text.split("-").map(wholeNumber);
      return at.length === 2 && at.every((value) => value < end) ? at : undefined;
    },
  }),
  kernel: (sizes, largest) => ({
    wanted: `${sizes.map((size) => size * size).join(" or ")} numbers between −${largest} and ${largest}`,
    write: (rows) => rows.flat().map((value) => String(Number(value.toPrecision(6)))).join("_"),
    read: (text) => {
      const numbers = text.slice(0, 1000).split("_").map((part) => (/^-?\d*\.?\d+(e-?\d+)?$/.test(part) ? Number(part) : NaN));
      const size = sizes.find((one) => one * one === numbers.length);
      return size && numbers.every((value) => Math.abs(value) <= largest) ? inRows(numbers, size) : undefined;
    },
  }),
};

/** Cut a list of numbers into rows of `size`. */
export function inRows(numbers, size) {
  return Array.from({ length: numbers.length / size }, (_, i) => numbers.slice(i * size, (i + 1) * size));
}

/** The settings that differ from `usual`, as the part of an address: "face=2&relu=1". */
export function writeSettings(settings, usual, kindOf) {
  const parts = new URLSearchParams();
  for (const [name, kind] of Object.entries(kindOf)) {
    const text = kind.write(settings[name]);
    if (text !== kind.write(usual[name])) parts.set(name, text);
  }
  return parts.toString();
}

/** Take what is good of an address's part; say of the rest what would have been right. */
export function readSettings(text, kindOf) {
  const settings = {}, complaints = [];
  for (const [name, given] of new URLSearchParams(text)) {
    const value = Object.hasOwn(kindOf, name) ? kindOf[name].read(given) : undefined;
    if (value !== undefined) settings[name] = value;
    else if (Object.hasOwn(kindOf, name)) complaints.push(`${name}: wanted is ${kindOf[name].wanted}`);
    else complaints.push(`there is no setting “${name.slice(0, 40)}”`);
  }
  return { settings, complaints };
}

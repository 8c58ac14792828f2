// Settings in the page's address. Each has a kind: whether a value `fits`, what would, in words (`takes`), and how it
// is written and read. What `read` makes of text that is no such value does not fit.

export const LARGEST_SEED = 2 ** 31 - 1; // what a number field of a browser and Python hold alike

const PAUSE = 300; // milliseconds without a change after which the address is written: browsers count how often

const within = (value, least, most) => Number.isFinite(value) && least <= value && value <= most;
const toNumber = (text) => (/^-?\d*\.?\d+(e[+-]?\d+)?$/.test(text) ? Number(text) : NaN);
const quoted = (text) => `“${text.slice(0, 40)}”`;

export const kinds = {
  choice: (names) => ({
    takes: `one of ${names.join(", ")}`, fits: (name) => names.includes(name), write: (name) => name, read: (text) => text,
  }),
  among: (numbers) => ({
    takes: `one of ${numbers.join(", ")}`, fits: (number) => numbers.includes(number), write: String, read: toNumber,
  }),
  flag: () => ({
    takes: "0 or 1", fits: (value) => typeof value === "boolean", write: (value) => (value ? "1" : "0"),
    read: (text) => (text === "1" ? true : text === "0" ? false : undefined),
  }),
  number: (least, most) => ({
    takes: `a number from ${least} to ${most}`, fits: (value) => within(value, least, most), write: String, read: toNumber,
  }),
  whole: (least, most) => ({
    takes: `a whole number from ${least} to ${most}`,
    fits: (value) => Number.isInteger(value) && within(value, least, most),
    write: String,
    read: toNumber,
  }),
  place: (end) => ({
    takes: `row and column from 0 to ${end - 1}, such as 0-0`,
    fits: (at) => at.length === 2 && at.every((value) => Number.isInteger(value) && within(value, 0, end - 1)),
    write: (at) => at.join("-"),
    read: (text) => text.split("-").map(toNumber),
  }),
  kernel: (sizes, largest) => ({
    takes: `${sizes.map((size) => size * size).join(" or ")} numbers between −${largest} and ${largest}`,
    fits: (rows) => sizes.includes(rows.length) && rows.flat().length === rows.length ** 2
      && rows.flat().every((value) => within(value, -largest, largest)),
    write: (rows) => rows.flat().map((value) => String(Number(value.toPrecision(6)))).join("_"),
    read: (text) => {
      const numbers = text.slice(0, 1000).split("_").map(toNumber);
      return inRows(numbers, Math.ceil(Math.sqrt(numbers.length)));
    },
  }),
};

/** Cut a list of numbers into rows of `size`. */
export function inRows(numbers, size) {
  return Array.from({ length: numbers.length / size }, (_, i) => numbers.slice(i * size, (i + 1) * size));
}

/** Those of the given settings that are known and fit. */
export function fitting(given, kindOf) {
  const fits = ([name, value]) => Object.hasOwn(kindOf, name) && kindOf[name].fits(value);
  return Object.fromEntries(Object.entries(given).filter(fits));
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

/** Take what is good of an address's part; say of the rest, in `problem`, what it is and what would have been right. */
export function readSettings(text, kindOf) {
  const settings = {}, problems = [];
  for (const [name, written] of new URLSearchParams(text)) {
    const kind = Object.hasOwn(kindOf, name) ? kindOf[name] : null, value = kind?.read(written);
    if (kind?.fits(value)) settings[name] = value;
    else problems.push(kind ? `${name} is ${quoted(written)}; it takes ${kind.takes}.` : `There is no setting ${quoted(name)}.`);
  }
  return { settings, problem: problems.length ? `Not all of the address could be used. ${problems.join(" ")}` : "" };
}

/** A widget's settings in the page's address; `address` comes from live.js, and is missing in JupyterLab. */
export class Address {
  constructor(address, kindOf, usual) {
    Object.assign(this, { address, kindOf, usual, known: "" });
  }

  #written(settings) {
    return writeSettings({ ...this.usual, ...settings }, this.usual, this.kindOf);
  }

  /** What the address says, as `readSettings` gives it; null when it says nothing. */
  read() {
    const text = this.address?.read(), said = text ? readSettings(text, this.kindOf) : null;
    if (said) this.known = this.#written(said.settings);
    return said;
  }

  /** Whether these settings are those of the address as it was last read or written. */
  means(settings) {
    return this.known === this.#written(settings);
  }

  /** Write the settings once they rest. An address that means them already stays as it is, and so does `#heading`. */
  write(settings) {
    const text = this.#written(settings);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      if (text !== this.known) this.address?.write(text);
      this.known = text;
    }, PAUSE);
  }

  /** Call back when the reader has changed the address; what was about to be written is then out of date. */
  follow(listener) {
    this.address?.follow(() => {
      clearTimeout(this.waiting);
      listener();
    });
  }
}

// What the explorers of chapters 4 and 5 share: settings in the model and in the page's address, and their parts:
// pictures that can be pointed at, grids of numbers, kernels that can be edited.
import { make, onDrag } from "./dom.js";
import { Address } from "./addresses.js";

/** A widget whose settings are the model's; a subclass has `kindOf` (see addresses.js), `show` and `say`. */
export class Explorer {
  constructor({ model, el, address }, kindOf) {
    Object.assign(this, { model, el, kindOf });
    this.usual = this.settings();
    this.address = new Address(address, kindOf, this.usual);
    el.classList.add("gan");
    el.dataset.lmSuppressShortcuts = "true"; // JupyterLab leaves our keys to us
    el.addEventListener("keydown", (event) => event.stopPropagation());
    this.heard = () => this.quiet || this.show();
  }

  /** Take the address, show everything, and from now on follow both the model and the address. */
  start() {
    this.followAddress();
    this.model.on("change", this.heard);
    this.address.follow(() => this.followAddress());
  }

  end() {
    this.model.off("change", this.heard);
  }

  settings() {
    return Object.fromEntries(Object.keys(this.kindOf).map((name) => [name, this.model.get(name)]));
  }

  set(patch) {
    this.quiet = true;
    for (const [name, value] of Object.entries(patch)) this.model.set(name, value);
    this.quiet = false;
    this.model.save_changes();
    this.show();
    this.address.write(this.settings());
  }

  reset() {
    this.set(this.usual);
  }

  followAddress() {
    const said = this.address.read();
    if (!said) return this.show();
    this.set({ ...this.usual, ...said.settings });
    if (said.problem) this.say(said.problem);
  }
}

/** A number as the page has it: with a minus sign as wide as a plus. */
export const written = (value, digits = 2) => {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
};

/** A row of buttons of which one is pressed; `show(value)` presses it. */
export function buttonRow(label, options, onChoice) {
  const buttons = Object.entries(options).map(([value, words]) =>
    [value, make("button", { type: "button", onclick: () => onChoice(value) }, words)]);
  const element = make("div", { class: "gan-bar", role: "group", "aria-label": label },
    make("span", { class: "gan-bar-title" }, label), ...buttons.map(([, button]) => button));
  const show = (chosen) => {
    for (const [value, button] of buttons) button.setAttribute("aria-pressed", String(value === String(chosen)));
  };
  return { element, show };
}

/** A picture of pixels under a title, with frames laid over it. */
export class PixelPicture {
  constructor(title, { keys = false } = {}) {
    this.canvas = make("canvas", { role: "img", "aria-label": title, tabindex: keys ? 0 : undefined });
    this.frame = make("div", { class: "gan-pixels" }, this.canvas);
    this.title = make("span", {}, title);
    this.note = make("span", { class: "gan-note" });
    this.element = make("div", { class: "gan-picture" },
      make("div", { class: "gan-picture-title" }, this.title, this.note), this.frame);
    this.marks = {};
  }

  /** Show red, green, blue and opacity of all pixels, row after row. */
  paint(rgba, width, height) {
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  }

  /** Lay a frame over `size` × `size` pixels; nothing where there is no place. */
  mark(name, place, size = 1) {
    this.marks[name] ??= this.frame.appendChild(make("span", { class: `gan-mark gan-mark-${name}` }));
    const { style } = this.marks[name], { width, height } = this.canvas;
    this.marks[name].hidden = !place;
    if (!place) return;
    const share = (part, whole) => `${100 * part / whole}%`;
    style.top = share(place[0], height);
    style.left = share(place[1], width);
    style.width = share(size, width);
    style.height = share(size, height);
  }

  /** Row and column of the pixel at the pointer. */
  pixelAt(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const within = (share, end) => Math.min(end - 1, Math.max(0, Math.floor(share * end)));
    return [within((event.clientY - top) / height, this.canvas.height), within((event.clientX - left) / width, this.canvas.width)];
  }

  /** `look(place)` while the mouse passes, `look(null)` when it has gone; `keep(place)` where it is pressed or dragged. */
  onPoint(look, keep) {
    const { canvas } = this;
    canvas.classList.add("gan-pointed");
    onDrag(canvas, (event) => keep(this.pixelAt(event)));
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && !canvas.hasPointerCapture(event.pointerId)) look(this.pixelAt(event));
    });
    canvas.addEventListener("pointerleave", () => look(null));
  }

  /** `step(rows, columns)` for the arrow keys; eight at once with the shift key. */
  onArrows(step) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    this.canvas.addEventListener("keydown", (event) => {
      if (!moves[event.key]) return;
      event.preventDefault();
      step(...moves[event.key].map((move) => move * (event.shiftKey ? 8 : 1)));
    });
  }
}

/** Tint a cell by its number: blue for more than zero, orange for less, the stronger the nearer to `most`. */
export function tint(cell, value, most, power = 0.5) {
  cell.style.setProperty("--tint", `${Math.round(38 * Math.min(1, Math.abs(value) / (most || 1)) ** power)}%`);
  cell.classList.toggle("gan-minus", value < 0);
}

export const largestOf = (rows) => Math.max(...rows.flat().map(Math.abs));

/** A square of numbers to look at. */
export class NumberGrid {
  constructor(label) {
    this.label = label;
    this.cells = [];
    this.element = make("div", { class: "gan-numberfield", role: "img" });
  }

  /** Show rows of numbers (null for an empty cell), and let `dress(cell, value, row, column)` colour each. */
  show(rows, dress, write = written) {
    const columns = rows[0].length, count = rows.length * columns;
    if (this.cells.length !== count) {
      this.cells = Array.from({ length: count }, () => make("span", { class: "gan-cell" }));
      this.element.replaceChildren(...this.cells);
      this.element.style.setProperty("--columns", columns);
    }
    const text = (value) => (value === null ? "" : write(value));
    rows.flat().forEach((value, i) => {
      this.cells[i].textContent = text(value);
      dress(this.cells[i], value, Math.floor(i / columns), i % columns);
    });
    this.element.setAttribute("aria-label", `${this.label}: ${rows.map((row) => row.map(text).join(" ")).join("; ")}`);
  }
}

/** A kernel whose numbers can be edited; `edited(rows)` is called with the new ones. */
export class KernelEditor {
  constructor(largest, edited) {
    Object.assign(this, { largest, edited, rows: [], inputs: [] });
    this.element = make("div", { class: "gan-numberfield gan-kernel", role: "group", "aria-label": "Kernel" });
  }

  build(size) {
    this.inputs = Array.from({ length: size * size }, (_, i) => make("input", {
      type: "number", step: "any", min: -this.largest, max: this.largest, class: "gan-cell",
      "aria-label": `Kernel, row ${Math.floor(i / size) + 1}, column ${i % size + 1}`,
      oninput: () => this.take(i), onblur: () => this.show(this.rows),
    }));
    this.element.replaceChildren(...this.inputs);
    this.element.style.setProperty("--columns", size);
  }

  take(i) {
    const value = this.inputs[i].valueAsNumber, size = this.rows.length;
    if (!(Math.abs(value) <= this.largest)) return; // half typed, or too much: as it was, until there is a number
    this.edited(this.rows.map((row, r) => row.map((old, c) => (r * size + c === i ? value : old))));
  }

  show(rows) {
    if (rows.length !== this.rows.length) this.build(rows.length);
    this.rows = rows;
    const most = largestOf(rows);
    rows.flat().forEach((value, i) => {
      const input = this.inputs[i];
      if (document.activeElement !== input || input.valueAsNumber !== value) input.value = Number(value.toPrecision(3));
      tint(input, value, most);
    });
  }
}

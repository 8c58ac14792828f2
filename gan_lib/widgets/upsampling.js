// Upsampling: one kernel, four ways to enlarge a small picture, the coats of paint behind the checkerboard, and the
// phases of the sub-pixel identity. The arithmetic is in enlarging.js.
import {
  SIDE, allWays, coats, folded, meets, namedKernel, phaseImage, reachOf, smallPicture, whiteBecomes,
} from "./enlarging.js";
import { Explorer, KernelEditor, NumberGrid, PixelPicture, buttonRow, largestOf, tint, written } from "./explorer.js";
import { kinds } from "./addresses.js";
import { make } from "./dom.js";

const LARGEST = 100; // of a kernel's numbers
const PACE = 1200; // milliseconds to a phase when they are lit up one by one
const DIM = 90; // opacity, of 255, of the phases before the one on view
const PICTURES = { face: "face", flat: "flat grey", one: "one pixel", slope: "slope" };
const WAYS = {
  nearest: "Nearest", transposed: "Transposed", resize: "Copy, convolve", subpixel: "Sub-pixel",
};
const PARITY = ["even", "odd"];

/** Grey dots of an image of rows; `opacity(row, column)` from 0 to 255. */
function greyDots(image, opacity = () => 255) {
  const side = image.length, dots = new Uint8ClampedArray(4 * side * side);
  image.forEach((row, i) => row.forEach((value, j) => {
    dots.fill(255 * value, 4 * (i * side + j), 4 * (i * side + j) + 3);
    dots[4 * (i * side + j) + 3] = opacity(i, j);
  }));
  return dots;
}

function randomKernel(size) {
  const numbers = Array.from({ length: size }, () => Array.from({ length: size }, () => Math.random() - 0.3));
  const sum = numbers.flat().reduce((total, value) => total + value);
  const scale = Math.abs(sum) > 0.5 ? 1 / sum : 1;
  return numbers.map((row) => row.map((value) => Math.round(100 * value * scale) / 100));
}

/** Grow a kernel or cut it, about its middle. */
function fitted(kernel, size) {
  const shift = ((kernel.length - 1) >> 1) - ((size - 1) >> 1);
  const places = Array.from({ length: size }, (_, i) => i + shift);
  return places.map((i) => places.map((j) => kernel[i]?.[j] ?? 0));
}

class Upsampling extends Explorer {
  constructor(context) {
    super(context, {
      picture: kinds.choice(Object.keys(PICTURES)), kernel: kinds.kernel([2, 3, 4, 5], LARGEST),
      stride: kinds.among([2, 3]), phase: kinds.whole(0, 8),
    });
    Object.assign(this, { place: [11, 8], looked: null, complete: false, timer: 0 });
    this.build();
    this.start();
  }

  // --- What is on the page ---

  build() {
    this.picture = buttonRow("Picture", PICTURES, (picture) => this.set({ picture }));
    this.stride = buttonRow("Enlarge", { 2: "×2", 3: "×3" }, (stride) => this.set({ stride: Number(stride), phase: 0 }));
    this.stride.element.append(make("button", { type: "button", onclick: () => this.reset() }, "Reset"));
    this.words = make("p", { class: "gan-status", role: "status" });
    this.el.classList.add("gan-upsampling");
    this.el.append(
      make("div", { class: "gan-bars" }, this.picture.element, this.stride.element),
      this.buildPictures(), this.words, this.buildKernel(), this.buildPhases());
  }

  buildPictures() {
    this.small = new PixelPicture("Small");
    this.small.note.textContent = `${SIDE}×${SIDE}`;
    this.results = Object.fromEntries(Object.entries(WAYS).map(([name, title]) =>
      [name, new PixelPicture(title, { keys: name === "nearest" })]));
    for (const picture of Object.values(this.results)) {
      picture.onPoint((place) => this.look(place), (place) => this.keep(place));
    }
    this.results.nearest.onArrows((rows, columns) => this.keep([this.place[0] + rows, this.place[1] + columns]));
    return make("div", { class: "gan-pictures gan-five" },
      this.small.element, ...Object.values(this.results).map(({ element }) => element));
  }

  buildKernel() {
    const size = () => this.model.get("kernel").length;
    const fill = (words, kernel) =>
      make("button", { type: "button", onclick: () => this.set({ kernel: kernel(size()) }) }, words);
    this.size = buttonRow("Kernel", { 2: "2×2", 3: "3×3", 4: "4×4", 5: "5×5" }, (chosen) => this.resize(Number(chosen)));
    this.editor = new KernelEditor(LARGEST, (kernel) => this.set({ kernel }));
    this.coats = new NumberGrid("Coats of paint");
    this.white = new NumberGrid("White becomes");
    this.coatWords = make("p", { class: "gan-coat-words" });
    const part = (title, grid, name = "") =>
      make("div", { class: `gan-part ${name}` }, make("div", { class: "gan-picture-title" }, title), grid);
    return make("div", { class: "gan-block" },
      make("div", { class: "gan-heading" }, "The kernel, and how evenly it paints"),
      make("div", { class: "gan-bars" }, this.size.element, make("div", { class: "gan-bar", role: "group", "aria-label": "Numbers" },
        fill("equal", (k) => namedKernel("equal", k)), fill("tent", (k) => namedKernel("tent", k)), fill("random", randomKernel))),
      make("div", { class: "gan-thirds" },
        part("Kernel (edit it)", this.editor.element, "gan-part-kernel"),
        part("Coats of paint", this.coats.element), part("White becomes", this.white.element)),
      this.coatWords);
  }

  buildPhases() {
    this.play = make("button", { type: "button", class: "gan-main", onclick: () => this.toggle() }, "One by one");
    this.phaseBar = make("div", { class: "gan-bar" });
    this.taps = new NumberGrid("Taps of the kernel on the copied pixels");
    this.sums = new NumberGrid("Sums of the taps that fall together");
    this.phaseResult = new PixelPicture("Convolved");
    this.woven = new PixelPicture("Woven");
    this.phaseWords = make("p", { class: "gan-status", role: "status" });
    for (const grid of [this.taps, this.sums]) {
      grid.element.addEventListener("pointerover", (event) => this.lightGroup(event.target.dataset?.group));
      grid.element.addEventListener("pointerleave", () => this.lightGroup(null));
    }
    const part = (title, grid) => make("div", { class: "gan-part" },
      make("div", { class: "gan-picture-title" }, title), grid.element);
    return make("div", { class: "gan-block" },
      make("div", { class: "gan-heading" }, "The sub-pixel identity, phase by phase"),
      make("div", { class: "gan-bars" }, this.play, this.phaseBar),
      make("div", { class: "gan-pictures gan-four" },
        part("Taps on copies", this.taps), part("Sums", this.sums), this.phaseResult.element, this.woven.element),
      this.phaseWords);
  }

  resize(size) {
    const { kernel } = this.settings();
    const same = (other) => other.every((row, i) => row.every((value, j) => Math.abs(value - kernel[i][j]) < 1e-6));
    const is = (name) => same(namedKernel(name, kernel.length));
    const name = ["equal", "tent"].find(is);
    this.set({ kernel: name ? namedKernel(name, size) : fitted(kernel, size) });
  }

  // --- Pointing at a pixel ---

  look(place) {
    this.looked = place;
    this.showPlace();
  }

  /** A pixel is chosen: its phase is the one to look at. */
  keep(place) {
    const { stride } = this.settings(), end = stride * SIDE - 1;
    this.place = place.map((at) => Math.min(end, Math.max(0, at)));
    this.looked = null;
    this.choose(this.place[0] % stride * stride + this.place[1] % stride);
  }

  choose(phase) {
    this.stop();
    this.complete = false;
    this.set({ phase });
  }

  // --- The phases one by one ---

  toggle() {
    if (this.timer) return this.stop();
    this.complete = false;
    this.play.textContent = "Stop";
    const next = (phase) => {
      this.set({ phase });
      this.timer = setTimeout(() => (phase + 1 < this.settings().stride ** 2 ? next(phase + 1) : this.finish()), PACE);
    };
    next(0);
  }

  finish() {
    this.stop();
    this.complete = true;
    this.showPhase();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.play.textContent = "One by one";
  }

  end() {
    this.stop();
    super.end();
  }

  lightGroup(group) {
    for (const cell of [...this.taps.cells, ...this.sums.cells]) {
      cell.classList.toggle("gan-lit", Boolean(group) && cell.dataset.group === group);
    }
  }

  // --- Showing ---

  show() {
    const { picture, kernel, stride } = this.settings();
    this.image = smallPicture(picture, this.model.get("face"));
    this.ways = allWays(this.image, kernel, stride);
    this.picture.show(picture);
    this.stride.show(stride);
    this.size.show(kernel.length);
    this.editor.show(kernel);
    this.small.paint(greyDots(this.image), SIDE, SIDE);
    for (const [name, result] of Object.entries(this.ways)) {
      this.results[name].paint(greyDots(result), result.length, result.length);
      this.results[name].note.textContent = "";
    }
    this.showCoats(kernel, stride);
    this.showPhase();
    this.showPlace();
  }

  showCoats(kernel, stride) {
    const six = Array.from({ length: 6 }, (_, i) => i % stride);
    const repeated = (rows) => six.map((i) => six.map((j) => rows[i][j]));
    const counts = coats(kernel.length, stride), white = whiteBecomes(kernel, stride);
    const tinted = (most) => (cell, value) => tint(cell, value, most, 1.5);
    this.coats.show(repeated(counts), tinted(largestOf(counts)), String);
    this.white.show(repeated(white), tinted(largestOf(white)));
    this.coatWords.textContent = coatSentence(counts.flat(), white.flat(), stride);
  }

  showPhase() {
    const { kernel, stride } = this.settings(), phase = Math.min(this.model.get("phase"), stride ** 2 - 1), [p, q] = [Math.floor(phase / stride), phase % stride];
    this.showTaps(kernel, stride, p, q);
    const result = phaseImage(this.image, kernel, stride, p, q), all = this.ways.subpixel;
    this.phaseResult.paint(greyDots(result), SIDE, SIDE);
    const order = (i, j) => i % stride * stride + j % stride;
    const opacity = (i, j) => (this.complete || order(i, j) === phase ? 255 : order(i, j) < phase ? DIM : 0);
    this.woven.paint(greyDots(all, opacity), all.length, all.length);
    this.phaseResult.note.textContent = `${SIDE}×${SIDE}`;
    this.woven.note.textContent = `${all.length}×${all.length}`;
    this.showPhaseBar(stride, phase);
    const woven = this.complete ? "All are woven" : `${phase + 1} of ${stride ** 2} woven`;
    this.phaseWords.textContent = `${phaseSentence(kernel.length, stride, p, q)} ${woven}.`;
  }

  showPhaseBar(stride, phase) {
    if (this.phaseBar.childElementCount !== stride ** 2) {
      const name = (at) => (stride === 2 ? PARITY[at] : String(at));
      this.phases = buttonRow("Row, column", Object.fromEntries(Array.from({ length: stride ** 2 }, (_, i) =>
        [i, `${name(Math.floor(i / stride))}, ${name(i % stride)}`])), (chosen) => this.choose(Number(chosen)));
      this.phaseBar.replaceWith(this.phases.element);
      this.phaseBar = this.phases.element;
    }
    this.phases.show(this.complete ? "" : phase);
  }

  /** The kernel as it lies on the copied pixels in a phase, and the sums of the taps that lie on copies of the same. */
  showTaps(kernel, stride, p, q) {
    const size = kernel.length, reach = reachOf(size, stride), before = (size - 1) >> 1;
    const dress = (cell, a, b) => {
      cell.className = `gan-cell gan-group-${b % 3}`;
      cell.style.setProperty("--tint", `${10 + 10 * (a % 3)}%`);
      cell.dataset.group = `${a},${b}`;
    };
    const side = stride * (2 * reach + 1), tap = (at, phase) => at - stride * reach - phase + before;
    const places = Array.from({ length: side }, (_, i) => i);
    const rows = places.map((i) => places.map((j) => kernel[tap(i, p)]?.[tap(j, q)] ?? null));
    this.taps.show(rows, (cell, value, i, j) => {
      dress(cell, Math.floor(i / stride), Math.floor(j / stride));
      cell.classList.toggle("gan-outside", value === null);
    }, short);
    const counts = folded(kernel.map((row) => row.map(() => 1)), stride, p, q);
    const sums = folded(kernel, stride, p, q).map((row, a) => row.map((sum, b) => (counts[a][b] ? sum : null)));
    this.sums.show(sums, (cell, value, a, b) => {
      dress(cell, a, b);
      cell.classList.toggle("gan-outside", value === null);
    });
  }

  showPlace() {
    const { stride } = this.settings(), end = stride * SIDE - 1;
    const [row, column] = (this.looked ?? this.place).map((at) => Math.min(at, end));
    for (const picture of Object.values(this.results)) picture.mark("result", [row, column]);
    this.small.mark("result", [Math.floor(row / stride), Math.floor(column / stride)]);
    const value = ([name, image]) => `${WAYS[name].toLowerCase()} ${written(image[row][column], 3)}`;
    const values = Object.entries(this.ways).map(value);
    const { resize, subpixel } = this.ways;
    const apart = largestOf(resize.map((line, i) => line.map((value, j) => value - subpixel[i][j])));
    this.say(`Row ${row}, column ${column}: ${values.join("; ")}. The last two differ by at most ${tiny(apart)} anywhere.`);
  }

  say(words) {
    this.words.setAttribute("aria-live", this.looked ? "off" : "polite");
    this.words.textContent = words;
  }
}

/** A number for a small place: without the zero before the point. */
const short = (value) => written(value).replace(/^(−?)0\./, "$1.");

/** A number near zero, with a power of ten. */
function tiny(value) {
  if (!value) return "0";
  const [first, power] = value.toExponential(0).split("e-");
  return `${first} · 10⁻${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
}

function coatSentence(counts, white, stride) {
  const heights = [...new Set(counts)].sort((a, b) => a - b), [least, most] = [Math.min(...white), Math.max(...white)];
  const listed = `${heights.slice(0, -1).join(", ")} or ${heights.at(-1)}`;
  const painted = heights.length > 1 ? `Pixels get ${listed} coats, a pattern that repeats every ${stride} pixels`
    : `Every pixel gets ${heights[0]} coat${heights[0] === 1 ? "" : "s"}`;
  const even = most - least < 0.005 ? "and white stays even"
    : `and white becomes anything from ${written(least)} to ${written(most)}`;
  return `${painted}, ${even}. After copying, white stays even whatever the kernel.`;
}

/** Which taps fall together in the rows and in the columns of a phase. */
function phaseSentence(size, stride, p, q) {
  const groups = (phase) => {
    const found = new Map();
    for (let tap = 0; tap < size; tap++) {
      const pixel = meets(phase, tap, size, stride);
      found.set(pixel, [...(found.get(pixel) ?? []), tap]);
    }
    return [...found.values()].map((taps) => taps.join("+")).join(", ");
  };
  const pixels = (phase) => groups(phase).split(", ").length;
  return `Down the kernel, taps ${groups(p)} fall together, across it ${groups(q)}: `
    + `${size * size} numbers become ${pixels(p) * pixels(q)}.`;
}

function render(context) {
  const explorer = new Upsampling(context);
  context.el.explorer = explorer; // for whoever looks at it from the console, and for tests
  return () => explorer.end();
}

export default { render };

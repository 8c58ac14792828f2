// The convolution explorer: a kernel edited by hand over a face, the window that slides, ReLU and pooling after it.
// The arithmetic is in filters.js.
import { filterStages, productsOf, resizeKernel, sumOf, windowAt, zeroShown } from "./filters.js";
import { Explorer, KernelEditor, NumberGrid, PixelPicture, buttonRow, largestOf, tint, written } from "./explorer.js";
import { kinds } from "./addresses.js";
import { make } from "./dom.js";

const LARGEST = 1000; // of a kernel's numbers
const COLOURS = ["red", "green", "blue"];
const SLOW = 14; // pixels a second when the window starts to slide
const HASTE = 0.5; // how fast it gets faster: after t seconds it makes SLOW * exp(HASTE * t) pixels a second
const CALM = 8; // rows a second for who wants little motion

/** The bytes that Python has compressed and written in base64. */
async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Cut bytes of shape (N, 3, side, side) into pictures with values in [0, 1]. */
function picturesOf(bytes, [count, side]) {
  const plane = (at) => Float32Array.from(bytes.subarray(at * side * side, (at + 1) * side * side), (byte) => byte / 255);
  return Array.from({ length: count }, (_, i) => ({
    planes: [0, 1, 2].map((colour) => plane(3 * i + colour)), height: side, width: side,
  }));
}

/** Red, green, blue, opacity of a picture, `zero` added; only the first `count` pixels are to be seen. */
function dotsOf({ planes, height, width }, zero = 0, count = Infinity) {
  const dots = new Uint8ClampedArray(4 * height * width);
  for (let i = 0; i < height * width && i < count; i++) {
    for (let colour = 0; colour < 3; colour++) dots[4 * i + colour] = 255 * (planes[colour][i] + zero);
    dots[4 * i + 3] = 255;
  }
  return dots;
}

class Convolution extends Explorer {
  constructor(context, faces) {
    const [count, side] = context.model.get("shape");
    super(context, {
      kernel: kinds.kernel([3, 5], LARGEST), face: kinds.whole(0, count - 1), relu: kinds.flag(), pool: kinds.flag(),
      at: kinds.place(side),
    });
    Object.assign(this, { faces, side, colour: 1, looked: null, slid: Infinity, frame: 0 });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.presets = context.model.get("presets");
    this.build();
    this.start();
  }

  // --- What is on the page ---

  build() {
    this.preset = buttonRow("Kernel", Object.fromEntries(Object.keys(this.presets).map((name) => [name, name])),
      (name) => this.set({ kernel: this.presets[name] }));
    this.size = buttonRow("Size", { 3: "3×3", 5: "5×5" },
      (size) => this.set({ kernel: resizeKernel(this.model.get("kernel"), Number(size)) }));
    this.size.element.append(make("button", { type: "button", onclick: () => this.reset() }, "Reset"));
    this.words = make("p", { class: "gan-status", role: "status" });
    this.el.classList.add("gan-convolution");
    this.el.append(
      make("div", { class: "gan-bars" }, this.preset.element, this.size.element),
      this.buildPictures(), this.buildFaces(), this.buildNumbers(), this.words);
  }

  buildPictures() {
    const box = (name) =>
      make("input", { type: "checkbox", onchange: ({ target }) => this.set({ [name]: target.checked }) });
    this.boxes = { relu: box("relu"), pool: box("pool") };
    this.face = new PixelPicture("Face", { keys: true });
    this.face.note.textContent = `${this.side}×${this.side}`;
    this.stages = {
      convolution: new PixelPicture("Convolution"), relu: new PixelPicture("ReLU"), pooling: new PixelPicture("Pooling"),
    };
    for (const [name, stage] of [["relu", this.stages.relu], ["pool", this.stages.pooling]]) {
      stage.title.replaceChildren(make("label", { class: "gan-layer" }, this.boxes[name], stage.title.textContent));
    }
    this.point(this.face);
    for (const stage of Object.values(this.stages)) this.point(stage);
    this.face.onArrows((rows, columns) => this.step(rows, columns));
    return make("div", { class: "gan-pictures gan-four" },
      this.face.element, ...Object.values(this.stages).map(({ element }) => element));
  }

  /** Let the window be put where a picture is pointed at, whichever of them it is. */
  point(picture) {
    const onFace = (place) => place && place.map((at) => Math.floor(at * this.side / picture.canvas.width));
    picture.onPoint((place) => this.look(onFace(place)), (place) => this.keep(onFace(place)));
  }

  buildFaces() {
    this.slide = make("button", { type: "button", class: "gan-main", onclick: () => this.toggle() }, "Slide");
    this.thumbs = this.faces.map((face, i) => {
      const canvas = make("canvas", { width: this.side, height: this.side });
      canvas.getContext("2d").putImageData(new ImageData(dotsOf(face), this.side, this.side), 0, 0);
      const onclick = () => this.set({ face: i });
      return make("button", { type: "button", class: "gan-thumb", "aria-label": `Face ${i}`, onclick }, canvas);
    });
    return make("div", { class: "gan-bar" }, this.slide,
      make("div", { class: "gan-bar", role: "group", "aria-label": "Faces" }, ...this.thumbs));
  }

  buildNumbers() {
    this.pixels = new NumberGrid("Pixels under the window");
    this.products = new NumberGrid("Products");
    this.editor = new KernelEditor(LARGEST, (kernel) => this.set({ kernel }));
    this.sum = make("span", { class: "gan-sum" });
    this.colours = buttonRow("Numbers of", COLOURS, (colour) => {
      this.colour = Number(colour);
      this.showNumbers();
    });
    this.count = make("span");
    const part = (name, title, grid) =>
      make("div", { class: `gan-part gan-part-${name}` }, make("div", { class: "gan-picture-title" }, title), grid);
    const sign = (text, name) => make("span", { class: `gan-sign gan-sign-${name}`, "aria-hidden": "true" }, text);
    return make("div", { class: "gan-block" }, this.colours.element, make("div", { class: "gan-numbers" },
      part("pixels", "Window", this.pixels.element), sign("×", "times"),
      part("kernel", "Kernel (edit it)", this.editor.element), sign("=", "equals"),
      part("products", "Products", this.products.element),
      make("div", { class: "gan-total" }, this.count, this.sum)));
  }

  // --- Moving the window ---

  get place() {
    if (this.slid < this.side ** 2) return [Math.floor(this.slid / this.side), this.slid % this.side];
    return this.looked ?? this.model.get("at");
  }

  /** The mouse passes over a pixel, or has gone (null). */
  look(place) {
    if (this.frame) return;
    this.looked = place;
    this.showWindow();
  }

  /** The window is put somewhere to stay. */
  keep(place) {
    this.stop();
    this.looked = null;
    this.set({ at: place });
  }

  step(rows, columns) {
    const [row, column] = this.model.get("at"), within = (at) => Math.min(this.side - 1, Math.max(0, at));
    this.keep([within(row + rows), within(column + columns)]);
  }

  toggle() {
    if (this.frame) return this.stop();
    let start = null; // the time of the first frame, which may lie before that of the click
    const gone = (t) => (this.calm ? Math.floor(t * CALM) * this.side : SLOW * (Math.exp(HASTE * t) - 1) / HASTE);
    const move = (now) => {
      start ??= now;
      this.slid = Math.floor(gone((now - start) / 1000));
      if (this.slid >= this.side ** 2) return this.stop();
      this.frame = requestAnimationFrame(move);
      this.showPictures();
      this.showWindow();
    };
    this.slide.textContent = "Stop";
    this.looked = null;
    this.frame = requestAnimationFrame(move);
  }

  stop() {
    if (!this.frame) return;
    cancelAnimationFrame(this.frame);
    Object.assign(this, { frame: 0, slid: Infinity });
    this.slide.textContent = "Slide";
    this.showPictures();
    this.showWindow();
  }

  end() {
    cancelAnimationFrame(this.frame);
    super.end();
  }

  // --- Showing ---

  show() {
    const { kernel, face, relu, pool } = this.settings(), given = JSON.stringify([kernel, face, relu, pool]);
    if (given !== this.given) this.showResults(kernel, face, relu, pool); // they do not depend on where the window stands
    this.given = given;
    this.showWindow();
  }

  showResults(kernel, face, relu, pool) {
    this.kernel = kernel;
    this.picture = this.faces[face];
    this.results = filterStages(this.picture, kernel, relu, pool);
    const same = Object.keys(this.presets).find((name) => JSON.stringify(this.presets[name]) === JSON.stringify(kernel));
    this.preset.show(same ?? "");
    this.size.show(kernel.length);
    this.editor.show(kernel);
    Object.assign(this.boxes.relu, { checked: relu });
    Object.assign(this.boxes.pool, { checked: pool });
    this.thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(i === face)));
    this.face.paint(dotsOf(this.picture), this.side, this.side);
    this.showPictures();
  }

  showPictures() {
    for (const [name, picture] of Object.entries(this.stages)) {
      const result = this.results[name];
      picture.element.classList.toggle("gan-off", !result);
      picture.note.textContent = result ? `${result.height}×${result.width}` : "";
      if (!result) {
        picture.mark("result", null);
        continue;
      }
      const { width, height } = result, done = name === "pooling" ? this.pooled() : this.slid;
      picture.paint(dotsOf(result, zeroShown(result, this.kernel), done), width, height);
      picture.canvas.setAttribute("aria-label", `${name}, ${height} by ${width} pixels`);
    }
  }

  /** How many squares of 2×2 the window has left behind. */
  pooled() {
    if (this.slid === Infinity) return Infinity;
    const row = Math.floor(this.slid / this.side), half = this.side >> 1;
    return (row >> 1) * half + (row % 2 ? (this.slid % this.side) >> 1 : 0);
  }

  showWindow() {
    const [row, column] = this.place, size = this.kernel.length, radius = size >> 1;
    this.face.mark("window", [row - radius, column - radius], size);
    this.stages.convolution.mark("result", [row, column]);
    if (this.results.relu) this.stages.relu.mark("result", [row, column]);
    if (this.results.pooling) this.stages.pooling.mark("result", [row >> 1, column >> 1]);
    this.showNumbers();
  }

  showNumbers() {
    const { picture, kernel, side, colour } = this, [row, column] = this.place;
    const [red, green, blue] = picture.planes.map((plane) => windowAt(plane, side, side, kernel.length, row, column));
    const pixels = [red, green, blue][colour], products = productsOf(pixels, kernel), most = largestOf(products);
    this.pixels.show(pixels, (cell, value, r, c) => paintCell(cell, [red[r][c], green[r][c], blue[r][c]]));
    this.products.show(products, (cell, value) => tint(cell, value, most));
    this.colours.show(colour);
    this.count.textContent = `Sum of the ${kernel.length ** 2} products`;
    this.sum.textContent = written(sumOf(products), 3);
    this.say(this.sentence(row, column));
  }

  /** What becomes of the sum. */
  sentence(row, column) {
    const { results, colour, side } = this, at = row * side + column, half = side >> 1;
    const value = ({ planes }, i) => written(planes[colour][i], 3);
    const pooled = row >> 1 < half && column >> 1 < half && results.pooling;
    return `Row ${row}, column ${column}, ${COLOURS[colour]}: ${value(results.convolution, at)}`
      + (results.relu ? `; after ReLU ${value(results.relu, at)}` : "")
      + (pooled ? `; the largest of its four ${value(results.pooling, (row >> 1) * half + (column >> 1))}` : "") + ".";
  }

  say(words) {
    this.words.setAttribute("aria-live", this.frame || this.looked ? "off" : "polite");
    this.words.textContent = words;
    this.face.canvas.setAttribute("aria-label",
      `Face; the window stands at row ${this.place[0]}, column ${this.place[1]}. Move it with the arrow keys.`);
  }
}

/** Give a cell the colour of its pixel, and writing that can be read on it. */
function paintCell(cell, colour) {
  const bytes = colour.map((value) => Math.round(255 * value));
  const light = colour.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  cell.style.background = `rgb(${bytes.join(" ")})`;
  cell.style.color = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.179 ? "#000" : "#fff";
}

async function render(context) {
  const faces = picturesOf(await unpack(context.model.get("faces")), context.model.get("shape"));
  const explorer = new Convolution(context, faces);
  context.el.explorer = explorer; // for whoever looks at it from the console, and for tests
  return () => explorer.end();
}

export default { render };

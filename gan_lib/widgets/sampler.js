// The face sampler: a face under sliders, the faces of its seed to pick from, and walks from one to the next.
// Who draws them is in painters.js; here are the controls and what is on view.
import { Address, LARGEST_SEED } from "./addresses.js";
import { slider, wholeNumber } from "./controls.js";
import { make } from "./dom.js";
import { kernelPainter, workerPainter } from "./painters.js";
import { MOST_FACES, MOST_PSI, faceKinds, flat, gathered, settingNames } from "./samplersettings.js";

const REST = 150; // milliseconds without a move of a slider, after which the small faces follow the large one
const LEG = 2500; // milliseconds of a walk from one face to the next
const CALM_STEP = 1200; // milliseconds to a step of a walk for who wants no motion
const CALM_STEPS = 4; // steps from one face to the next then
const NICE = 2; // decimals of numbers that addresses carry

const rounded = (value) => Number(value.toFixed(NICE));
/** Blond_Hair is Blond hair. */
const inWords = (name) => name.toLowerCase().replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
const signed = (value) => `${value > 0 ? "+" : ""}${value.toFixed(1)}`.replace("-", "−");
/** Slow at both ends: a walk dwells a little on each face. */
const eased = (t) => t * t * (3 - 2 * t);

/** Put picture `index` of those that a painter gave on a canvas. */
function put(canvas, { size, pixels }, index) {
  const each = 4 * size * size;
  Object.assign(canvas, { width: size, height: size });
  canvas.getContext("2d").putImageData(new ImageData(pixels.slice(index * each, (index + 1) * each), size), 0, 0);
}

class Sampler {
  constructor({ model, el, address }, painter) {
    Object.assign(this, { model, el, painter });
    this.knows = { names: model.get("names"), choices: model.get("choices"), reach: model.get("reach") };
    this.usual = this.readModel();
    this.settings = { ...this.usual };
    this.address = new Address(address, faceKinds(this.knows), flat(this.usual));
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    Object.assign(this, { walking: false, visible: true, stale: new Set(), drawing: null, drawn: 0 });
    Object.assign(this, { moved: false, slidAt: -Infinity });
    this.ready = new Promise((done) => { this.begun = done; }); // when the first face is there, or cannot be had
    this.build();
    this.listen();
    const problem = this.readAddress();
    this.show();
    this.say(problem);
    this.redraw();
  }

  readModel() {
    return Object.fromEntries(settingNames(this.knows).map((name) => [name, this.model.get(name)]));
  }

  // --- What is on the page ---

  build() {
    const button = (words, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, words);
    this.face = make("canvas", { class: "gan-face", role: "img" });
    this.caption = make("p", { class: "gan-caption" });
    this.status = make("p", { class: "gan-status", role: "status" });
    this.walkButton = button("Walk", () => this.setWalking(!this.walking));
    this.seed = wholeNumber("Seed", [0, LARGEST_SEED], (seed) => this.change({ seed }));
    const bar = make("div", { class: "gan-bar", role: "group", "aria-label": "Faces" },
      button("New faces", () => this.newFaces(), { class: "gan-main" }), this.walkButton,
      button("Save PNG", () => this.save()), this.seed.field);
    this.grid = make("div", { class: "gan-grid", role: "radiogroup", "aria-label": "Pick a face" });
    this.el.classList.add("gan", "gan-faces");
    this.el.dataset.lmSuppressShortcuts = "true"; // JupyterLab leaves our keys to us
    this.el.append(bar,
      make("div", { class: "gan-columns" },
        make("div", { class: "gan-stage" }, this.face, this.caption), this.buildControls(), this.grid),
      this.status);
  }

  buildControls() {
    const { names, choices, reach } = this.knows, far = [-reach, reach, reach / 30];
    const moves = names.map((name) => slider(inWords(name), far, (value) => this.shiftBy(name, rounded(value)), signed));
    this.controls = Object.fromEntries(names.map((name, i) => [`move ${name}`, moves[i]]));
    if (choices) {
      this.controls.direction = wholeNumber("Direction", [1, choices], (direction) => this.change({ direction }));
      this.controls.shift = slider("Move", far, (value) => this.change({ shift: rounded(value) }), signed);
    }
    const psi = (value) => this.change({ psi: rounded(value) }), count = (value) => this.change({ count: value });
    this.controls.psi = slider("Truncation ψ", [0, MOST_PSI, 0.05], psi, (value) => value.toFixed(2));
    this.controls.count = slider("Faces", [1, MOST_FACES, 1], count);
    const back = make("button", { type: "button", onclick: () => this.change({ psi: 1, shift: 0, shifts: this.still() }) },
      "All back");
    return make("div", { class: "gan-controls", role: "group", "aria-label": "Settings" },
      ...Object.values(this.controls).map((control) => control.field), back);
  }

  /** No move along any of the named directions. */
  still() {
    return Object.fromEntries(this.knows.names.map((name) => [name, 0]));
  }

  /** As many faces to pick from as there should be. */
  fillGrid() {
    const { grid, settings } = this;
    while (grid.children.length > settings.count) grid.lastChild.remove();
    while (grid.children.length < settings.count) {
      const index = grid.children.length, label = `Face ${index}`;
      const cell = make("button", { type: "button", role: "radio", "aria-label": label, onclick: () => this.pick(index) });
      cell.append(make("canvas", { width: 1, height: 1 }));
      grid.append(cell);
      this.stale.add(index);
    }
  }

  // --- Events ---

  listen() {
    const { model, grid, el } = this;
    this.heard = () => this.followModel();
    this.events = settingNames(this.knows).map((name) => `change:${name}`).join(" ");
    model.on(this.events, this.heard);
    this.address.follow(() => this.followAddress());
    grid.addEventListener("keydown", (event) => this.gridKey(event));
    const slid = ({ target }) => { if (target.type === "range") this.slidAt = performance.now(); };
    el.addEventListener("input", slid, { capture: true }); // before the slider's own listener, which draws
    el.addEventListener("keydown", (event) => event.stopPropagation());
    this.seen = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting; // the others are past
      if (this.visible && this.walking) this.stride();
    });
    this.seen.observe(this.face);
  }

  end() {
    this.setWalking(false);
    this.ended = true;
    this.model.off(null, this.heard);
    this.seen.disconnect();
    this.painter.end();
  }

  /** Arrow keys go through the faces as they lie, Home and End to the first and the last. */
  gridKey(event) {
    const cells = [...this.grid.children], at = cells.indexOf(event.target.closest("button"));
    const across = cells.filter((cell) => cell.offsetTop === cells[0].offsetTop).length;
    const places = {
      ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - across, ArrowDown: at + across, Home: 0, End: cells.length - 1,
    };
    if (!(event.key in places)) return;
    event.preventDefault();
    const next = cells[places[event.key]];
    if (!next) return;
    this.pick(places[event.key]);
    next.focus();
  }

  /** The model was changed by Python: take what differs. */
  followModel() {
    if (this.writing) return;
    const patch = Object.entries(this.readModel()).filter(([name, value]) =>
      JSON.stringify(value) !== JSON.stringify(this.settings[name]));
    if (patch.length) this.change(Object.fromEntries(patch));
  }

  // --- Settings ---

  /** Take settings from the address; gives a sentence on what could not be taken. */
  readAddress() {
    const said = this.address.read();
    if (!said) return "";
    this.settings = gathered({ ...flat(this.usual), ...said.settings });
    return said.problem;
  }

  followAddress() {
    this.setWalking(false);
    const problem = this.readAddress();
    this.show();
    this.settled();
    this.redraw();
    this.say(problem || "Set as the address says.");
  }

  change(patch) {
    if ("face" in patch || "seed" in patch || "count" in patch) this.setWalking(false);
    Object.assign(this.settings, patch);
    this.show();
    this.settled();
    const sameFaces = Object.keys(patch).every((name) => ["face", "count"].includes(name));
    return this.redraw(sameFaces ? [] : undefined);
  }

  shiftBy(name, value) {
    return this.change({ shifts: { ...this.settings.shifts, [name]: value } });
  }

  newFaces() {
    this.change({ seed: this.settings.seed < LARGEST_SEED ? this.settings.seed + 1 : 0 });
    this.say(`Seed ${this.settings.seed}.`);
  }

  pick(face) {
    this.change({ face });
  }

  /** Show the settings on the controls. */
  show() {
    const { settings, controls } = this;
    if (settings.face >= settings.count) settings.face = 0;
    this.seed.show(settings.seed);
    for (const [name, control] of Object.entries(controls)) {
      control.show(name.startsWith("move ") ? settings.shifts[name.slice(5)] : settings[name]);
    }
    this.fillGrid();
    this.showPicked();
  }

  /** Mark the face that is on view, or the nearer one on the way between two. */
  showPicked() {
    const { settings, grid } = this, picked = Math.round(settings.face) % settings.count;
    [...grid.children].forEach((cell, i) => {
      cell.setAttribute("aria-checked", String(i === picked));
      cell.tabIndex = i === picked ? 0 : -1;
    });
    const name = this.name();
    this.caption.textContent = name;
    this.face.setAttribute("aria-label", [name, ...this.moves()].join(", "));
  }

  /** What is on view, in words. */
  name() {
    const { seed, face, count } = this.settings, first = Math.floor(face), way = Math.round(100 * (face - first));
    if (face === first) return `Face ${face} of seed ${seed}`;
    return `${way} % of the way from face ${first} to face ${(first + 1) % count} of seed ${seed}`;
  }

  moves() {
    const { psi, shift, direction, shifts } = this.settings, said = [];
    if (psi !== 1) said.push(`truncated to ψ = ${psi}`);
    if (this.knows.choices && shift) said.push(`moved by ${signed(shift)} along direction ${direction}`);
    for (const [name, far] of Object.entries(shifts)) if (far) said.push(`${signed(far)} along ${inWords(name)}`);
    return said;
  }

  /** Tell Python and the address. */
  settled() {
    const { settings, model } = this;
    this.writing = true;
    for (const name of settingNames(this.knows)) model.set(name, settings[name]);
    this.writing = false;
    model.save_changes();
    this.address.write(flat(settings));
  }

  // --- Drawing ---

  /** Draw the large face, and the small ones that are out of date: all, or those in `stale` and the new ones. */
  redraw(stale = [...this.grid.children].keys()) {
    for (const index of stale) this.stale.add(index);
    this.moved = true;
    this.wake?.();
    this.drawing ??= this.drawAll().finally(() => { this.drawing = null; });
    return this.drawing;
  }

  /** The large face comes first and whenever it has moved; the small ones when no slider is on the move. */
  async drawAll() {
    try {
      while (!this.ended && (this.moved || this.stale.size)) {
        const still = performance.now() - this.slidAt;
        if (this.moved) await this.drawLarge();
        else if (still < REST) await this.rest(REST - still);
        else await this.drawSmall([...this.stale].slice(0, this.painter.atOnce));
      }
    } catch (error) {
      this.stale.clear();
      this.say(`No faces: ${error.message}.`);
    }
    this.begun();
  }

  /** Wait, but not when something moves. */
  rest(milliseconds) {
    return new Promise((done) => {
      this.wake = done;
      setTimeout(done, milliseconds);
    });
  }

  async drawLarge() {
    this.moved = false;
    put(this.face, await this.painter.draw({ ...this.settings }, [this.settings.face]), 0);
    this.drawn += 1;
    this.begun();
  }

  async drawSmall(indices) {
    for (const index of indices) this.stale.delete(index);
    const pictures = await this.painter.draw({ ...this.settings }, indices);
    indices.forEach((index, i) => {
      const cell = this.grid.children[index];
      if (cell) put(cell.firstChild, pictures, i);
    });
  }

  // --- Walking ---

  setWalking(walking) {
    if (walking === this.walking) return;
    if (walking && this.settings.count < 2) return this.say("There is only one face; a walk needs two.");
    this.walking = walking;
    this.walkButton.textContent = walking ? "Stop" : "Walk";
    if (walking) {
      this.say("");
      this.leg = { from: Math.floor(this.settings.face), t: this.settings.face % 1 };
      this.stride();
    } else {
      cancelAnimationFrame(this.frame);
      this.settings.face = rounded(this.settings.face) % this.settings.count;
      this.showPicked();
      this.settled();
      this.redraw([]);
    }
  }

  /** Go on while somebody looks: a picture for each frame that can be drawn, or few and slow ones. */
  stride() {
    let last = null;
    const turn = (this.turn = {}); // a stop, a look elsewhere and a new start come while a picture is on its way
    const going = () => this.turn === turn && this.walking && this.visible;
    const next = async (now) => {
      if (!going()) return;
      const passed = Math.min(100, now - (last ?? now));
      last = now;
      await this.step(passed);
      if (this.calm) await new Promise((rested) => setTimeout(rested, CALM_STEP));
      if (going()) this.frame = requestAnimationFrame(next);
    };
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(next);
  }

  async step(milliseconds) {
    const { leg, settings } = this;
    leg.t += this.calm ? 1 / CALM_STEPS : milliseconds / LEG;
    if (leg.t >= 1) Object.assign(leg, { from: (leg.from + 1) % settings.count, t: this.calm ? 0 : leg.t % 1 });
    settings.face = leg.from + (this.calm ? leg.t : eased(leg.t));
    this.showPicked();
    await this.redraw([]);
  }

  // --- What is said, and kept ---

  say(sentence) {
    this.status.textContent = sentence;
  }

  /** Hand the large face to the reader as a file. */
  async save() {
    await this.drawing;
    const { seed, face } = this.settings, name = `face-${seed}-${face}.png`;
    const blob = await new Promise((done) => this.face.toBlob(done, "image/png")), href = URL.createObjectURL(blob);
    make("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
    this.say(`Saved as ${name}.`);
  }
}

async function render(context) {
  const { model, el, tell } = context;
  const painter = model.get("weights") ? await workerPainter(model, tell) : kernelPainter(model);
  const sampler = new Sampler(context, painter);
  el.sampler = sampler; // for whoever looks at it from the console, and for tests
  if (model.get("weights")) await sampler.ready;
  return () => sampler.end();
}

export default { render };

// The 2-D GAN playground: two small networks that train under the reader's eyes.
// The arithmetic is in toygan.js, the pictures in playdrawing.js; here are the controls and the loop.
import {
  Game, PHASES, coverage, distribution, forward, histogram, jensenShannon, makeTape, randomSource, sampleNoise,
  samplePoints,
} from "./toygan.js";
import { Address, LARGEST_SEED } from "./addresses.js";
import { choice, stops, wholeNumber } from "./controls.js";
import { make, onDrag, onResize, onTheme } from "./dom.js";
import { History, Plane, drawCurves } from "./playdrawing.js";
import { CHOICES, KINDS, accepted, innerNames, outerNames } from "./playsettings.js";

const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
const WEIGHTS = [0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const WIDTHS = [4, 8, 16, 32, 64];
const SHOWN = 400; // points of each kind on view
const MEASURED = 2000; // points for divergence and coverage
const EVERY = 20; // steps between two measurements
const FRAME = 33; // milliseconds at least from picture to picture: the steps have the better use for the time
const SLICE = 7; // milliseconds of steps before the page has its turn
const HIDDEN = 1000; // milliseconds without a picture after which nobody seems to be looking
const PACE = 2600; // milliseconds to a phase in slow motion
const NEARBY = 0.09; // distance of two points that are drawn
const NOTHING = "There is nothing to learn yet: draw some real points in the square first.";

const LAYERS = {
  surface: "D's opinion", map: "G's map", real: "real points", generated: "generated points", arrows: "where G is sent",
};

const PHASE_TITLES = {
  noise: "Sample noise", generate: "Generate", judge: "Judge", dGradient: "D's gradients", dUpdate: "D's update",
  judgeAgain: "Judge again", gGradient: "G's gradients", gUpdate: "G's update",
};

const percent = (share) => `${Math.round(100 * share)} %`;
const short = (value) => (Number.isFinite(value) ? value.toPrecision(3).replace("-", "−") : "not a number");

/** One sentence on the phase that has just been done, with its numbers. */
const PHASE_SENTENCES = {
  noise: (game) =>
    `${game.n} points of noise (grey) are drawn for G to start from, and ${game.n} real points to compare with.`,
  generate: () => "G moves every point of noise to a place of its choice: these are the generated points.",
  judge: (game) =>
    `D gives every point a logit, high for “real”. It is wrong about ${ringed(game)} (ringed); `
    + `its loss is ${short(game.dLoss)}.`,
  dGradient: (game) =>
    "Which way should D's weights move? One small step would raise its logits where the plane is in the colour of "
    + `the real points, and lower them elsewhere.${penaltyWords(game)}`,
  dUpdate: (game) =>
    "D takes the step, and its opinion changes. On the same points its loss is now "
    + `${short(lossAfter(game))}, after ${short(game.dLoss)}.`,
  judgeAgain: (game) =>
    `The new D judges the same points: it is wrong about ${ringed(game)}. G's loss is ${short(game.gLoss)}.`,
  gGradient: () =>
    "Each arrow shows where a generated point would have to go to lower G's loss: up the slope of D's opinion.",
  gUpdate: () =>
    "G takes its step. No point can be moved alone: a change of the weights moves all of them (short lines). "
    + "The step is done.",
};

function ringed(game) {
  const count = game.errors().length;
  return `${count} of ${2 * game.n}`;
}

function penaltyWords({ settings, penalty }) {
  return settings.r1 || settings.r2 ? ` Its slope costs it ${short(penalty)} more.` : "";
}

function lossAfter(game) {
  const { slopes } = game, kept = slopes.slice();
  forward(game.discriminator, game.points, game.dTape, 2 * game.n);
  const loss = game.dLossNow();
  slopes.set(kept);
  return loss;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const numbered = (values) => Object.fromEntries(values.map((value) => [value, value]));

// --- The playground ------------------------------------------------------------------------------------------------------

class Playground {
  constructor({ model, el, address }) {
    Object.assign(this, { model, el });
    this.usual = this.readModel();
    this.address = new Address(address, KINDS, outerNames(this.usual));
    this.settings = { ...this.usual };
    this.presets = model.get("presets") ?? {};
    this.preset = model.get("preset") ?? "";
    this.shows = { surface: true, map: true, real: true, generated: true, arrows: this.preset === "vanishing" };
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    Object.assign(this, { running: false, slow: false, phase: null, cursor: null, visible: true, frame: 0 });
    this.build();
    const problem = this.readAddress();
    this.restart();
    this.listen();
    this.say(problem || this.greeting());
  }

  /** The settings as Python has them. */
  readModel() {
    return accepted(Object.fromEntries(Object.keys(KINDS).map((name) => [name, this.model.get(name)])));
  }

  // --- What is on the page ---

  build() {
    const button = (words, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, words);
    this.runButton = button("Run", () => this.toggle(), { class: "gan-main" });
    this.stepButton = button("Step", () => this.stepOnce());
    this.slowButton = button("Slow motion", () => this.setSlow(!this.slow), { "aria-pressed": "false" });
    this.restartButton = button("Restart", () => this.userRestart());
    this.counter = make("span", { class: "gan-counter" });
    this.canvas = make("canvas", { class: "gan-plane", role: "img", tabindex: 0 });
    this.plane = new Plane(this.canvas);
    this.status = make("p", { class: "gan-status", role: "status" });
    this.el.classList.add("gan", "gan-play");
    this.el.dataset.lmSuppressShortcuts = "true"; // JupyterLab leaves our keys to us
    this.el.append(
      make("div", { class: "gan-bar", role: "group", "aria-label": "Run" },
        this.runButton, this.stepButton, this.slowButton, this.restartButton, this.counter),
      make("div", { class: "gan-columns" },
        make("div", { class: "gan-stage" },
          this.canvas, this.buildDrawing(), this.buildPhases(), this.status, this.buildLayers()),
        this.buildCurves(), this.buildControls()),
      this.buildPresets());
  }

  buildLayers() {
    const boxes = Object.entries(LAYERS).map(([name, words]) => {
      const box = make("input", { type: "checkbox", onchange: () => { this.shows[name] = box.checked; this.draw(); } });
      box.checked = this.shows[name];
      return make("label", { class: `gan-layer gan-layer-${name}` }, box, words);
    });
    return make("div", { class: "gan-layers", role: "group", "aria-label": "What is shown" }, ...boxes);
  }

  buildDrawing() {
    const clear = make("button", { type: "button", onclick: () => this.redrawOwn([]) }, "Clear");
    this.drawing = make("p", { class: "gan-drawing", hidden: true },
      "Draw the real points with finger or mouse; with the keyboard, move the cross by the arrow keys and press Enter. ",
      clear);
    return this.drawing;
  }

  buildControls() {
    const set = (name) => (value) => this.change({ [name]: value });
    const number = (name) => (value) => this.change({ [name]: Number(value) });
    this.controls = {
      data: choice("Real points", CHOICES.data, set("data")),
      objective: choice("Objective", CHOICES.objective, set("objective")),
      r1: stops("R1, γ =", WEIGHTS, set("r1")),
      r2: stops("R2, γ =", WEIGHTS, set("r2")),
      dSteps: stops("Steps of D for each of G:", [1, 2, 3, 4, 5, 6, 8, 10], set("dSteps")),
      dLearningRate: stops("Learning rate of D:", RATES, set("dLearningRate")),
      gLearningRate: stops("Learning rate of G:", RATES, set("gLearningRate")),
      optimizer: choice("Optimizer", CHOICES.optimizer, set("optimizer")),
      width: choice("Width", numbered(WIDTHS), number("width")),
      seed: wholeNumber("Seed", [0, LARGEST_SEED], set("seed")),
    };
    return make("div", { class: "gan-controls", role: "group", "aria-label": "Settings" },
      ...Object.values(this.controls).map(({ field }) => field));
  }

  buildPhases() {
    this.phaseItems = Object.fromEntries(PHASES.map((phase) => [phase, make("li", {}, PHASE_TITLES[phase])]));
    this.phaseSentence = make("p", { "aria-live": "polite" });
    this.phases = make("div", { class: "gan-phases", hidden: true },
      make("ol", { "aria-label": "Phases of a step" }, ...Object.values(this.phaseItems)), this.phaseSentence);
    return this.phases;
  }

  buildCurves() {
    const curve = (name, title) => {
      const canvas = make("canvas", { role: "img", "aria-label": title }), value = make("span", { class: "gan-value" });
      this.curves[name] = { canvas, value };
      return make("div", { class: "gan-curve" }, make("div", { class: "gan-curve-title" }, title, value), canvas);
    };
    this.curves = {};
    const row = make("div", { class: "gan-curves" },
      curve("losses", "losses"), curve("divergence", "JS divergence"), curve("modes", "modes covered"));
    this.lossValues = [new Text("D"), new Text("G")];
    this.curves.losses.value.append(
      make("i", { class: "gan-d" }), this.lossValues[0], make("i", { class: "gan-g" }), this.lossValues[1]);
    return row;
  }

  buildPresets() {
    const buttons = Object.entries(this.presets).map(([name, { title }]) =>
      make("button", { type: "button", "data-preset": name, onclick: () => this.usePreset(name, true) }, title));
    this.presetButtons = buttons;
    this.presetWords = make("p", { class: "gan-preset-words" });
    this.cureButton = make("button", { type: "button", class: "gan-cure", hidden: true, onclick: () => this.cure() });
    if (!buttons.length) return "";
    return make("div", { class: "gan-presets", role: "group", "aria-label": "What can go wrong" },
      make("span", {}, "What can go wrong:"), ...buttons, this.presetWords, this.cureButton);
  }

  // --- Events ---

  listen() {
    const { model, canvas, el } = this;
    this.heard = () => this.followModel();
    model.on([...Object.keys(KINDS), "preset"].map((name) => `change:${name}`).join(" "), this.heard);
    this.heardRunning = () => this.setRunning(model.get("running"));
    model.on("change:running", this.heardRunning);
    this.heardMessage = (message) => message?.do === "restart" && this.restart();
    model.on("msg:custom", this.heardMessage);
    this.address.follow(() => this.followAddress());
    el.addEventListener("keydown", (event) => this.key(event));
    onDrag(canvas, (event) => this.pen(event));
    this.turn = new MessageChannel();
    this.turn.port1.onmessage = () => this.work();
    this.endTheme = onTheme(() => { this.plane.repaint(); this.draw(); });
    const canvases = [canvas, ...Object.values(this.curves).map((curve) => curve.canvas)];
    this.endResize = onResize(el, canvases, () => { this.plane.repaint(); this.draw(); });
    this.seen = new IntersectionObserver((entries) => {
      const before = this.visible;
      this.visible = entries.at(-1).isIntersecting; // the others are past
      if (before || !this.visible) return;
      this.draw(); // what has changed meanwhile
      if (this.running) this.loop();
    });
    this.seen.observe(el);
  }

  end() {
    this.setRunning(false);
    this.turn.port1.close();
    for (const listener of [this.heard, this.heardRunning, this.heardMessage]) this.model.off(null, listener);
    this.endTheme();
    this.endResize();
    this.seen.disconnect();
  }

  key(event) {
    const native = ["BUTTON", "INPUT", "SELECT"].includes(event.target.tagName);
    if (event.key === " " && !native) {
      event.preventDefault();
      this.toggle();
    } else if (event.target === this.canvas && this.settings.data === "own") this.penKey(event);
    event.stopPropagation();
  }

  /** The model was changed by Python: take what differs. */
  followModel() {
    if (this.writing) return;
    const { model } = this, patch = {};
    if (model.get("preset") !== this.preset) this.preset = model.get("preset");
    for (const [name, value] of Object.entries(this.readModel())) {
      if (!same(value, this.settings[name])) patch[name] = value;
    }
    if (Object.keys(patch).length) this.change(patch, this.preset);
    this.showPreset();
  }

  // --- Settings ---

  /** Take settings from the address; gives a sentence on what could not be taken. */
  readAddress() {
    const said = this.address.read();
    if (!said) return "";
    this.settings = { ...this.usual, ...innerNames(said.settings) };
    this.preset = "";
    return said.problem;
  }

  /** The settings as an address has them: points that are not in use are not its business. */
  get spoken() {
    const { settings, usual } = this;
    return outerNames(settings.data === "own" ? settings : { ...settings, points: usual.points });
  }

  followAddress() {
    const said = this.address.read();
    if (!said?.problem && this.address.means(this.spoken)) return; // the reader came back: the game goes on
    const problem = this.readAddress();
    this.restart();
    this.say(problem || "Set as the address says.");
  }

  /** Change settings in the middle of the game; new points, another width or another seed start it again. */
  change(patch, preset = this.preset) {
    const { settings } = this, own = patch.data === "own" && settings.data === "own";
    Object.assign(settings, patch);
    this.preset = preset;
    const afresh = ["width", "seed"].some((name) => name in patch) || ("data" in patch && !own);
    if (afresh) this.restart();
    else if ("optimizer" in patch) this.game.restartOptimizers();
    if (!afresh && "points" in patch && settings.data === "own") this.newTarget();
    this.settled();
    if (afresh && this.empty) this.say("Draw some real points in the square, then press Run.");
    else if (afresh) this.say("Back to the start, with new settings.");
    this.draw();
  }

  /** Show the settings on the controls, in the address and to Python. */
  settled() {
    const { settings, model } = this;
    if (!this.holds(this.presets[this.preset])) this.preset = "";
    for (const [name, control] of Object.entries(this.controls)) control.show(settings[name]);
    this.drawing.hidden = settings.data !== "own";
    this.canvas.classList.toggle("gan-drawn", settings.data === "own");
    this.showPreset();
    this.writing = true;
    for (const [name, value] of Object.entries(outerNames({ ...settings, points: settings.points.slice() }))) {
      model.set(name, value);
    }
    model.set("preset", this.preset);
    this.writing = false;
    model.save_changes();
    this.address.write(this.spoken);
  }

  usePreset(name, run) {
    const { settings, says } = this.presets[name];
    this.preset = name;
    this.settings = { ...this.usual, ...accepted(settings), seed: this.settings.seed };
    this.setSlow(false);
    this.restart();
    this.say(says);
    this.canvas.scrollIntoView({ block: "nearest" }); // on a phone it may be a screen away
    if (run) this.setRunning(true);
  }

  cure() {
    const { settings, says } = this.presets[this.preset].cure;
    this.change(accepted(settings));
    this.say(says);
    this.cureButton.hidden = true;
    this.restartButton.focus({ preventScroll: true });
    this.canvas.scrollIntoView({ block: "nearest" });
    this.setRunning(true);
  }

  showPreset() {
    const preset = this.presets[this.preset];
    for (const button of this.presetButtons) {
      button.setAttribute("aria-pressed", String(button.dataset.preset === this.preset));
    }
    const cured = preset && this.cured(preset);
    this.presetWords.textContent = preset ? (cured ? preset.cure.says : preset.says) : "";
    this.cureButton.hidden = !preset || cured;
    if (preset) this.cureButton.textContent = preset.cure.title;
  }

  cured({ cure }) {
    return Object.entries(accepted(cure.settings)).every(([name, value]) => this.settings[name] === value);
  }

  /** Whether a preset's settings are in force, but for those that its cure changes. */
  holds(preset) {
    const changed = accepted(preset?.cure.settings ?? {});
    return Object.entries(accepted(preset?.settings ?? {})).every(([name, value]) =>
      name in changed || same(value, this.settings[name]));
  }

  // --- The game ---

  greeting() {
    return "Two networks before their first step. Press Run.";
  }

  /** Put both players back to where the seed puts them. */
  restart() {
    this.game = new Game(this.settings);
    this.game.watched = this.slow;
    this.unmark();
    this.history = new History(EVERY);
    this.losses = [0, 0, 0];
    const source = randomSource(12345);
    this.latents = sampleNoise(source, new Float64Array(2 * SHOWN));
    this.measured = sampleNoise(source, new Float64Array(2 * MEASURED));
    this.measureTape = makeTape(this.game.generator, MEASURED);
    this.newTarget();
    this.settled();
    this.report();
    this.draw();
  }

  /** Real points to show and to measure with; the game goes on. */
  newTarget() {
    const from = distribution(this.settings.data, this.settings.points), source = randomSource(54321);
    this.game.from = from;
    this.real = samplePoints(from, source, new Float64Array(2 * SHOWN));
    this.realShares = histogram(samplePoints(from, source, new Float64Array(40 * MEASURED / 2)));
    this.plane.watch(this.game, this.real, this.latents);
  }

  userRestart() {
    this.restart();
    this.say("Both networks are back at their start.");
  }

  step() {
    const { game } = this;
    game.step();
    this.count();
    if (!Number.isFinite(game.dLoss + game.gLoss)) {
      throw new Error("the numbers have grown beyond all bounds; lower a learning rate and restart");
    }
  }

  /** Keep the books of a finished step. */
  count() {
    const { game, losses } = this;
    losses[0] += game.dLoss;
    losses[1] += game.gLoss;
    losses[2] += 1;
    if (game.steps % this.history.stride === 0) this.measure();
  }

  measure() {
    const { game, losses } = this, points = forward(game.generator, this.measured, this.measureTape, MEASURED);
    const seen = coverage(points, game.from);
    const divergence = jensenShannon(this.realShares, histogram(points));
    this.history.add([losses[0] / losses[2], losses[1] / losses[2], divergence, seen ? seen.covered : NaN]);
    this.now = { divergence, seen };
    this.losses = [0, 0, 0];
  }

  // --- Running ---

  /** Whether there is nothing to learn: the reader's own points, and none are drawn. */
  get empty() {
    return this.settings.data === "own" && !this.settings.points.length;
  }

  toggle() {
    const wanted = !this.running;
    this.setRunning(wanted);
    if (this.running === wanted) this.say(this.running ? (this.slow ? "Slow motion." : "Running.") : this.summary());
  }

  setRunning(running) {
    if (running && this.empty) {
      this.say(NOTHING);
      running = false;
    }
    const changed = running !== this.running;
    this.running = running;
    this.runButton.textContent = running ? "Pause" : "Run";
    this.model.set("running", running);
    this.model.save_changes();
    if (!changed) return;
    Object.assign(this, { paceFrom: performance.now(), paceSteps: this.game.steps });
    if (running) this.loop();
    else {
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.report();
      this.draw();
    }
  }

  loop() {
    if (this.frame) return;
    const next = (now) => {
      this.frame = 0;
      if (!this.running || !this.visible) return;
      this.attempt(() => (this.slow ? this.slowFrame(now) : this.fastFrame(now)));
      if (this.running) this.frame = requestAnimationFrame(next);
    };
    this.frame = requestAnimationFrame(next);
  }

  /** Draw, and see to it that steps are made until the next picture. */
  fastFrame(now) {
    this.lastFrame = now;
    if (!this.working) this.work();
    if (now - (this.lastDrawn ?? 0) < (this.calm ? 500 : FRAME)) return;
    this.lastDrawn = now;
    if (now - (this.curvesFrom ?? 0) > 150) {
      this.curvesFrom = now;
      this.draw();
    } else this.drawPlane();
    if (now - this.paceFrom > 500) {
      this.pace = Math.round(1000 * (this.game.steps - this.paceSteps) / (now - this.paceFrom));
      Object.assign(this, { paceFrom: now, paceSteps: this.game.steps });
      this.report(this.pace);
    }
  }

  /** Make steps for a few milliseconds, let the page have its turn, and so on; stop where no pictures are drawn. */
  work() {
    const now = performance.now();
    this.working = this.running && !this.slow && now - this.lastFrame < HIDDEN;
    if (!this.working) return;
    this.attempt(() => {
      do this.step(); while (performance.now() < now + SLICE);
    });
    this.turn.port2.postMessage(null);
  }

  slowFrame(now) {
    if (now - (this.phaseFrom ?? 0) < PACE) return;
    this.phaseFrom = now;
    this.nextPhase();
  }

  /** Do something that may fail: then stop and say why. */
  attempt(action) {
    try {
      action();
    } catch (error) {
      this.setRunning(false);
      this.say(`Stopped: ${error.message}.`);
    }
  }

  stepOnce() {
    this.setRunning(false);
    if (this.empty) return this.say(NOTHING);
    this.attempt(() => {
      if (this.slow) this.nextPhase();
      else {
        this.step();
        this.say(`Step ${this.game.steps}: D's loss ${short(this.game.dLoss)}, G's loss ${short(this.game.gLoss)}.`);
      }
      this.report();
      this.draw();
    });
  }

  setSlow(slow) {
    if (slow === this.slow) return;
    this.slow = slow;
    this.slowButton.setAttribute("aria-pressed", String(slow));
    this.stepButton.textContent = slow ? "Next phase" : "Step";
    this.phases.hidden = !slow;
    this.game.watched = slow;
    while (!slow && (this.game.phase || this.game.round)) this.finishPhase(); // whole steps only, out of slow motion
    this.unmark();
    if (slow) this.say("");
    this.draw();
  }

  finishPhase() {
    const done = this.game.advance();
    if (done === "gUpdate") this.count();
    return done;
  }

  nextPhase() {
    this.phase = this.finishPhase();
    this.markPhase(PHASE_SENTENCES[this.phase](this.game));
    this.report();
    this.draw();
  }

  markPhase(sentence) {
    for (const [phase, item] of Object.entries(this.phaseItems)) {
      if (phase === this.phase) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    this.phaseSentence.textContent = sentence;
  }

  /** Before the first phase of a step. */
  unmark() {
    this.phase = null;
    this.markPhase(this.slow ? "Press Run, or Next phase: a step has eight of them." : "");
  }

  // --- Drawing one's own points ---

  pen(event) {
    if (this.settings.data !== "own") return;
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const at = (offset) => Math.round((offset / width * 6 - 3) * 100) / 100;
    this.addPoint([at(event.clientX - left), -at(event.clientY - top)]);
  }

  penKey(event) {
    const moves = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.15], ArrowDown: [0, -0.15] };
    const within = (v) => Math.round(Math.min(2.9, Math.max(-2.9, v)) * 100) / 100;
    this.cursor ??= [0, 0];
    if (event.key in moves) this.cursor = this.cursor.map((v, i) => within(v + moves[event.key][i]));
    else if (event.key === "Enter") this.addPoint(this.cursor.slice());
    else return;
    event.preventDefault();
    this.draw();
  }

  addPoint([x, y]) {
    if (Math.abs(x) > 3 || Math.abs(y) > 3) return;
    const { points } = this.settings, last = points.at(-1);
    if (last && Math.hypot(x - last[0], y - last[1]) < NEARBY) return;
    this.redrawOwn([...points, [x, y]].slice(-400));
  }

  redrawOwn(points) {
    this.change({ data: "own", points });
    if (!points.length) this.setRunning(false);
  }

  // --- What is said and shown ---

  say(sentence) {
    this.status.textContent = sentence;
  }

  summary(start = "Paused") {
    const { game, now } = this, parts = [`${start} after ${game.steps.toLocaleString("en")} steps`];
    if (now?.seen) {
      const { covered, quality } = now.seen;
      parts.push(`${covered} of ${game.from.modes.length} modes covered, ${percent(quality)} of the points near one`);
    }
    if (now) parts.push(`JS divergence ${short(now.divergence)}`);
    return `${parts.join("; ")}.`;
  }

  /** Write the counters, and send Python the weights. */
  report(pace) {
    const { game, model, history } = this, steps = game.steps.toLocaleString("en");
    this.counter.textContent = `step ${steps}`;
    if (pace && this.running) this.counter.textContent += ` · ${pace.toLocaleString("en")} steps/s`;
    if (!history.rows.length) this.now = null;
    this.canvas.setAttribute("aria-label", `${this.summary("The plane")} Space runs and pauses.`);
    model.set("steps", game.steps);
    model.save_changes();
    const weights = Float32Array.of(...game.generator.weights, ...game.discriminator.weights);
    model.send({ trained: game.steps }, undefined, [weights.buffer]);
  }

  draw() {
    if (!this.canShow()) return;
    this.drawPlane();
    this.drawCurves();
  }

  /** Whether there is something to draw on: not before the element has its place, nor where nobody looks. */
  canShow() {
    return this.game && this.visible && this.canvas.clientWidth > 0;
  }

  drawPlane() {
    const drawing = this.settings.data === "own", shows = { ...this.shows, real: this.shows.real && !this.empty };
    this.plane.draw(shows, this.slow ? this.phase : null, drawing ? this.cursor : null);
  }

  drawCurves() {
    const { history, curves, game } = this, shade = this.plane.colours, modes = game.from.modes?.length;
    const line = (name, lines, options) => drawCurves(curves[name].canvas, history, lines, { ...options, shade });
    line("losses", [[0, shade.real], [1, shade.fake]], { most: 1.5 });
    line("divergence", [[2, shade.third]], { most: 0.7, level: Math.log(2) });
    line("modes", [[3, shade.third]], { most: modes ?? 1, level: modes });
    const [dLoss, gLoss, divergence, covered] = history.rows.at(-1) ?? [];
    const two = (value) => value?.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "−") ?? "–";
    this.lossValues[0].data = `D ${two(dLoss)} `;
    this.lossValues[1].data = `G ${two(gLoss)}`;
    curves.divergence.value.textContent = divergence?.toFixed(3) ?? "–";
    curves.modes.value.textContent = modes ? `${covered === undefined ? "–" : Math.round(covered)} of ${modes}` : "no heaps";
  }
}

function render(context) {
  const playground = new Playground(context);
  context.el.playground = playground; // for whoever looks at it from the console, and for tests
  return () => playground.end();
}

export default { render };
export { Game };

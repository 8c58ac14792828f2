// A run to scrub through: the faces of a step, the run's curves, and the report's line. runcurves.js draws the curves;
// here are the pictures' way into the page, the controls and the player.
import { Address, kinds } from "./addresses.js";
import { make, onDrag, onResize, onTheme } from "./dom.js";
import { PANELS, drawPanel, nearest, readOff, stepScale } from "./runcurves.js";

const WHOLE = 16_000; // milliseconds to play a run of many grids
const [QUICK, SLOW] = [250, 1200]; // milliseconds from grid to grid, at least and at most
const CALM = 1500; // the same for those who asked for less motion
const AHEAD = 4; // grids fetched before they are wanted, where the reader is heading
const BEHIND = 1;

const commas = (number) => number.toLocaleString("en");
const said = (value, words) => (Number.isFinite(value) ? words.replace("-", "−") : "–");

/** The report's line, which a narrow page may break before the generator's loss and nowhere else. */
function inParts(line) {
  return line.split(/ (?=\[G)/).flatMap((part) => [make("span", {}, part), " "]);
}

// --- Pictures ------------------------------------------------------------------------------------------------------------

/** Make a picture that can be shown without a flicker. */
async function picture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** Where a page finds its grids: beside the widgets' modules, in `_static`. */
function fromSite(files) {
  return (step, index) => {
    if (!files[index]) throw new Error("no file");
    return picture(new URL(`../${files[index]}`, import.meta.url));
  };
}

/** Ask the kernel for grids: it sends the bytes of a file. */
function fromKernel(model) {
  const asked = new Map();
  const heard = ({ grid, missing }, buffers) => {
    const answer = asked.get(grid);
    asked.delete(grid);
    if (missing) answer?.reject(new Error("no file"));
    else answer?.resolve(URL.createObjectURL(new Blob([buffers[0]])));
  };
  model.on("msg:custom", heard);
  const fetchOne = async (step) => {
    const bytes = new Promise((resolve, reject) => asked.set(step, { resolve, reject }));
    model.send({ grid: step });
    const address = await bytes, image = await picture(address);
    URL.revokeObjectURL(address);
    return image;
  };
  fetchOne.end = () => model.off("msg:custom", heard);
  return fetchOne;
}

/** Every grid is fetched once; one that could not be had is asked for again when it is wanted again. */
class Pictures {
  constructor(fetchOne) {
    Object.assign(this, { fetchOne, kept: new Map() });
  }

  get(step, index) {
    if (!this.kept.has(step)) {
      const coming = Promise.resolve().then(() => this.fetchOne(step, index));
      coming.catch(() => this.kept.delete(step));
      this.kept.set(step, coming);
    }
    return this.kept.get(step);
  }
}

// --- The scrubber --------------------------------------------------------------------------------------------------------

class Scrubber {
  constructor({ model, el, address }) {
    Object.assign(this, { model, el, playing: false, visible: true, pointed: null, touched: false });
    const files = model.get("files");
    this.pictures = new Pictures(files ? fromSite(files) : fromKernel(model));
    this.pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM : null;
    const kindOf = { step: kinds.whole(0, model.get("curves").last) };
    this.address = new Address(address, kindOf, { step: model.get("step") });
    this.build();
    this.listen();
    const problem = this.readAddress();
    this.ready = this.show();
    this.problem.textContent = problem;
  }

  get steps() { return this.model.get("steps"); }

  get index() { return nearest(this.steps, this.model.get("step")); }

  // --- What is on the page ---

  build() {
    this.playButton = make("button", { type: "button", class: "gan-main", onclick: () => this.setPlaying(!this.playing) });
    const oninput = () => this.scrub(Number(this.slider.value));
    this.slider = make("input", { type: "range", "aria-label": "Step", min: 0, step: 1, oninput });
    this.counter = make("span", { class: "gan-counter" });
    this.frame = make("div", { class: "gan-frame" });
    this.line = make("code", { class: "gan-line" });
    this.at = make("p", { class: "gan-at" });
    this.problem = make("p", { role: "status", class: "gan-problem" });
    this.el.classList.add("gan", "gan-scrub");
    this.el.dataset.lmSuppressShortcuts = "true"; // JupyterLab leaves our keys to us
    this.el.append(
      make("div", { class: "gan-bar", role: "group", "aria-label": "Run" }, this.playButton,
        make("span", { class: "gan-word", "aria-hidden": "true" }, "Step"), this.slider, this.counter),
      make("div", { class: "gan-columns" }, this.frame,
        make("div", { class: "gan-record" },
          this.panel("losses", "losses", ["d", "D"], ["g", "G"]),
          this.panel("accuracy", "accuracy of D", ["third", ""]), this.at)),
      this.line, this.problem);
    this.showPlaying();
  }

  panel(name, title, ...values) {
    const canvas = make("canvas", { role: "img", class: "gan-scrubbed" }), value = make("span", { class: "gan-value" });
    const shown = values.map(([colour, words]) => {
      const number = new Text();
      value.append(make("i", { class: `gan-${colour}` }), words && `${words} `, number);
      return number;
    });
    this.panels = { ...this.panels, [name]: { canvas, title, shown } };
    return make("div", { class: "gan-curve" }, make("div", { class: "gan-curve-title" }, title, value), canvas);
  }

  // --- Events ---

  listen() {
    const { model, el } = this, canvases = Object.values(this.panels).map(({ canvas }) => canvas);
    this.heard = () => this.writing || this.show();
    model.on("change", this.heard);
    this.address.follow(() => {
      this.problem.textContent = this.readAddress();
      this.show();
    });
    for (const canvas of canvases) this.listenOn(canvas);
    el.addEventListener("keydown", (event) => this.key(event));
    this.endTheme = onTheme(() => this.draw());
    this.endResize = onResize(el, canvases, () => this.draw());
    this.seen = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting; // the others are past
      this.loop();
    });
    this.seen.observe(this.frame);
  }

  /** A pointer over the curves reads them off, and scrubs while it is pressed. */
  listenOn(canvas) {
    const stepAt = ({ clientX }) => {
      const { left, width } = canvas.getBoundingClientRect();
      return stepScale(width, this.model.get("curves").last).toStep(clientX - left);
    };
    onDrag(canvas, (event) => this.scrub(nearest(this.steps, stepAt(event))));
    canvas.addEventListener("pointermove", (event) => {
      this.pointed = event.pointerType === "mouse" ? stepAt(event) : null;
      this.draw();
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointed = null;
      this.draw();
    });
  }

  /** Arrow keys scrub wherever the focus is in the widget; the slider has its own. */
  key(event) {
    event.stopPropagation();
    if (event.target === this.slider) return;
    const to = { ArrowLeft: this.index - 1, ArrowRight: this.index + 1, Home: 0, End: this.steps.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.scrub(Math.min(this.steps.length - 1, Math.max(0, to)));
  }

  end() {
    this.setPlaying(false);
    this.model.off("change", this.heard);
    this.pictures.fetchOne.end?.();
    this.endTheme();
    this.endResize();
    this.seen.disconnect();
  }

  // --- The address ---

  /** Take the step from the address; gives a sentence when it does not say one. */
  readAddress() {
    const said = this.address.read();
    if (said && "step" in said.settings) this.put(nearest(this.steps, said.settings.step));
    return said?.problem ?? "";
  }

  writeAddress() {
    this.address.write({ step: this.model.get("step") });
  }

  // --- Scrubbing ---

  /** Show a grid because the reader wants it. */
  scrub(index) {
    this.setPlaying(false);
    this.go(index);
    this.writeAddress();
  }

  go(index) {
    this.heading = index < this.index ? -1 : 1;
    this.touched = true;
    this.problem.textContent = "";
    this.put(index);
    this.show();
  }

  put(index) {
    this.writing = true;
    this.model.set("step", this.steps[index]);
    this.writing = false;
    this.model.save_changes();
  }

  // --- Playing ---

  setPlaying(playing) {
    if (playing === this.playing) return;
    this.playing = playing;
    this.showPlaying();
    if (!playing) return this.writeAddress();
    this.due = null;
    if (this.index === this.steps.length - 1) this.go(0);
    this.loop();
  }

  showPlaying() {
    this.playButton.textContent = this.playing ? "Pause" : "Play";
  }

  /** One turn of the player; it rests where nobody can see it, and waits for pictures that are on their way. */
  loop() {
    if (this.turning || !this.playing || !this.visible) return;
    this.turning = requestAnimationFrame((now) => {
      this.turning = null;
      const pace = this.pace ?? Math.min(SLOW, Math.max(QUICK, WHOLE / this.steps.length));
      this.due ??= now + pace;
      if (now >= this.due && !this.waiting && this.playing) {
        this.due = now + pace;
        if (this.index < this.steps.length - 1) this.go(this.index + 1);
        if (this.index === this.steps.length - 1) this.setPlaying(false);
      }
      this.loop();
    });
  }

  // --- Showing ---

  /** Show the step that the model holds: words and curves at once, the faces as soon as they are here. */
  async show() {
    const { steps, index, model } = this, step = steps[index];
    this.slider.max = steps.length - 1;
    this.slider.value = index;
    this.line.replaceChildren(...inParts(model.get("lines")[index]));
    this.slider.setAttribute("aria-valuetext", `step ${commas(step)}: ${this.line.textContent.trim()}`);
    this.counter.textContent = `${commas(step)} of ${commas(model.get("curves").last)}`;
    if (model.get("following")) this.counter.textContent += ", going on";
    this.draw();
    await this.showFaces(step, index);
    if (this.touched) this.fetchAhead(index);
  }

  async showFaces(step, index) {
    this.wanted = step;
    this.wait(this.shown !== step);
    if (!this.waiting) return;
    let content;
    try {
      content = await this.pictures.get(step, index);
      content.alt = `64 faces drawn from the same latents after ${commas(step)} steps`;
    } catch {
      content = make("p", { role: "status" }, `The faces of step ${commas(step)} could not be had. The curves need none.`);
    }
    if (this.wanted !== step) return; // the reader has moved on
    this.frame.replaceChildren(content);
    this.shown = content instanceof Image ? step : null;
    this.wait(false);
  }

  wait(waiting) {
    this.waiting = waiting;
    this.frame.setAttribute("aria-busy", String(waiting));
  }

  fetchAhead(index) {
    for (let i = index - BEHIND * this.heading; i !== index + (AHEAD + 1) * this.heading; i += this.heading) {
      if (this.steps[i] !== undefined) this.pictures.get(this.steps[i], i).catch(() => {}); // said when it is wanted
    }
  }

  draw() {
    const { model, panels, pointed } = this, curves = model.get("curves"), mark = this.steps[this.index];
    if (!panels.losses.canvas.clientWidth) return;
    for (const [name, { canvas }] of Object.entries(panels)) drawPanel(canvas, PANELS[name], curves, { mark, pointed });
    this.sayValues(readOff(curves, pointed ?? mark), curves);
  }

  sayValues(now, { last, smooth }) {
    const { panels } = this, [dLoss, gLoss] = [now?.dLoss, now?.gLoss].map((loss) => said(loss, loss?.toFixed(2)));
    const accuracy = said(now?.accuracy, `${Math.round(100 * now?.accuracy)} %`);
    panels.losses.shown[0].data = `${dLoss} `;
    panels.losses.shown[1].data = gLoss;
    panels.accuracy.shown[0].data = accuracy;
    this.at.textContent = now ? `smoothed over ${smooth} steps, at step ${commas(now.step)}` : "nothing measured yet";
    const where = `over ${commas(last)} steps; ${this.at.textContent}`;
    panels.losses.canvas.setAttribute("aria-label", `Both losses ${where}: D ${dLoss}, G ${gLoss}`);
    panels.accuracy.canvas.setAttribute("aria-label", `Accuracy of D ${where}: ${accuracy}`);
  }
}

async function render(context) {
  const scrubber = new Scrubber(context);
  context.el.scrubber = scrubber; // for whoever looks at it from the console, and for tests
  if (context.model.get("files")) await scrubber.ready; // till then the still stands; a kernel may be busy for long
  return () => scrubber.end();
}

export default { render };

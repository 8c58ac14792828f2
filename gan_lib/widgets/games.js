// The phase plane of a game of two numbers: drag the start, choose who moves when and how far, and see the path.
import { FIELDS, TURNS, largestEigenvalue, trajectory } from "./smallgames.js";
import { choice, slider } from "./controls.js";
import { colours, fitCanvas, make, onDrag, onResize, onTheme } from "./dom.js";

const GAMES = { "bilinear": "V = θψ", "dirac": "Dirac-GAN", "dirac-non-saturating": "Dirac-GAN, non-saturating" };
const ORDER = { simultaneous: "at once", alternating: "in turns", extragradient: "looking ahead" };
const SPAN = 2; // the plane shows [−2, 2]²
const NUDGE = 0.1;

class Games {
  constructor({ model, el }) {
    Object.assign(this, { model, el });
    this.build();
    this.listen();
    this.show();
  }

  // --- What is on the page ---

  build() {
    this.canvas = make("canvas", { class: "gan-plane gan-drawn", role: "img", tabindex: 0 });
    this.words = make("p", { class: "gan-status", role: "status" });
    const set = (name) => (value) => this.set({ [name]: value });
    this.controls = {
      game: choice("Game", GAMES, set("game")),
      turns: choice("Who moves when", ORDER, set("turns")),
      rate: slider("Size of a step, h =", [0.02, 1, 0.02], set("rate")),
      gamma: slider("R1, γ =", [0, 3, 0.05], set("gamma")),
      steps: slider("Steps:", [10, 400, 10], set("steps")),
    };
    this.el.classList.add("gan", "gan-games");
    this.el.dataset.lmSuppressShortcuts = "true";
    this.el.append(make("div", { class: "gan-columns" }, this.canvas,
      make("div", { class: "gan-controls", role: "group", "aria-label": "Settings" },
        ...Object.values(this.controls).map(({ field }) => field), this.words)));
  }

  // --- Events ---

  listen() {
    const { model, canvas, el } = this;
    this.heard = () => this.show();
    model.on("change", this.heard);
    onDrag(canvas, (event) => this.drag(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.endTheme = onTheme(() => this.draw());
    this.endResize = onResize(el, [canvas], () => this.draw());
  }

  end() {
    this.model.off("change", this.heard);
    this.endTheme();
    this.endResize();
  }

  set(patch) {
    for (const [name, value] of Object.entries(patch)) this.model.set(name, value);
    this.model.save_changes();
  }

  start(theta, psi) {
    const within = (v) => Math.round(Math.min(SPAN, Math.max(-SPAN, v)) * 100) / 100;
    this.set({ start: [within(theta), within(psi)] });
  }

  drag(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const at = (share) => SPAN * (2 * share - 1);
    this.start(at((event.clientX - left) / width), -at((event.clientY - top) / height));
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!moves) return;
    event.preventDefault();
    event.stopPropagation();
    const [theta, psi] = this.model.get("start");
    this.start(theta + NUDGE * moves[0], psi + NUDGE * moves[1]);
  }

  // --- The game ---

  show() {
    const get = (name) => this.model.get(name);
    for (const [name, control] of Object.entries(this.controls)) control.show(get(name));
    this.controls.gamma.field.hidden = get("game") === "bilinear";
    this.play = FIELDS[get("game")](get("gamma"));
    this.path = trajectory(this.play, get("start"), get("rate"), get("steps"), get("turns"));
    const size = largestEigenvalue(this.play, get("rate"), get("turns"));
    this.words.textContent = `Near the middle each step leaves ${size.toFixed(5)} of the distance (|λ|): ${verdict(size)} `
      + `From ${distance(this.path[0])} to ${distance(this.path.at(-1))} in ${this.path.length - 1} steps.`;
    const [theta, psi] = get("start"), where = `Phase plane, start at θ = ${theta}, ψ = ${psi}`;
    this.canvas.setAttribute("aria-label", `${where}; drag it, or use the arrow keys. ${this.words.textContent}`);
    this.draw();
  }

  draw() {
    if (!this.canvas.clientWidth) return;
    const { context, width } = fitCanvas(this.canvas), shade = colours(this.canvas), scale = width / (2 * SPAN);
    const at = ([theta, psi]) => [(theta + SPAN) * scale, (SPAN - psi) * scale];
    this.drawField(context, at, shade, scale);
    context.strokeStyle = context.fillStyle = shade.real;
    context.lineWidth = 1.2;
    context.beginPath();
    for (const w of this.path) context.lineTo(...at(w));
    context.stroke();
    context.beginPath();
    for (const w of this.path) {
      const [x, y] = at(w);
      context.moveTo(x + 2, y);
      context.arc(x, y, 2, 0, 7);
    }
    context.fill();
    this.disc(context, at(this.path.at(-1)), 4, shade.real);
    this.disc(context, at(this.path[0]), 8, shade.fake);
    context.fillStyle = shade.ink;
    context.font = "italic 14px Georgia, serif";
    context.fillText("θ", width - 14, width / 2 - 6);
    context.fillText("ψ", width / 2 + 6, 14);
  }

  disc(context, [x, y], radius, colour) {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fill();
  }

  drawField(context, at, shade, scale) {
    context.strokeStyle = shade.muted;
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(...at([-SPAN, 0]));
    context.lineTo(...at([SPAN, 0]));
    context.moveTo(...at([0, -SPAN]));
    context.lineTo(...at([0, SPAN]));
    for (let i = -6; i <= 6; i++) {
      for (let j = -6; j <= 6; j++) {
        const [x, y] = at([i * 0.3, j * 0.3]), [dTheta, dPsi] = this.play([i * 0.3, j * 0.3]);
        const force = Math.hypot(dTheta, dPsi), angle = Math.atan2(-dPsi, dTheta), length = 0.17 * scale;
        if (force < 1e-9) continue;
        const [tipX, tipY] = [x + length * Math.cos(angle), y + length * Math.sin(angle)];
        context.moveTo(x, y);
        context.lineTo(tipX, tipY);
        for (const turn of [2.6, -2.6]) {
          context.moveTo(tipX, tipY);
          context.lineTo(tipX + 4 * Math.cos(angle + turn), tipY + 4 * Math.sin(angle + turn));
        }
      }
    }
    context.stroke();
    context.globalAlpha = 1;
  }
}

function verdict(size) {
  if (Math.abs(size - 1) < 1e-6) return "it goes round.";
  return size < 1 ? "it comes home." : "it runs away.";
}

function distance(w) {
  const radius = Math.hypot(...w);
  return radius < 1000 ? radius.toPrecision(3) : "far outside";
}

function render(context) {
  const games = new Games(context);
  context.el.games = games; // for whoever looks at it from the console, and for tests
  return () => games.end();
}

export default { render };

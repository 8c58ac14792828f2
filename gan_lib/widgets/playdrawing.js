// The pictures of the playground: the plane with what the players do on it, and curves over the run.
import { drawAxes } from "./axes.js";
import { OBJECTIVES, backward, forward, makeTape, sigmoid } from "./toygan.js";
import { colours, fitCanvas, make, rgb } from "./dom.js";

const EDGE = 3; // the plane shows [−3, 3]²
const FINE = 48; // the heat map's cells along a side
const MESH_LINES = [-2.05, -1.4, -1, -0.7, -0.45, -0.22, 0, 0.22, 0.45, 0.7, 1, 1.4, 2.05];
const MESH_DOTS = 33; // to a line

const lattice = (count) => {
  const at = (i) => -EDGE + (i + 0.5) * (2 * EDGE / count), points = new Float64Array(2 * count * count);
  for (let i = 0; i < count * count; i++) points.set([at(i % count), -at(Math.floor(i / count))], 2 * i);
  return points;
};

/** The lines of a net over the latent square, point after point; they stand closer where the noise is denser. */
const mesh = () => {
  const along = (i) => -2.05 + 4.1 * i / (MESH_DOTS - 1), points = [];
  for (const line of MESH_LINES) for (let i = 0; i < MESH_DOTS; i++) points.push(line, along(i));
  for (const line of MESH_LINES) for (let i = 0; i < MESH_DOTS; i++) points.push(along(i), line);
  return Float64Array.from(points);
};

/** Draws the plane of one game on a canvas. `shows` names the layers that are wanted. */
export class Plane {
  constructor(canvas) {
    this.canvas = canvas;
    this.cells = lattice(FINE);
    this.latentMesh = mesh();
    this.heat = make("canvas", { width: FINE, height: FINE });
    this.pixels = new ImageData(FINE, FINE);
    this.realLayer = make("canvas");
  }

  /** Start to show a game: `real` and `latents` are the points and the noise that stay the same while it runs. */
  watch(game, real, latents) {
    Object.assign(this, { game, real, latents });
    const rows = (points) => points.length / 2;
    this.cellTape = makeTape(game.discriminator, FINE * FINE);
    this.meshTape = makeTape(game.generator, rows(this.latentMesh));
    this.fakeTape = makeTape(game.generator, rows(latents));
    this.judgeTape = makeTape(game.discriminator, rows(latents));
    this.realTape = makeTape(game.discriminator, rows(latents));
    this.slopes = new Float64Array(rows(latents));
    this.stale = true;
  }

  /** Draw. In slow motion `phase` is the one just done, and the batch in hand is shown instead of the usual points. */
  draw(shows, phase, cursor) {
    const fitted = fitCanvas(this.canvas);
    this.context = fitted.context;
    this.scale = fitted.width / (2 * EDGE);
    this.size = fitted.width;
    if (this.colours === undefined) this.colours = colours(this.canvas);
    if (shows.surface) this.drawSurface(phase);
    if (shows.map) this.drawMap();
    if (phase) this.drawPhase(phase, shows);
    else this.drawPoints(shows);
    if (cursor) this.drawCursor(cursor);
  }

  /** Forget what was drawn in the colours of another theme. */
  repaint() {
    this.colours = undefined;
    this.stale = true;
  }

  x(value) {
    return (value + EDGE) * this.scale;
  }

  y(value) {
    return (EDGE - value) * this.scale;
  }

  /** The logit at which D has no opinion: given by the objective, or half way between what it says of the two clouds. */
  middle(n) {
    const { middle } = OBJECTIVES[this.game.settings.objective];
    if (middle !== null) return middle;
    const mean = (points, tape) => forward(this.game.discriminator, points, tape, n).reduce((a, b) => a + b, 0) / n;
    const fake = forward(this.game.generator, this.latents, this.fakeTape, n);
    return (mean(this.real.subarray(0, 2 * n), this.realTape) + mean(fake, this.judgeTape)) / 2;
  }

  drawSurface(phase) {
    const { game, pixels } = this, opinions = new Float64Array(FINE * FINE);
    const logits = forward(game.discriminator, this.cells, this.cellTape, FINE * FINE);
    if (phase === "dGradient") this.change(logits, opinions);
    else {
      const middle = this.middle(this.latents.length / 2), sharpness = middle === 0.5 ? 4 : 1;
      for (let i = 0; i < opinions.length; i++) opinions[i] = 2 * sigmoid(sharpness * (logits[i] - middle)) - 1;
    }
    const [real, fake] = [rgb(this.colours.real), rgb(this.colours.fake)];
    for (let i = 0; i < opinions.length; i++) {
      const [red, green, blue] = opinions[i] > 0 ? real : fake;
      pixels.data[4 * i] = red;
      pixels.data[4 * i + 1] = green;
      pixels.data[4 * i + 2] = blue;
      pixels.data[4 * i + 3] = 115 * Math.sqrt(Math.abs(opinions[i]));
    }
    this.heat.getContext("2d").putImageData(pixels, 0, 0);
    this.context.imageSmoothingEnabled = true;
    this.context.drawImage(this.heat, 0, 0, this.size, this.size);
  }

  /** Where a short step down D's gradient will raise its logits (above zero) and where it will lower them. */
  change(logits, into) {
    const { discriminator, dGradientNow } = this.game, now = logits.slice();
    const length = Math.hypot(...dGradientNow) || 1;
    const weights = discriminator.weights.map((weight, i) => weight - 1e-3 * dGradientNow[i] / length);
    const next = forward({ ...discriminator, weights }, this.cells, this.cellTape, FINE * FINE);
    let most = 1e-12;
    for (let i = 0; i < into.length; i++) most = Math.max(most, Math.abs((into[i] = next[i] - now[i])));
    for (let i = 0; i < into.length; i++) into[i] /= most;
  }

  drawMap() {
    const { context, latentMesh } = this, count = latentMesh.length / 2;
    const points = forward(this.game.generator, latentMesh, this.meshTape, count);
    context.strokeStyle = this.colours.fake;
    context.globalAlpha = 0.5;
    context.lineWidth = 0.8;
    context.beginPath();
    for (let i = 0; i < count; i++) {
      const [x, y] = [this.x(points[2 * i]), this.y(points[2 * i + 1])];
      if (i % MESH_DOTS === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  dots(context, points, colour, radius, alpha = 0.75) {
    context.fillStyle = colour;
    context.globalAlpha = alpha;
    context.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      const [x, y] = [this.x(points[i]), this.y(points[i + 1])];
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fill();
    context.globalAlpha = 1;
  }

  lines(starts, ends, colour, alpha = 0.5) {
    const { context } = this;
    context.strokeStyle = colour;
    context.globalAlpha = alpha;
    context.lineWidth = 1;
    context.beginPath();
    for (let i = 0; i < starts.length; i += 2) {
      context.moveTo(this.x(starts[i]), this.y(starts[i + 1]));
      context.lineTo(this.x(ends[i]), this.y(ends[i + 1]));
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  /** Real points do not move: they are drawn once and laid on. */
  drawReal() {
    const { canvas, realLayer } = this;
    if (this.stale || realLayer.width !== canvas.width) {
      Object.assign(realLayer, { width: canvas.width, height: canvas.height });
      const context = realLayer.getContext("2d");
      context.setTransform(this.context.getTransform());
      this.dots(context, this.real, this.colours.real, 1.8, 0.55);
      this.stale = false;
    }
    this.context.drawImage(realLayer, 0, 0, this.size, this.size);
  }

  drawPoints(shows) {
    const count = this.latents.length / 2;
    if (shows.real) this.drawReal();
    const points = forward(this.game.generator, this.latents, this.fakeTape, count);
    if (shows.generated) this.dots(this.context, points, this.colours.fake, 2);
    if (shows.arrows) this.drawArrows(points, this.pushes(points, count), 3);
  }

  /** Minus the gradient of G's loss at each generated point: where G is being sent, and how strongly. */
  pushes(points, count) {
    const { discriminator, settings } = this.game, goal = OBJECTIVES[settings.objective];
    const realLogits = goal.pairs ? forward(discriminator, this.real, this.realTape, count) : null;
    goal.generator(realLogits, forward(discriminator, points, this.judgeTape, count), this.slopes, count);
    return backward(discriminator, this.slopes, this.judgeTape, count).map((slope) => -slope * count);
  }

  /** Arrows from every `every`-th point; lengths tell the strength, up to a longest. */
  drawArrows(points, pushes, every = 1) {
    const { context } = this;
    context.strokeStyle = this.colours.ink;
    context.globalAlpha = 0.7;
    context.lineWidth = 1;
    context.beginPath();
    for (let i = 0; i < points.length; i += 2 * every) {
      const force = Math.hypot(pushes[i], pushes[i + 1]);
      if (force < 1e-4) continue;
      const length = Math.min(0.5, 0.35 * force) * this.scale, angle = Math.atan2(-pushes[i + 1], pushes[i]);
      const [x, y] = [this.x(points[i]), this.y(points[i + 1])];
      const [tipX, tipY] = [x + length * Math.cos(angle), y + length * Math.sin(angle)], barb = Math.min(5, length / 2);
      context.moveTo(x, y);
      context.lineTo(tipX, tipY);
      for (const turn of [2.6, -2.6]) {
        context.moveTo(tipX, tipY);
        context.lineTo(tipX + barb * Math.cos(angle + turn), tipY + barb * Math.sin(angle + turn));
      }
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  drawPhase(phase, shows) {
    const { game, context } = this, { real, fake, latents } = game, { colours: shade } = this;
    if (shows.real) this.dots(context, real, shade.real, 2.2, 0.7);
    if (phase === "noise") return this.dots(context, latents, shade.muted, 2.2);
    if (phase === "generate") {
      this.lines(latents, fake, shade.muted, 0.4);
      this.dots(context, latents, shade.muted, 1.6);
    }
    if (phase === "gUpdate") {
      const moved = forward(game.generator, latents, makeTape(game.generator, game.n), game.n);
      this.lines(fake, moved, shade.ink, 0.7);
      return this.dots(context, moved, shade.fake, 2.2);
    }
    this.dots(context, fake, shade.fake, 2.2);
    if (phase === "judge" || phase === "judgeAgain") this.drawErrors();
    if (phase === "gGradient") this.drawArrows(fake, game.dTape.dx.subarray(0, fake.length).map((v) => -v * game.n));
  }

  /** A ring around every point that D takes for the other kind. */
  drawErrors() {
    const { context, game } = this, errors = game.errors();
    context.strokeStyle = this.colours.ink;
    context.lineWidth = 1;
    context.beginPath();
    for (const i of errors) {
      const [x, y] = [this.x(game.points[2 * i]), this.y(game.points[2 * i + 1])];
      context.moveTo(x + 4.5, y);
      context.arc(x, y, 4.5, 0, 2 * Math.PI);
    }
    context.stroke();
  }

  drawCursor([x, y]) {
    const { context } = this, [left, top] = [this.x(x), this.y(y)];
    context.strokeStyle = this.colours.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[9, 0], [-9, 0], [0, 9], [0, -9]]) {
      context.moveTo(left + dx, top + dy);
      context.lineTo(left + dx / 3, top + dy / 3);
    }
    context.stroke();
  }
}

// --- Curves --------------------------------------------------------------------------------------------------------------

const MOST_MARKS = 360;

/** What is drawn over the run: rows of numbers at even distances; when there are too many, pairs become one. */
export class History {
  constructor(stride) {
    Object.assign(this, { stride, rows: [] });
  }

  add(row) {
    this.rows.push(row);
    if (this.rows.length < MOST_MARKS) return;
    const mean = (a, b) => a.map((value, i) => (value + b[i]) / 2);
    this.rows = Array.from({ length: MOST_MARKS / 2 }, (_, i) => mean(this.rows[2 * i], this.rows[2 * i + 1]));
    this.stride *= 2;
  }
}

/** Draw columns of a history as lines: `lines` is [[column, colour], …]; `level` a dotted line to compare with. */
export function drawCurves(canvas, history, lines, { least = 0, most, level, shade }) {
  const { context, width, height } = fitCanvas(canvas);
  const values = history.rows.flatMap((row) => lines.map(([column]) => row[column])).filter(Number.isFinite);
  const low = Math.min(least, ...values), high = Math.max(most, ...values), left = 30, bottom = height - 16;
  const y = (value) => bottom - (bottom - 6) * (value - low) / (high - low || 1);
  const places = Math.max(history.rows.length, 40);
  const x = (index) => left + (width - left - 4) * (index + 1) / places;
  const brief = (value) => (Math.abs(value) >= 100 ? value.toPrecision(2) : String(Math.round(value * 10) / 10));
  drawAxes(context, {
    left, right: width - 4, bottom, height, colour: shade.muted, high: brief(high), low: brief(low),
    last: String(places * history.stride), level: level === undefined ? level : y(level),
  });
  context.lineWidth = 1.6;
  for (const [column, colour] of lines) {
    context.strokeStyle = colour;
    context.beginPath();
    history.rows.forEach((row, i) => Number.isFinite(row[column]) && context.lineTo(x(i), y(row[column])));
    context.stroke();
  }
}

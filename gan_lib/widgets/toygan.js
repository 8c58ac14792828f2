// A GAN on the plane, in plain arithmetic: two players of two hidden layers, their losses, gradients and optimisers.
// It computes what gan_lib/toy.py, losses.py and theory.py compute with PyTorch, in float64, and touches no page.

// --- Chance ---------------------------------------------------------------------------------------------------

/** A seeded source of random numbers: `uniform()` in [0, 1) and `normal()`. (sfc32; Box and Muller.) */
export function randomSource(seed) {
  let a = 0x9e3779b9, b = 0x243f6a88, c = 0xb7e15162, d = (seed >>> 0) ^ 0xdeadbeef, spare = null;
  function uniform() {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return (t >>> 0) / 4294967296;
  }
  function normal() {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform())), angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
  for (let i = 0; i < 16; i++) uniform();
  return { uniform, normal };
}

// --- Distributions of real points ---------------------------------------------------------------------------------

function heaps(modes, spread) {
  const draw = (source) => {
    const [x, y] = modes[Math.floor(source.uniform() * modes.length)];
    return [x + spread * source.normal(), y + spread * source.normal()];
  };
  return { modes, spread, draw };
}

function curve(points, spread) {
  const draw = (source) => {
    const [x, y] = points(source.uniform());
    return [x + spread * source.normal(), y + spread * source.normal()];
  };
  return { modes: null, spread, draw };
}

function moon(t) {
  const side = t < 0.5 ? 1 : -1, angle = 2 * Math.PI * (t % 0.5);
  return [1.5 * Math.cos(angle) - 0.75 * side, side * (1.5 * Math.sin(angle) - 0.45)];
}

function arm(t) {
  const radius = Math.sqrt(0.01 + 0.99 * t), angle = 3 * Math.PI * radius;
  return [2 * radius * Math.cos(angle), 2 * radius * Math.sin(angle)];
}

const EIGHT = Array.from({ length: 8 }, (_, i) => [2 * Math.cos(i * Math.PI / 4), 2 * Math.sin(i * Math.PI / 4)]);
const LATTICE = Array.from({ length: 25 }, (_, i) => [Math.floor(i / 5) - 2, (i % 5) - 2]);
const DISTRIBUTIONS = {
  ring: heaps(EIGHT, 0.1),
  grid: heaps(LATTICE, 0.05),
  moons: curve(moon, 0.08),
  spiral: curve(arm, 0.05),
  gaussian: heaps([[1, -0.5]], 0.5),
};

/** The distribution of a name; "own" is spread over the points that somebody drew. */
export function distribution(name, points = []) {
  if (name !== "own") return DISTRIBUTIONS[name];
  return { ...heaps(points.length ? points : [[0, 0]], 0.04), modes: null };
}

/** Fill `out`, pairs of numbers, with points of a distribution. */
export function samplePoints(from, source, out) {
  for (let i = 0; i < out.length; i += 2) {
    const [x, y] = from.draw(source);
    out[i] = x;
    out[i + 1] = y;
  }
  return out;
}

export function sampleNoise(source, out) {
  for (let i = 0; i < out.length; i++) out[i] = source.normal();
  return out;
}

// --- A network of two hidden layers ----------------------------------------------------------------------------------

const LEAK = 0.2; // slope of the leaky ReLU below zero

/** Weights of dense layers 2 → width → width → out in one array, in PyTorch's order, and where each layer begins. */
export function makeNet(width, out, source) {
  const layers = [];
  let size = 0;
  for (const [from, to] of [[2, width], [width, width], [width, out]]) {
    layers.push({ from, to, w: size, b: size + from * to });
    size += from * to + to;
  }
  const net = { width, out, layers, weights: new Float64Array(size) };
  for (const { from, to, w } of layers) {
    const bound = 1 / Math.sqrt(from); // PyTorch's start
    for (let i = w; i < w + from * to + to; i++) net.weights[i] = bound * (2 * source.uniform() - 1);
  }
  return net;
}

/** What one pass of up to `rows` points through a net leaves behind. */
export function makeTape(net, rows) {
  const array = (columns) => new Float64Array(rows * columns);
  const { width, out } = net;
  return { h1: array(width), h2: array(width), y: array(out), u1: array(width), u2: array(width), dx: array(2) };
}

/** y = W x (+ bias) for each row; four outputs at a time, since sums that do not wait for each other run together. */
function dense(weights, layer, x, y, rows, bias = true) {
  const { from, to, w, b } = layer, whole = to - (to % 4);
  for (let r = 0; r < rows; r++) {
    const xr = r * from, yr = r * to;
    for (let o = 0; o < whole; o += 4) {
      const w0 = w + o * from, w1 = w0 + from, w2 = w1 + from, w3 = w2 + from;
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let i = 0; i < from; i++) {
        const v = x[xr + i];
        s0 += weights[w0 + i] * v;
        s1 += weights[w1 + i] * v;
        s2 += weights[w2 + i] * v;
        s3 += weights[w3 + i] * v;
      }
      y[yr + o] = bias ? s0 + weights[b + o] : s0;
      y[yr + o + 1] = bias ? s1 + weights[b + o + 1] : s1;
      y[yr + o + 2] = bias ? s2 + weights[b + o + 2] : s2;
      y[yr + o + 3] = bias ? s3 + weights[b + o + 3] : s3;
    }
    for (let o = whole; o < to; o++) {
      let s = bias ? weights[b + o] : 0;
      for (let i = 0; i < from; i++) s += weights[w + o * from + i] * x[xr + i];
      y[yr + o] = s;
    }
  }
}

/** dx = Wᵀ du for each row. */
function denseBack(weights, layer, du, dx, rows) {
  const { from, to, w } = layer, whole = from - (from % 4);
  for (let r = 0; r < rows; r++) {
    const ur = r * to, xr = r * from;
    for (let i = 0; i < whole; i += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let o = 0, at = w + i; o < to; o++, at += from) {
        const u = du[ur + o];
        s0 += weights[at] * u;
        s1 += weights[at + 1] * u;
        s2 += weights[at + 2] * u;
        s3 += weights[at + 3] * u;
      }
      dx[xr + i] = s0;
      dx[xr + i + 1] = s1;
      dx[xr + i + 2] = s2;
      dx[xr + i + 3] = s3;
    }
    for (let i = whole; i < from; i++) {
      let s = 0;
      for (let o = 0; o < to; o++) s += weights[w + o * from + i] * du[ur + o];
      dx[xr + i] = s;
    }
  }
}

/** gradient of W = Σ over rows of du ⊗ x. */
function outer(gradient, layer, du, x, rows) {
  const { from, to, w } = layer, whole = from - (from % 4);
  if (from === 2) return outerOfPairs(gradient, layer, du, x, rows);
  for (let o = 0; o < to; o++) {
    for (let i = 0; i < whole; i += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let r = 0, ur = o, xr = i; r < rows; r++, ur += to, xr += from) {
        const u = du[ur];
        s0 += u * x[xr];
        s1 += u * x[xr + 1];
        s2 += u * x[xr + 2];
        s3 += u * x[xr + 3];
      }
      const at = w + o * from + i;
      gradient[at] = s0;
      gradient[at + 1] = s1;
      gradient[at + 2] = s2;
      gradient[at + 3] = s3;
    }
    for (let i = whole; i < from; i++) {
      let s = 0;
      for (let r = 0; r < rows; r++) s += du[r * to + o] * x[r * from + i];
      gradient[w + o * from + i] = s;
    }
  }
}

/** The same for the layer that takes points, x of two columns. */
function outerOfPairs(gradient, { to, w }, du, x, rows) {
  gradient.fill(0, w, w + 2 * to);
  for (let r = 0, ur = 0; r < rows; r++) {
    const x0 = x[2 * r], x1 = x[2 * r + 1];
    for (let at = w; at < w + 2 * to; at += 2, ur++) {
      gradient[at] += du[ur] * x0;
      gradient[at + 1] += du[ur] * x1;
    }
  }
}

/** gradient of the bias = Σ over rows of du, each row weighted by `scale` where it is given. */
function biasSum(gradient, layer, du, rows, scale) {
  const { to, b } = layer;
  for (let o = 0; o < to; o++) gradient[b + o] = 0;
  for (let r = 0; r < rows; r++) {
    const factor = scale ? scale[r] : 1;
    for (let o = 0; o < to; o++) gradient[b + o] += factor * du[r * to + o];
  }
}

/** The leaky ReLU, without a branch: signs cannot be foreseen, and a processor that guesses wrong waits. */
function leak(values, count) {
  for (let i = 0; i < count; i++) values[i] = Math.max(values[i], LEAK * values[i]);
}

const SLOPES = Float64Array.of(LEAK, 1);

/** Multiply by the slope of the leaky ReLU, which the sign of its output tells. */
function gate(values, activations, count) {
  for (let i = 0; i < count; i++) values[i] *= SLOPES[(activations[i] > 0) | 0];
}

/** Send `rows` points x through a net; the answer is `tape.y`. */
export function forward(net, x, tape, rows) {
  const [first, second, third] = net.layers;
  dense(net.weights, first, x, tape.h1, rows);
  leak(tape.h1, rows * net.width);
  dense(net.weights, second, tape.h1, tape.h2, rows);
  leak(tape.h2, rows * net.width);
  dense(net.weights, third, tape.h2, tape.y, rows);
  return tape.y;
}

/** Send gradients with respect to the answers back through the net; `tape.dx` is the one with respect to the points. */
export function backward(net, dy, tape, rows) {
  const [first, second, third] = net.layers;
  denseBack(net.weights, third, dy, tape.u2, rows);
  gate(tape.u2, tape.h2, rows * net.width);
  denseBack(net.weights, second, tape.u2, tape.u1, rows);
  gate(tape.u1, tape.h1, rows * net.width);
  denseBack(net.weights, first, tape.u1, tape.dx, rows);
  return tape.dx;
}

/** After `forward` and `backward`: the gradient of Σ loss with respect to all weights. */
export function weightGradient(net, x, dy, tape, gradient, rows) {
  const [first, second, third] = net.layers;
  [[first, tape.u1, x], [second, tape.u2, tape.h1], [third, dy, tape.h2]].forEach(([layer, du, input]) => {
    outer(gradient, layer, du, input, rows);
    biasSum(gradient, layer, du, rows);
  });
  return gradient;
}

/**
 * After `forward` and `backward` with dy = 1: the gradient of Σ c·y + Σ ½ k ‖∇y‖², the penalty differentiated exactly.
 *
 * The slope at a point is g = W₁ᵀ u₁ with u₁ = s₁ ∘ W₂ᵀ u₂ and u₂ = s₂ ∘ W₃ᵀ, where the gates s do not change under a
 * small step. So q = k g travels forward through the same gates, v₁ = s₁ ∘ W₁ q and v₂ = s₂ ∘ W₂ v₁, and the penalty adds
 * u₁ ⊗ q, u₂ ⊗ v₁ and v₂ to the gradients c u₁ ⊗ x, c u₂ ⊗ h₁ and c h₂ of the logits themselves.
 */
export function criticGradient(net, x, scale, weight, tape, work, gradient, rows) {
  const { layers: [first, second, third], weights, width } = net, { q, v1, v2, ones } = work;
  const penalised = weight.some((k) => k > 0);
  if (penalised) {
    for (let i = 0; i < 2 * rows; i++) q[i] = weight[i >> 1] * tape.dx[i];
    dense(weights, first, q, v1, rows, false);
    gate(v1, tape.h1, rows * width);
    dense(weights, second, v1, v2, rows, false);
    gate(v2, tape.h2, rows * width);
  }
  mix(q, x, scale, 2, rows, penalised);
  mix(v1, tape.h1, scale, width, rows, penalised);
  mix(v2, tape.h2, scale, width, rows, penalised);
  [[first, tape.u1, q], [second, tape.u2, v1], [third, ones, v2]].forEach(([layer, du, input]) => {
    outer(gradient, layer, du, input, rows);
    biasSum(gradient, layer, du, rows, scale);
  });
  return gradient;
}

/** into = scale · values (+ into, if it is kept), row by row. */
function mix(into, values, scale, columns, rows, keep) {
  for (let r = 0, i = 0; r < rows; r++) {
    const factor = scale[r];
    for (let column = 0; column < columns; column++, i++) into[i] = factor * values[i] + (keep ? into[i] : 0);
  }
}

// --- Objectives: the formulas of losses.py. Each fills the derivatives by every logit and gives the loss. ---------------

const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
export const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** A loss E a(real) + E b(fake): both parts and their slopes. */
const separate = (a, da, b, db) => (real, fake, dReal, dFake, n) => {
  let loss = 0;
  for (let i = 0; i < n; i++) {
    loss += a(real[i]) + b(fake[i]);
    dReal[i] = da(real[i]) / n;
    dFake[i] = db(fake[i]) / n;
  }
  return loss / n;
};

/** A loss E b(fake). */
const fakeOnly = (b, db) => (real, fake, dFake, n) => {
  let loss = 0;
  for (let i = 0; i < n; i++) {
    loss += b(fake[i]);
    dFake[i] = db(fake[i]) / n;
  }
  return loss / n;
};

const crossEntropy = separate(
  (r) => softplus(-r) / 2, (r) => -sigmoid(-r) / 2, (f) => softplus(f) / 2, (f) => sigmoid(f) / 2);
const critic = fakeOnly((f) => -f, () => -1);

export const OBJECTIVES = {
  "minimax": { discriminator: crossEntropy, generator: fakeOnly((f) => -softplus(f), (f) => -sigmoid(f)), middle: 0 },
  "non-saturating": {
    discriminator: crossEntropy, generator: fakeOnly((f) => softplus(-f), (f) => -sigmoid(-f)), middle: 0 },
  "least-squares": {
    discriminator: separate((r) => (r - 1) ** 2 / 2, (r) => r - 1, (f) => f * f / 2, (f) => f),
    generator: fakeOnly((f) => (f - 1) ** 2 / 2, (f) => f - 1),
    middle: 0.5,
  },
  "hinge": {
    discriminator: separate(
      (r) => Math.max(0, 1 - r), (r) => (r < 1 ? -1 : 0), (f) => Math.max(0, 1 + f), (f) => (f > -1 ? 1 : 0)),
    generator: critic,
    middle: 0,
  },
  "wasserstein": {
    discriminator: separate((r) => -r, () => -1, (f) => f, () => 1), generator: critic, middle: null },
  "relativistic": { discriminator: relativisticDiscriminator, generator: relativisticGenerator, middle: null, pairs: true },
};

function relativisticDiscriminator(real, fake, dReal, dFake, n) {
  let loss = 0;
  for (let i = 0; i < n; i++) {
    loss += softplus(fake[i] - real[i]);
    dFake[i] = sigmoid(fake[i] - real[i]) / n;
    dReal[i] = -dFake[i];
  }
  return loss / n;
}

function relativisticGenerator(real, fake, dFake, n) {
  let loss = 0;
  for (let i = 0; i < n; i++) {
    loss += softplus(real[i] - fake[i]);
    dFake[i] = -sigmoid(real[i] - fake[i]) / n;
  }
  return loss / n;
}

// --- Optimisers ------------------------------------------------------------------------------------------------------

export const OPTIMIZERS = {
  sgd: () => (weights, gradient, rate) => {
    for (let i = 0; i < weights.length; i++) weights[i] -= rate * gradient[i];
  },
  momentum: (size) => {
    const speed = new Float64Array(size);
    return (weights, gradient, rate) => {
      for (let i = 0; i < size; i++) {
        speed[i] = 0.9 * speed[i] + gradient[i];
        weights[i] -= rate * speed[i];
      }
    };
  },
  adam: (size) => {
    const first = new Float64Array(size), second = new Float64Array(size), b1 = 0.5, b2 = 0.99;
    let step = 0;
    return (weights, gradient, rate) => {
      step += 1;
      const size1 = rate / (1 - b1 ** step), size2 = Math.sqrt(1 - b2 ** step);
      for (let i = 0; i < size; i++) {
        first[i] = b1 * first[i] + (1 - b1) * gradient[i];
        second[i] = b2 * second[i] + (1 - b2) * gradient[i] * gradient[i];
        weights[i] -= size1 * first[i] / (Math.sqrt(second[i]) / size2 + 1e-8);
      }
    };
  },
};

// --- The game ----------------------------------------------------------------------------------------------------------

/** The eight phases of a step, in order; methods of `Game`. */
export const PHASES = ["noise", "generate", "judge", "dGradient", "dUpdate", "judgeAgain", "gGradient", "gUpdate"];

/** Two players, and the phases of a step. `settings` may change between phases; a new width or seed needs a new game. */
export class Game {
  constructor(settings) {
    this.settings = settings;
    this.source = randomSource(settings.seed);
    this.generator = makeNet(settings.width, 2, this.source);
    this.discriminator = makeNet(settings.width, 1, this.source);
    this.from = distribution(settings.data, settings.points);
    const n = (this.n = settings.batchSize ?? 128);
    this.latents = new Float64Array(2 * n);
    this.points = new Float64Array(4 * n); // generated ones, then real ones
    this.fake = this.points.subarray(0, 2 * n);
    this.real = this.points.subarray(2 * n);
    this.gTape = makeTape(this.generator, n);
    this.dTape = makeTape(this.discriminator, 2 * n);
    this.logits = this.dTape.y;
    this.fakeLogits = this.logits.subarray(0, n);
    this.realLogits = this.logits.subarray(n);
    const array = (columns) => new Float64Array(2 * n * columns);
    this.work = { q: array(2), v1: array(settings.width), v2: array(settings.width), ones: array(1).fill(1) };
    this.slopes = array(1); // of the loss by each logit
    this.penalties = array(1);
    this.dGradientNow = new Float64Array(this.discriminator.weights.length);
    this.gGradientNow = new Float64Array(this.generator.weights.length);
    this.restartOptimizers();
    Object.assign(this, { steps: 0, phase: 0, round: 0, dLoss: NaN, gLoss: NaN, penalty: 0 });
  }

  restartOptimizers() {
    const make = OPTIMIZERS[this.settings.optimizer];
    this.moveD = make(this.discriminator.weights.length);
    this.moveG = make(this.generator.weights.length);
  }

  /** Run the phase that is due and give its name. D's five phases come `dSteps` times before G's three. */
  advance() {
    const done = PHASES[this.phase];
    this[done]();
    if (done === "dUpdate" && ++this.round < this.settings.dSteps) this.phase = 0;
    else this.phase = (this.phase + 1) % PHASES.length;
    if (this.phase === 5 || done === "gUpdate") this.round = 0;
    if (done === "gUpdate") this.steps += 1;
    return done;
  }

  /** Run phases up to the end of the step. */
  step() {
    do this.advance(); while (this.phase !== 0 || this.round !== 0);
  }

  noise() {
    samplePoints(this.from, this.source, this.real);
    sampleNoise(this.source, this.latents);
  }

  generate() {
    this.fake.set(forward(this.generator, this.latents, this.gTape, this.n));
  }

  judge() {
    forward(this.discriminator, this.points, this.dTape, 2 * this.n);
    this.dLoss = this.dLossNow();
  }

  /** D's loss at the logits of now, penalties left out; fills `slopes`. */
  dLossNow() {
    const { n, slopes } = this, { discriminator } = OBJECTIVES[this.settings.objective];
    return discriminator(this.realLogits, this.fakeLogits, slopes.subarray(n), slopes.subarray(0, n), n);
  }

  /** Which points D takes for the other kind, by their place in `points`. */
  errors() {
    const { n, logits } = this, { middle } = OBJECTIVES[this.settings.objective];
    const border = middle ?? logits.reduce((sum, logit) => sum + logit, 0) / (2 * n);
    return Array.from({ length: 2 * n }, (_, i) => i).filter((i) => (logits[i] > border) === (i < n));
  }

  dGradient() {
    const { n, settings, dTape } = this;
    backward(this.discriminator, this.work.ones, dTape, 2 * n);
    this.penalties.fill(settings.r2 / n, 0, n).fill(settings.r1 / n, n);
    this.penalty = 0;
    for (let i = 0; i < 4 * n; i++) this.penalty += this.penalties[i >> 1] * dTape.dx[i] ** 2 / 2;
    criticGradient(
      this.discriminator, this.points, this.slopes, this.penalties, dTape, this.work, this.dGradientNow, 2 * n);
  }

  dUpdate() {
    this.moveD(this.discriminator.weights, this.dGradientNow, this.settings.dLearningRate);
  }

  judgeAgain() {
    const goal = OBJECTIVES[this.settings.objective];
    forward(this.discriminator, this.points, this.dTape, goal.pairs || this.watched ? 2 * this.n : this.n);
    this.gLoss = goal.generator(this.realLogits, this.fakeLogits, this.slopes, this.n);
  }

  gGradient() {
    const toPoints = backward(this.discriminator, this.slopes, this.dTape, this.n);
    backward(this.generator, toPoints, this.gTape, this.n);
    weightGradient(this.generator, this.latents, toPoints, this.gTape, this.gGradientNow, this.n);
  }

  gUpdate() {
    this.moveG(this.generator.weights, this.gGradientNow, this.settings.gLearningRate);
  }
}

// --- Measures ----------------------------------------------------------------------------------------------------------

const LIMIT = 3, BINS = 30; // of the grid for densities: cells of 0.2, and one more for all that is outside

/** Shares of points in the cells of a grid over [−3, 3]², and outside of it. */
export function histogram(points) {
  const shares = new Float64Array(BINS * BINS + 1), share = 2 / points.length;
  for (let i = 0; i < points.length; i += 2) {
    const column = Math.floor((points[i] + LIMIT) / (2 * LIMIT) * BINS);
    const row = Math.floor((points[i + 1] + LIMIT) / (2 * LIMIT) * BINS);
    const inside = column >= 0 && column < BINS && row >= 0 && row < BINS;
    shares[inside ? row * BINS + column : BINS * BINS] += share;
  }
  return shares;
}

/** Jensen-Shannon divergence of two histograms in nats: 0 (equal) to log 2 (no overlap). */
export function jensenShannon(p, q) {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const middle = (p[i] + q[i]) / 2;
    if (p[i] > 0) sum += p[i] * Math.log(p[i] / middle);
    if (q[i] > 0) sum += q[i] * Math.log(q[i] / middle);
  }
  return sum / 2;
}

/** Modes covered, and the share of points near one; as `gan_lib.toy.coverage`. Null where there are no modes. */
export function coverage(points, { modes, spread }, reach = 3, least = 0.1) {
  if (!modes) return null;
  const counts = new Array(modes.length).fill(0), fair = points.length / 2 / modes.length;
  let near = 0;
  for (let i = 0; i < points.length; i += 2) {
    let best = Infinity, which = 0;
    for (let k = 0; k < modes.length; k++) {
      const distance = (points[i] - modes[k][0]) ** 2 + (points[i + 1] - modes[k][1]) ** 2;
      if (distance < best) [best, which] = [distance, k];
    }
    if (best <= (reach * spread) ** 2) {
      counts[which] += 1;
      near += 1;
    }
  }
  return { covered: counts.filter((count) => count >= least * fair).length, quality: 2 * near / points.length, counts };
}

// gan_lib.networks.ModernGenerator in the browser: from a latent and a file of weights to a picture.
//
// All numbers lie in one array of float32, pictures with the channels of a pixel side by side, in eights. Nearly all of
// the work is convolutions. A function of WebAssembly does them with four numbers to an instruction; where a page's
// policy forbids it (it asks for 'wasm-unsafe-eval'), `plainConv` does the same, some ten times as slowly.

const SLOPE = 0.2; // of the leaky ReLU below zero
const EIGHT = 8;
const START = 4; // pixels to a side in the first stage
const PAGE = 65536; // bytes, the unit of WebAssembly's memory

// --- The file of weights ---------------------------------------------------------------------------------------

/** The value of sixteen bits as a float16. */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

/** Float16 numbers in float32, by a table of all that there are. */
function widened(numbers, table) {
  const result = new Float32Array(numbers.length);
  for (let i = 0; i < result.length; i++) result[i] = table[numbers[i]];
  return result;
}

const READERS = {
  F16: (buffer) => new Uint16Array(buffer),
  F32: (buffer) => new Float32Array(buffer),
};

/** Read a safetensors file (an ArrayBuffer): by name, the shape of each tensor and its values in float32. */
export function readSafetensors(buffer) {
  const bytes = buffer.byteLength, header = bytes < 8 ? NaN : Number(new DataView(buffer).getBigUint64(0, true));
  if (!(header <= bytes - 8)) throw new Error("the file of weights is cut off");
  const table = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
  const notes = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, header))), tensors = {};
  for (const [name, { dtype, shape, data_offsets: place }] of Object.entries(notes)) {
    if (name === "__metadata__") continue;
    if (!READERS[dtype]) throw new Error(`${name} holds ${dtype}; F16 and F32 can be read`);
    const [from, to] = place.map((offset) => 8 + header + offset);
    if (to > bytes) throw new Error("the file of weights is cut off");
    const values = READERS[dtype](buffer.slice(from, to));
    tensors[name] = { shape, values: dtype === "F16" ? widened(values, table) : values };
  }
  return tensors;
}

// --- Convolutions ----------------------------------------------------------------------------------------------

/** The bytes that kernel.wat becomes; it says how. */
const KERNEL =
  "AGFzbQEAAAABGQJgDX9/f39/f39/f39/fX8AYAV/f3t7ewACDgECanMGbWVtb3J5AgABAwMCAAEHCAEEY29udgAACr8EAu4DAgp/" +
  "C3sgBkECdCEGIAdBAnQhEkEIIAYgCCAIbGxsIRYDQEEAIQ4DQEEAIQ8DQCADIA1BAnQgDiAKbCAPIBJsampqIREgAv0ABAAhFyAC" +
  "/QAEECEYIBchGiAYIRsgFyEcIBghHSAXIR4gGCEfIBchICAYISEgASEVQQAhEANAIAAgDiAQaiAJbCAPIAZsamohEyATIAggBmxq" +
  "IRQDQCAV/QAEACEXIBX9AAQQIRggE/0JAgAhGSAaIBkgF/3mAf3kASEaIBsgGSAY/eYB/eQBIRsgEyAGav0JAgAhGSAcIBkgF/3m" +
  "Af3kASEcIB0gGSAY/eYB/eQBIR0gEyAGQQF0av0JAgAhGSAeIBkgF/3mAf3kASEeIB8gGSAY/eYB/eQBIR8gEyAGQQNsav0JAgAh" +
  "GSAgIBkgF/3mAf3kASEgICEgGSAY/eYB/eQBISEgFUEgaiEVIBNBBGoiEyAUSQ0ACyAQQQFqIhAgCEkNAAsgC/0TIRkgESAMIBkg" +
  "GiAbEAEgESASaiERIBEgDCAZIBwgHRABIBEgEmohESARIAwgGSAeIB8QASARIBJqIREgESAMIBkgICAhEAEgD0EEaiIPIAVJDQAL" +
  "IA5BAWoiDiAESQ0ACyABIBZqIQEgAkEgaiECIA1BCGoiDSAHSQ0ACwtNACADIAMgAv3mAf3pASEDIAQgBCAC/eYB/ekBIQQgAQRA" +
  "IAMgAP0ABAD95AEhAyAEIAD9AAQQ/eQBIQQLIAAgA/0LBAAgACAE/QsEEAs=";

/**
 * A convolution of 1×1 or 3×3 over pictures in `numbers`, as the function in kernel.wat: addresses and the lengths of
 * rows are in bytes. Weights lie by eight channels out, then tap, then channel in, then which of the eight.
 */
function plainConv(numbers, x, w, b, y, height, width, k, n, taps, xrow, yrow, slope, adds) {
  const sums = new Float64Array(EIGHT), block = (taps * taps * k * EIGHT) | 0;
  for (let o = 0; o < n; o += 2) {
    const weights = (w >> 2) + (o >> 3) * block + o % EIGHT, bias = (b >> 2) + o;
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c += 4) {
        let a0 = numbers[bias], a1 = numbers[bias + 1], wi = weights;
        let b0 = a0, b1 = a1, c0 = a0, c1 = a1, d0 = a0, d1 = a1;
        for (let t = 0; t < taps; t++) {
          let xa = (x >> 2) + (r + t) * (xrow >> 2) + c * k;
          for (const end = xa + taps * k; xa < end; xa++) {
            const w0 = numbers[wi], w1 = numbers[wi + 1];
            const va = numbers[xa], vb = numbers[xa + k], vc = numbers[xa + 2 * k], vd = numbers[xa + 3 * k];
            a0 += w0 * va;
            a1 += w1 * va;
            b0 += w0 * vb;
            b1 += w1 * vb;
            c0 += w0 * vc;
            c1 += w1 * vc;
            d0 += w0 * vd;
            d1 += w1 * vd;
            wi += EIGHT;
          }
        }
        const at = (y >> 2) + r * (yrow >> 2) + c * n + o;
        sums[0] = a0;
        sums[1] = a1;
        sums[2] = b0;
        sums[3] = b1;
        sums[4] = c0;
        sums[5] = c1;
        sums[6] = d0;
        sums[7] = d1;
        for (let i = 0; i < EIGHT; i++) {
          const sum = sums[i], place = at + (i >> 1) * n + (i & 1);
          numbers[place] = (sum > 0 ? sum : slope * sum) + (adds ? numbers[place] : 0);
        }
      }
    }
  }
}

/** An array of `count` numbers and a function that convolves within it: WebAssembly's if it may, else the plain one. */
function workshop(count, plain) {
  try {
    if (plain) throw new Error("WebAssembly is not wanted");
    const memory = new WebAssembly.Memory({ initial: Math.ceil(4 * count / PAGE) });
    const module = new WebAssembly.Module(Uint8Array.from(atob(KERNEL), (letter) => letter.charCodeAt(0)));
    const { conv } = new WebAssembly.Instance(module, { js: { memory } }).exports;
    return { numbers: new Float32Array(memory.buffer), conv, fast: true };
  } catch {
    const numbers = new Float32Array(count);
    return { numbers, conv: (...places) => plainConv(numbers, ...places), fast: false };
  }
}

/** Twice as many pixels each way, bilinearly: three quarters of the nearer one, one of the farther. */
function double(numbers, from, to) {
  const { size, channels } = from, near = (i) => i >> 1;
  const far = (i) => Math.min(size - 1, Math.max(0, near(i) + (i & 1 ? 1 : -1)));
  for (let r = 0; r < 2 * size; r++) {
    const above = from.at + near(r) * from.row, below = from.at + far(r) * from.row;
    for (let c = 0; c < 2 * size; c++) {
      const left = near(c) * channels, right = far(c) * channels, at = to.at + r * to.row + c * channels;
      for (let i = 0; i < channels; i++) {
        numbers[at + i] = 0.5625 * numbers[above + left + i] + 0.1875 * numbers[above + right + i]
          + 0.1875 * numbers[below + left + i] + 0.0625 * numbers[below + right + i];
      }
    }
  }
}

// --- The network -----------------------------------------------------------------------------------------------

/** Room for what a network needs: weights and pictures get their places, in numbers from the array's beginning. */
class Plan {
  end = 0;
  weights = [];
  steps = [];

  constructor(tensors) {
    this.tensors = tensors;
  }

  room(count) {
    const at = this.end;
    this.end += Math.ceil(count / 16) * 16;
    return at;
  }

  put(values) {
    const at = this.room(values.length);
    this.weights.push([at, values]);
    return at;
  }

  tensor(name) {
    if (!this.tensors[name]) throw new Error(`the file of weights has no ${name}; it is not a ModernGenerator's`);
    return this.tensors[name];
  }

  has(name) {
    return name in this.tensors;
  }

  /** A picture of size × size pixels, with a rim of zeros where 3×3 will look beyond its edge. */
  picture(size, wanted, rim = 0) {
    const channels = Math.ceil(wanted / EIGHT) * EIGHT, row = (size + 2 * rim) * channels;
    const at = this.room((size + 2 * rim) * row);
    return { at, size, channels, row, inner: at + rim * (row + channels) };
  }

  /** Convolve `from` into `to` with the weights of this name. */
  conv(name, from, to, { slope = 1, adds = false } = {}) {
    const { shape: [n, k, taps], values } = this.tensor(`${name}.weight`), whole = new Float32Array(to.channels);
    if (k > from.channels || n > to.channels) throw new Error(`${name} does not fit its neighbours`);
    if (this.has(`${name}.bias`)) whole.set(this.tensor(`${name}.bias`).values);
    const w = this.put(packed(values, n, k, taps, from.channels, to.channels)), b = this.put(whole);
    const places = [from.at, w, b, to.inner].map((at) => 4 * at), rows = [4 * from.row, 4 * to.row];
    const numbers = [...places, to.size, to.size, from.channels, to.channels, taps, ...rows, slope, Number(adds)];
    this.steps.push(({ conv }) => conv(...numbers));
  }

  double(from, to) {
    this.steps.push(({ numbers }) => double(numbers, from, to));
  }
}

/** PyTorch's weights (n, k, taps, taps) in the order that the convolutions read them, filled up with zeros. */
function packed(values, n, k, taps, channelsIn, channelsOut) {
  const square = taps * taps, result = new Float32Array(channelsOut * channelsIn * square);
  for (let o = 0; o < n; o++) {
    for (let i = 0; i < k; i++) {
      for (let t = 0; t < square; t++) {
        const eights = ((o - o % EIGHT) / EIGHT * square + t) * channelsIn + i;
        result[eights * EIGHT + o % EIGHT] = values[(o * k + i) * square + t];
      }
    }
  }
  return result;
}

/** A ModernGenerator of any channels and blocks; what it has it tells by the shapes of its weights. */
export class Generator {
  /** `tensors` as `readSafetensors` gives them; `plain` does without WebAssembly. */
  constructor(tensors, { plain = false } = {}) {
    const plan = new Plan(tensors);
    this.latentSize = plan.tensor("dense.weight").shape[1];
    this.first = plan.picture(START, this.#width(plan, 0));
    this.last = this.#stages(plan);
    Object.assign(this, workshop(plan.end, plain), { size: this.last.size, steps: plan.steps });
    for (const [at, values] of plan.weights) this.numbers.set(values, at);
    this.dense = { weight: plan.tensor("dense.weight").values, bias: plan.tensor("dense.bias").values };
  }

  #width(plan, stage) {
    return plan.tensor(`stages.${stage}.0.narrow.weight`).shape[1];
  }

  /** Plan all after the dense layer; gives the picture of the colours. */
  #stages(plan) {
    let x = this.first;
    for (let i = 0; ; i++) {
      this.#blocks(plan, i, x);
      if (!plan.has(`changes.${i}.weight`)) break;
      const small = plan.picture(x.size, this.#width(plan, i + 1)), next = plan.picture(2 * x.size, small.channels);
      plan.conv(`changes.${i}`, x, small);
      plan.double(small, next);
      x = next;
    }
    const colours = plan.picture(x.size, 3);
    plan.conv("colours", x, colours);
    return colours;
  }

  /** The residual blocks of a stage: x + widen(look(narrow(x))). */
  #blocks(plan, stage, x) {
    const middle = plan.tensor(`stages.${stage}.0.narrow.weight`).shape[0];
    const narrow = plan.picture(x.size, middle, 1), looked = plan.picture(x.size, middle);
    for (let j = 0; plan.has(`stages.${stage}.${j}.narrow.weight`); j++) {
      const name = `stages.${stage}.${j}`;
      plan.conv(`${name}.narrow`, x, narrow, { slope: SLOPE });
      plan.conv(`${name}.look`, narrow, looked, { slope: SLOPE });
      plan.conv(`${name}.widen`, looked, x, { adds: true });
    }
  }

  /** Draw the face of a latent: size × size pixels of red, green, blue and opacity, 0 to 255. */
  draw(latent) {
    this.#begin(latent);
    for (const step of this.steps) step(this);
    return this.#pixels();
  }

  /** The dense layer; its outputs come channel by channel, the picture wants them pixel by pixel. */
  #begin(latent) {
    const { numbers, first, latentSize } = this, { weight, bias } = this.dense, pixels = START * START;
    for (let row = 0; row < bias.length; row++) {
      let sum = bias[row];
      for (let i = 0, w = row * latentSize; i < latentSize; i++) sum += weight[w + i] * latent[i];
      numbers[first.at + (row % pixels) * first.channels + Math.floor(row / pixels)] = sum;
    }
  }

  #pixels() {
    const { numbers, size, last } = this, pixels = new Uint8ClampedArray(4 * size * size).fill(255);
    for (let p = 0; p < size * size; p++) {
      for (let c = 0; c < 3; c++) pixels[4 * p + c] = 127.5 * (Math.tanh(numbers[last.at + p * last.channels + c]) + 1);
    }
    return pixels;
  }
}

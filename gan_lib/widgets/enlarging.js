// The arithmetic of the upsampling widget, as upsampling.py has it in PyTorch.
// Images and kernels are squares: lists of rows. `stride` is how many times as large the result is.

const square = (size, value) => Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => value(i, j)));

export const SIDE = 12;

/** A small picture by name; `face` is the one to use for "face". */
export function smallPicture(name, face) {
  if (name === "face") return face;
  const middle = SIDE / 2, values = {
    flat: () => 0.5,
    one: (i, j) => (i === middle && j === middle ? 1 : 0),
    slope: (i, j) => 0.1 + 0.8 * j / (SIDE - 1),
  };
  return square(SIDE, values[name]);
}

/** A kernel whose numbers add up to 1: all equal, or a tent (bilinear). */
export function namedKernel(name, size) {
  const line = Array.from({ length: size }, (_, i) => (name === "equal" ? 1 : Math.min(i + 1, size - i)));
  const total = line.reduce((sum, value) => sum + value) ** 2;
  return square(size, (i, j) => line[i] * line[j] / total);
}

/** Copy every pixel into a square. */
export const nearest = (image, stride) =>
  square(stride * image.length, (i, j) => image[Math.floor(i / stride)][Math.floor(j / stride)]);

/** Let every pixel paint the kernel, `stride` apart; times stride², to keep the brightness. */
export function transposed(image, kernel, stride) {
  const end = stride * image.length, padding = Math.max(0, (kernel.length - stride + 1) >> 1), result = square(end, () => 0);
  const paint = (i, j, amount) => {
    if (i >= 0 && j >= 0 && i < end && j < end) result[i][j] += stride ** 2 * amount;
  };
  image.forEach((pixels, row) => pixels.forEach((pixel, column) =>
    kernel.forEach((weights, s) => weights.forEach((weight, t) =>
      paint(stride * row - padding + s, stride * column - padding + t, pixel * weight)))));
  return result;
}

/** Convolve with zeros around the image, so that it keeps its size; the first tap meets the pixel `before` back. */
function convolved(image, kernel, before = (kernel.length - 1) >> 1) {
  return square(image.length, (i, j) => {
    let sum = 0;
    kernel.forEach((weights, s) => weights.forEach((weight, t) => {
      sum += weight * (image[i + s - before]?.[j + t - before] ?? 0);
    }));
    return sum;
  });
}

/** Copy, then convolve. */
export const resizeConvolution = (image, kernel, stride) => convolved(nearest(image, stride), kernel);

/** Which pixel of the small image a tap meets, counted from the pixel's own, in a phase: the fold in one line. */
export const meets = (phase, tap, size, stride) => Math.floor((phase + tap - ((size - 1) >> 1)) / stride);

/** How far the taps reach in the small image. */
export const reachOf = (size, stride) => Math.max(-meets(0, 0, size, stride), meets(stride - 1, size - 1, size, stride));

/** The small kernel of one phase: taps that meet the same pixel are added up. */
export function folded(kernel, stride, p, q) {
  const size = kernel.length, reach = reachOf(size, stride), result = square(2 * reach + 1, () => 0);
  kernel.forEach((weights, s) => weights.forEach((weight, t) => {
    result[reach + meets(p, s, size, stride)][reach + meets(q, t, size, stride)] += weight;
  }));
  return result;
}

/** The pixels of one phase: the small image, convolved with the small kernel. */
export function phaseImage(image, kernel, stride, p, q) {
  const small = folded(kernel, stride, p, q);
  return convolved(image, small, small.length >> 1);
}

/** Weave all phases into each other (the pixel shuffle). */
export function subpixel(image, kernel, stride) {
  const phases = square(stride, (p, q) => phaseImage(image, kernel, stride, p, q));
  return square(stride * image.length, (i, j) =>
    phases[i % stride][j % stride][Math.floor(i / stride)][Math.floor(j / stride)]);
}

/** How many pixels paint each pixel of a transposed convolution, away from the rim, by phase. */
export const coats = (size, stride) =>
  inTheMiddle(transposed(square(9, () => 1), square(size, () => 1 / stride ** 2), stride), stride)
    .map((row) => row.map(Math.round));

/** What a transposed convolution makes of white, away from the rim, by phase. */
export const whiteBecomes = (kernel, stride) => inTheMiddle(transposed(square(9, () => 1), kernel, stride), stride);

const inTheMiddle = (image, stride) => square(stride, (p, q) => image[4 * stride + p][4 * stride + q]);

/** All four ways, by name. */
export const allWays = (image, kernel, stride) => ({
  nearest: nearest(image, stride), transposed: transposed(image, kernel, stride),
  resize: resizeConvolution(image, kernel, stride), subpixel: subpixel(image, kernel, stride),
});

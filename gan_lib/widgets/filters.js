// The arithmetic of the convolution explorer, as `filter_stages` in convolution.py has it.
// A picture is { planes, height, width }: one Float32Array for each colour, row after row.

const empty = ({ planes }, height, width) => ({
  planes: planes.map(() => new Float32Array(height * width)), height, width,
});

/** Convolve each plane with a kernel (rows of numbers, odd size); the pixels of the rim are repeated outwards. */
export function convolve(picture, kernel) {
  const { planes, height, width } = picture, result = empty(picture, height, width);
  planes.forEach((plane, p) => {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        result.planes[p][row * width + column] = weighedSum(windowAt(plane, height, width, kernel.length, row, column), kernel);
      }
    }
  });
  return result;
}

/** The pixels under a window of `size`, its middle at a row and column: a list of rows. */
export function windowAt(plane, height, width, size, row, column) {
  const inside = (at, end) => Math.min(end - 1, Math.max(0, at)), radius = size >> 1, rows = [];
  for (let i = -radius; i <= radius; i++) {
    const start = inside(row + i, height) * width, cells = [];
    for (let j = -radius; j <= radius; j++) cells.push(plane[start + inside(column + j, width)]);
    rows.push(cells);
  }
  return rows;
}

/** Each pixel of a window times the kernel's number over it. */
export const productsOf = (rows, kernel) => rows.map((cells, i) => cells.map((pixel, j) => pixel * kernel[i][j]));

function weighedSum(rows, kernel) {
  let sum = 0;
  for (let i = 0; i < rows.length; i++) for (let j = 0; j < rows.length; j++) sum += rows[i][j] * kernel[i][j];
  return sum;
}

export const sumOf = (rows) => rows.flat().reduce((sum, value) => sum + value, 0);

/** The positive part. */
export const rectify = (picture) => ({
  ...picture, planes: picture.planes.map((plane) => plane.map((value) => Math.max(0, value))),
});

/** The largest of every square of 2×2. */
export function maxPool(picture) {
  const height = picture.height >> 1, width = picture.width >> 1, result = empty(picture, height, width);
  picture.planes.forEach((plane, p) => {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const first = 2 * row * picture.width + 2 * column, second = first + picture.width;
        result.planes[p][row * width + column] = Math.max(plane[first], plane[first + 1], plane[second], plane[second + 1]);
      }
    }
  });
  return result;
}

/** All stages, in order; ReLU and pooling where they are wanted. */
export function filterStages(picture, kernel, relu, pool) {
  const stages = { convolution: convolve(picture, kernel) };
  if (relu) stages.relu = rectify(stages.convolution);
  if (pool) stages.pooling = maxPool(stages.relu ?? stages.convolution);
  return stages;
}

/** What stands for zero when a response is shown: mid grey for a kernel that answers with both signs. */
export function zeroShown({ planes }, kernel) {
  const signed = planes.some((plane) => plane.some((value) => value < 0));
  return signed ? 0.5 * (1 - Math.min(1, Math.max(0, sumOf(kernel)))) : 0;
}

/** Put a ring of zeros around a kernel, or take the outer ring away, until it has the size. */
export function resizeKernel(kernel, size) {
  const shift = (kernel.length - size) >> 1;
  return Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j) => kernel[i + shift]?.[j + shift] ?? 0));
}

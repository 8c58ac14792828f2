// The curves of a run: thinned in Python (scrubber.py, `thin`), drawn and read off here.
import { drawAxes } from "./axes.js";
import { colours, fitCanvas } from "./dom.js";

const LEFT = 38; // pixels for the numbers beside a curve
const RIGHT = 8;
const BELOW = 16;
const SHRUG = Math.log(2); // what D pays when it cannot tell

/** Where in a rising list the number nearest to a value stands; of two as near, the earlier. */
export function nearest(list, value) {
  let best = 0;
  list.forEach((number, i) => { if (Math.abs(number - value) < Math.abs(list[best] - value)) best = i; });
  return best;
}

/** What the curves say at a step: the running means of the stretch nearest to it, or null before the first step. */
export function readOff(curves, step) {
  if (!curves.step.length || step < 0.5) return null;
  const at = nearest(curves.step, step);
  const [dLoss, gLoss, accuracy] = ["d_loss", "g_loss", "accuracy"].map((name) => curves[name].mean[at]);
  return { step: Math.round(step), dLoss, gLoss, accuracy };
}

/** The two pictures: which lines, the numbers from bottom to top, and the level to compare with. */
export const PANELS = {
  losses: {
    lines: { d_loss: "real", g_loss: "fake" },
    range: ({ d_loss, g_loss }) => {
      const values = [...d_loss.mean, ...g_loss.mean].filter(Number.isFinite);
      return [Math.min(0, 1.1 * Math.min(0, ...values)), 1.2 * Math.max(2, ...values)];
    },
    level: SHRUG,
    write: (value) => (Math.abs(value) >= 100 ? value.toPrecision(2) : value.toFixed(1)).replace("-", "−"),
  },
  accuracy: {
    lines: { accuracy: "third" },
    range: ({ accuracy }) => [Math.min(0.4, ...accuracy.low.filter(Number.isFinite)), 1.02],
    most: 1, // what is written at the top
    level: 0.5,
    write: (value) => `${Math.round(100 * value)} %`,
  },
};

/** The step under a place on a canvas of some width, and the place of a step: the two ways of one scale. */
export function stepScale(width, last) {
  const span = width - LEFT - RIGHT;
  return {
    toX: (step) => LEFT + span * step / last,
    toStep: (x) => Math.min(last, Math.max(0, (x - LEFT) / span * last)),
  };
}

/** Draw a panel: every curve faint from its lowest to its highest value, over that its mean, and a bar at a step. */
export function drawPanel(canvas, panel, curves, { mark, pointed }) {
  const { context, width, height } = fitCanvas(canvas), shade = colours(canvas);
  const { toX } = stepScale(width, curves.last), [low, high] = panel.range(curves), bottom = height - BELOW;
  const y = (value) => bottom - (bottom - 5) * (value - low) / (high - low);
  drawAxes(context, {
    left: LEFT, right: width - RIGHT, bottom, height, colour: shade.muted, level: y(panel.level),
    high: panel.write(Math.min(high, panel.most ?? high)), low: panel.write(low), last: curves.last.toLocaleString("en"),
  });
  context.save();
  context.beginPath();
  context.rect(LEFT, 0, width - LEFT, bottom);
  context.clip(); // spikes leave the picture at the top
  for (const [name, colour] of Object.entries(panel.lines)) {
    drawCurve(context, curves.step.map(toX), curves[name], y, shade[colour]);
  }
  context.restore();
  drawBar(context, toX(mark), bottom, shade.ink, 1.6);
  if (pointed === null) return;
  drawBar(context, toX(pointed), bottom, shade.muted, 1);
  const at = nearest(curves.step, pointed);
  for (const [name, colour] of Object.entries(panel.lines)) {
    drawDot(context, toX(curves.step[at]), y(curves[name].mean[at]), shade[colour]);
  }
}

function drawCurve(context, xs, { low, mean, high }, y, colour) {
  const there = xs.map((_, i) => i).filter((i) => mean[i] !== null && low[i] !== null && high[i] !== null);
  context.fillStyle = context.strokeStyle = colour;
  context.globalAlpha = 0.22;
  context.beginPath();
  for (const i of there) context.lineTo(xs[i], y(high[i]) - 0.3);
  for (const i of [...there].reverse()) context.lineTo(xs[i], y(low[i]) + 0.3);
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 1.6;
  context.beginPath();
  for (const i of there) context.lineTo(xs[i], y(mean[i]));
  context.stroke();
}

function drawBar(context, x, bottom, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(x, 2);
  context.lineTo(x, bottom);
  context.stroke();
}

function drawDot(context, x, y, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, Math.max(4, y), 3.5, 0, 7);
  context.fill();
}

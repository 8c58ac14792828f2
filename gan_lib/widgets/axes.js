// The axes of a small picture of curves over the steps of a run.

/**
 * Draw both axes with their words: `high` and `low` at the ends of the upright one, `last` at the end of the other; and
 * a dotted line at the height `level`, where there is one to compare with. Lengths are pixels, `right` is a place.
 */
export function drawAxes(context, { left, right, bottom, height, colour, high, low, last, level }) {
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.fillText(high, left - 4, 12);
  context.fillText(low, left - 4, bottom);
  context.fillText(last, right, height - 3);
  context.textAlign = "left";
  context.fillText("step 0", left, height - 3);
  context.globalAlpha = 0.6;
  context.beginPath();
  context.moveTo(left, 4);
  context.lineTo(left, bottom);
  context.lineTo(right, bottom);
  context.stroke();
  if (level !== undefined) drawLevel(context, left, right, level);
  context.globalAlpha = 1;
}

function drawLevel(context, left, right, level) {
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(left, level);
  context.lineTo(right, level);
  context.stroke();
  context.setLineDash([]);
}

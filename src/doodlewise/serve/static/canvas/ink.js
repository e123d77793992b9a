/** @file Strokes on a canvas, with the pen that the network learnt from. */

/** A pen as wide as in training, as a share of the canvas side. @param {any} render */
export function penWidth(render) {
  return render.line_width / (256 + render.line_width + 2 * render.padding);
}

/** @param {CanvasRenderingContext2D} context */
export function setPen(context, side, width, colour) {
  context.lineWidth = Math.max(width * side, 1);
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = colour;
}

/** Draw strokes that are in shares of the side. @param {import("../sketch.js").Stroke[]} strokes */
export function drawStrokes(context, strokes, side) {
  for (const [xs, ys] of strokes) {
    context.beginPath();
    context.moveTo(xs[0] * side, ys[0] * side);
    // A line to where it starts makes a dot, with round caps.
    if (xs.length === 1) context.lineTo(xs[0] * side, ys[0] * side);
    for (let i = 1; i < xs.length; i++) context.lineTo(xs[i] * side, ys[i] * side);
    context.stroke();
  }
}

/**
 * A drawing, centred and as large as fits, on a canvas of its own.
 * @param {import("../sketch.js").Stroke[]} strokes
 * @param {{side: number, width: number, colour: string, paper?: string}} look
 */
export function picture(strokes, { side, width, colour, paper }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  if (paper) {
    context.fillStyle = paper;
    context.fillRect(0, 0, side, side);
  }
  setPen(context, side, width, colour);
  drawStrokes(context, fitted(strokes, width * 0.5 + 0.06), side);
  return canvas;
}

/** A small picture in the colour of the pen. */
export function thumbnail(strokes, width, side = 128) {
  const canvas = picture(strokes, { side, width, colour: "#000" });
  canvas.className = "tile";
  return canvas;
}

/** Strokes moved and scaled into the unit square, with a margin. */
export function fitted(strokes, margin) {
  const { left, top, right, bottom } = bounds(strokes);
  const extent = Math.max(right - left, bottom - top);
  const scale = extent > 0 ? (1 - 2 * margin) / extent : 0;
  const shift = (values, low, high) => values.map((v) => 0.5 + (v - (low + high) / 2) * scale);
  return strokes.map(([xs, ys]) => [shift(xs, left, right), shift(ys, top, bottom)]);
}

/** The box around all points. */
export function bounds(strokes) {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const [xs, ys] of strokes) {
    for (let i = 0; i < xs.length; i++) {
      box.left = Math.min(box.left, xs[i]);
      box.right = Math.max(box.right, xs[i]);
      box.top = Math.min(box.top, ys[i]);
      box.bottom = Math.max(box.bottom, ys[i]);
    }
  }
  return box;
}

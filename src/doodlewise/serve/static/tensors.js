/**
 * @file Drawings as a network that takes strokes wants them; the same as predict/stroke_batches.py,
 * where the reasons are.
 */

import { simplified } from "./simplify.js";

const FIRST = 1n;
const JOINED = 2n;
const SHORT = 32;
const FINEST = 1 / 4096;
const FARTHEST = 1e38;
const DRAWING_BYTES = 64 * 2 ** 20;
const BATCH_BYTES = 4 * 2 ** 20;

/** How many points a drawing, and a batch, may have for images of so many pixels. */
export function limitsOf(pixels) {
  const bytesPerPoint = 4 * pixels;
  const longest = Math.min(Math.max(Math.floor(DRAWING_BYTES / bytesPerPoint), 512), 4096);
  return { longest, most: Math.floor(BATCH_BYTES / bytesPerPoint) };
}

/**
 * A drawing as arrays.
 *
 * @param {number[][][]} strokes each [xs, ys], in any unit.
 * @returns {{points: Float32Array, begins: Uint8Array}} x and y in turn; 1 where a stroke begins.
 * @throws {{code: string, message: string}} it has no points, or what is no number.
 */
export function readStrokes(strokes) {
  const length = strokes.reduce((sum, [xs]) => sum + xs.length, 0);
  if (!length) {
    throw problem("empty_drawing", "The drawing is empty. Draw at least one stroke.");
  }
  const points = new Float32Array(2 * length);
  const begins = new Uint8Array(length);
  let at = 0;
  for (const [xs, ys] of strokes) {
    if (xs.length !== ys.length) {
      throw problem(
        "bad_stroke",
        `A stroke has ${xs.length} x and ${ys.length} y. Give as many of each.`,
      );
    }
    if (xs.length) begins[at] = 1;
    for (let i = 0; i < xs.length; i++, at++) {
      points[2 * at] = xs[i];
      points[2 * at + 1] = ys[i];
    }
  }
  if (!points.every((value) => Math.abs(value) <= FARTHEST)) {
    throw problem(
      "bad_number",
      "A coordinate is not a number, or too large. Remove that point, or draw it again.",
    );
  }
  return { points, begins };
}

/**
 * A drawing simplified, as networks that see the strokes themselves learnt from.
 *
 * @param {{points: Float32Array, begins: Uint8Array}} drawing as `readStrokes` gives it.
 */
export function simplifiedPoints({ points, begins }) {
  const strokes = [];
  begins.forEach((isFirst, at) => {
    if (isFirst) strokes.push([[], []]);
    const [xs, ys] = strokes[strokes.length - 1];
    xs.push(points[2 * at]);
    ys.push(points[2 * at + 1]);
  });
  return readStrokes(simplified(strokes));
}

/** What is thrown, and shown to people. */
export function problem(code, message) {
  return { code, message };
}

/**
 * Every drawing once, the long ones first.
 *
 * @param {{points: Float32Array, begins: Uint8Array}[]} drawings
 * @param {{longest: number, most: number}} limits see `limitsOf`.
 * @yields {{rows: number[], points: Float32Array, pen: BigInt64Array, length: number}} `rows` says
 *   which of the drawings these are.
 */
export function* strokeBatches(drawings, limits) {
  const every = drawings.map((drawing) =>
    drawing.begins.length > limits.longest ? thinned(drawing, limits.longest) : drawing,
  );
  const lengthOf = (row) => every[row].begins.length;
  const order = every.map((_, row) => row).sort((a, b) => lengthOf(b) - lengthOf(a));
  let first = 0;
  while (first < order.length) {
    const length = lengthOf(order[first]);
    let last = first + 1;
    while (
      last < order.length &&
      (last + 1 - first) * length <= limits.most &&
      2 * Math.max(lengthOf(order[last]), SHORT) > length
    ) {
      last++;
    }
    yield padded(order.slice(first, last), every, length);
    first = last;
  }
}

function padded(rows, every, length) {
  const points = new Float32Array(rows.length * length * 2);
  const pen = new BigInt64Array(rows.length * length);
  rows.forEach((row, at) => {
    points.set(every[row].points, at * length * 2);
    every[row].begins.forEach((begins, i) => {
      pen[at * length + i] = begins ? FIRST : JOINED;
    });
  });
  return { rows, points, pen, length };
}

/** The drawing with at most `longest` points. */
export function thinned({ points, begins }, longest) {
  const n = begins.length;
  const { xs, ys, corners } = placed(points, n);
  const travelled = new Float64Array(n);
  for (let i = 1, sum = 0; i < n; i++) {
    const dx = xs[i] - xs[i - 1];
    const dy = ys[i] - ys[i - 1];
    if (!begins[i]) sum += Math.sqrt(dx * dx + dy * dy);
    travelled[i] = sum;
  }
  for (let tolerance = FINEST; ; tolerance *= 2) {
    const kept = keptPoints(xs, ys, travelled, begins, tolerance);
    // The box of the drawing decides about its size and place, and so stays as it is.
    for (const corner of corners) kept[corner] = 1;
    const rows = indicesOf(kept);
    if (rows.length <= longest) return taken(points, begins, rows);
  }
}

/** Points from 0 to 1, and which of them touch the box. */
function placed(points, n) {
  const xs = new Float64Array(n);
  const ys = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    xs[i] = points[2 * i];
    ys[i] = points[2 * i + 1];
  }
  const corners = [xs, ys].flatMap((values) => {
    let least = 0;
    let most = 0;
    for (let i = 1; i < n; i++) {
      if (values[i] < values[least]) least = i;
      if (values[i] > values[most]) most = i;
    }
    return [least, most];
  });
  const [left, right, top, bottom] = corners;
  const [x0, y0] = [xs[left], ys[top]];
  const extent = Math.max(xs[right] - x0, ys[bottom] - y0) || 1;
  for (let i = 0; i < n; i++) {
    xs[i] = (xs[i] - x0) / extent;
    ys[i] = (ys[i] - y0) / extent;
  }
  return { xs, ys, corners };
}

function keptPoints(xs, ys, travelled, begins, tolerance) {
  const kept = new Uint8Array(begins.length);
  for (let i = 0, before = 0; i < kept.length; i++) {
    const along = Math.floor(travelled[i] / tolerance);
    kept[i] = begins[i] || along !== before ? 1 : 0;
    before = along;
  }
  const alone = indicesOf(kept);
  const cells = new Set();
  alone.forEach((row, at) => {
    const isDot = begins[row] && (at + 1 === alone.length || begins[alone[at + 1]]);
    if (!isDot) return;
    const cell = Math.floor(xs[row] / tolerance) + (2 / FINEST) * Math.floor(ys[row] / tolerance);
    if (cells.has(cell)) kept[row] = 0;
    cells.add(cell);
  });
  return kept;
}

function indicesOf(flags) {
  const rows = [];
  flags.forEach((flag, row) => {
    if (flag) rows.push(row);
  });
  return rows;
}

function taken(points, begins, rows) {
  const fewer = new Float32Array(2 * rows.length);
  rows.forEach((row, at) => {
    fewer[2 * at] = points[2 * row];
    fewer[2 * at + 1] = points[2 * row + 1];
  });
  // Of a stroke, the first point may be gone.
  const strokeOf = [];
  begins.forEach((begin, row) => strokeOf.push((strokeOf[row - 1] ?? 0) + begin));
  const starts = rows.map((row, at) => (at && strokeOf[row] === strokeOf[rows[at - 1]] ? 0 : 1));
  return { points: fewer, begins: Uint8Array.from(starts) };
}

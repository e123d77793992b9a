/** @file A drawing as it grew, by its ink, and what was guessed on the way. */

import { EngineError } from "./engine.js";

export const STEPS = 32;

/**
 * The drawing as it was when this share of its ink was on the paper; pen-up moves are no ink.
 * The stroke in which the share is reached is cut between its points, as a pen would be.
 * @param {import("./sketch.js").Stroke[]} strokes @param {number} share 0 to 1
 */
export function prefix(strokes, share) {
  if (share >= 1) return strokes;
  let left = share * inkOf(strokes);
  const part = [];
  for (const [xs, ys] of strokes) {
    const x = [xs[0]], y = [ys[0]];
    part.push([x, y]);
    for (let i = 1; i < xs.length; i++) {
      const step = Math.hypot(xs[i] - xs[i - 1], ys[i] - ys[i - 1]);
      if (step > left) {
        const cut = left / step;
        x.push(xs[i - 1] + cut * (xs[i] - xs[i - 1]));
        y.push(ys[i - 1] + cut * (ys[i] - ys[i - 1]));
        return part;
      }
      left -= step;
      x.push(xs[i]);
      y.push(ys[i]);
    }
  }
  return part;
}

/** Length of all lines, in canvas sides. */
export function inkOf(strokes) {
  let ink = 0;
  for (const [xs, ys] of strokes) {
    for (let i = 1; i < xs.length; i++) ink += Math.hypot(xs[i] - xs[i - 1], ys[i] - ys[i - 1]);
  }
  return ink;
}

/**
 * Guesses at even shares of the ink, the first with the pen just down.
 * @returns {Promise<{share: number, strokes: any[], prediction: any}[]>}
 */
export async function timeline(engine, strokes, { model = null, top = 12, steps = STEPS } = {}) {
  if (!strokes.length) throw new EngineError("empty_drawing", "There is nothing on the paper. Draw something first.");
  const shares = Array.from({ length: steps }, (_, i) => (i + 1) / steps);
  const parts = shares.map((share) => prefix(strokes, share));
  const predictions = await engine.predict(parts.map(slim), { top, model });
  return shares.map((share, i) => ({ share, strokes: parts[i], prediction: predictions[i] }));
}

/** Fewer digits to send; a drawing is sent many times over. */
const slim = (strokes) => strokes.map(([xs, ys]) => [xs.map(short), ys.map(short)]);
const short = (value) => Math.round(value * 1e4) / 1e4;

/** Stretches of the ink with one best guess. @returns {{word: string, from: number, to: number, sure: boolean}[]} */
export function stretches(steps) {
  const found = [];
  let from = 0;
  for (const { share, prediction } of steps) {
    const last = found[found.length - 1];
    if (last && last.word === prediction.word) {
      last.to = share;
      last.sure ||= prediction.sure;
    } else found.push({ word: prediction.word, from, to: share, sure: prediction.sure });
    from = share;
  }
  return found;
}

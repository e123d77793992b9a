/**
 * @file A drawing as in Google's simplified files: integers from 0 to 255, few points.
 *
 * The steps of `Drawing.simplified` in Python: into the frame by the box of the points, resampled
 * at a spacing of 1 along each line, thinned by Ramer-Douglas-Peucker with distances to the infinite
 * line, rounded half to even; a dot gets a second, equal point.
 */

import { bounds } from "./canvas/ink.js";

const FRAME = 255;
const MOST = 100_000;

/** @param {import("./sketch.js").Stroke[]} strokes */
export function simplified(strokes, epsilon = 2) {
  const { left, top, right, bottom } = bounds(strokes);
  const extent = Math.max(right - left, bottom - top);
  const scale = extent > 0 ? FRAME / extent : 1;
  return strokes.map(([xs, ys]) => {
    const points = xs.map((x, i) => [(x - left) * scale, (ys[i] - top) * scale]);
    const kept = thin(resample(points), epsilon);
    return [kept.map(([x]) => even(x)), kept.map(([, y]) => even(y))];
  });
}

/** Fewer points to send, each within a fifth of a pixel of 28: no network sees the difference. */
export function light(strokes) {
  const { left, top, right, bottom } = bounds(strokes);
  const epsilon = Math.max(right - left, bottom - top) / 1000;
  return strokes.map(([xs, ys]) => {
    const kept = thin(xs.map((x, i) => [x, ys[i]]), epsilon);
    return [kept.map(([x]) => tidy(x)), kept.map(([, y]) => tidy(y))];
  });
}

const tidy = (value) => Math.round(value * 1e5) / 1e5;

function resample(points) {
  const travelled = [0];
  for (let i = 1; i < points.length; i++) {
    travelled.push(travelled[i - 1] + Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]));
  }
  const length = travelled[travelled.length - 1];
  const last = points[points.length - 1];
  if (length === 0) return [points[0], last];
  const spacing = Math.max(1, length / MOST);
  const even = [];
  let before = 0;
  for (let k = 0; k * spacing < length; k++) {
    const at = k * spacing;
    while (travelled[before + 1] <= at) before++;
    const step = travelled[before + 1] - travelled[before];
    const share = (at - travelled[before]) / step;
    const [x, y] = points[before], [nextX, nextY] = points[before + 1];
    even.push([x + share * (nextX - x), y + share * (nextY - y)]);
  }
  even.push(last);
  return even;
}

function thin(points, epsilon) {
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const spans = [[0, points.length - 1]];
  while (spans.length) {
    const [first, last] = spans.pop();
    const [x0, y0] = points[first];
    const dx = points[last][0] - x0, dy = points[last][1] - y0;
    const length = Math.hypot(dx, dy);
    let farthest = -1, most = length > 0 ? epsilon * length : epsilon * epsilon;
    for (let i = first + 1; i < last; i++) {
      const px = points[i][0] - x0, py = points[i][1] - y0;
      const away = length > 0 ? Math.abs(dx * py - dy * px) : px * px + py * py;
      if (away > most) { most = away; farthest = i; }
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    spans.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, i) => keep[i]);
}

/** Round, halves to the even neighbour, as NumPy does. */
function even(value) {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

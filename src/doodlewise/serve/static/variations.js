/**
 * @file A drawing in mild variations, as other hands would have drawn it; the same as
 * predict/variations.py, where the reasons are.
 *
 * @typedef {{points: Float32Array, begins: Uint8Array}} Drawing   see tensors.js
 */

/** Degrees; share of the height; share of the aspect ratio. */
const ROTATE = 10, SHEAR = 0.12, STRETCH = 0.15;
/** Standard deviations, shares of the size. */
const STROKE_SHIFT = 0.012, POINT_JITTER = 0.006;
const BEGINNINGS = 4, LEAST_INK = 0.5, MOST_INK = 0.9;

/** The drawing, and `n` variations of it. @param {Drawing} drawing @param {Random} random */
export function varied(drawing, n, random) {
  const every = [drawing];
  for (let number = 1; number <= n; number++) {
    const part = number % BEGINNINGS === 0
      ? beginning(drawing, random.between(LEAST_INK, MOST_INK))
      : drawing;
    every.push(variation(part, random));
  }
  return every;
}

function variation({ points, begins }, random) {
  const xs = points.filter((_, i) => i % 2 === 0), ys = points.filter((_, i) => i % 2 === 1);
  const left = least(xs), top = least(ys);
  const extent = Math.max(most(xs) - left, most(ys) - top) || 1;
  const [[a, b], [c, d]] = shape(random);
  const moved = new Float32Array(points.length);
  let dx = 0, dy = 0;
  for (let i = 0; i < begins.length; i++) {
    if (begins[i]) [dx, dy] = [random.normal(STROKE_SHIFT), random.normal(STROKE_SHIFT)];
    const x = (xs[i] - left) / extent, y = (ys[i] - top) / extent;
    moved[2 * i] = 255 * (a * x + b * y + dx + random.normal(POINT_JITTER));
    moved[2 * i + 1] = 255 * (c * x + d * y + dy + random.normal(POINT_JITTER));
  }
  return { points: moved, begins };
}

/** A random rotation, shear and stretch. */
function shape(random) {
  const angle = random.between(-ROTATE, ROTATE) * (Math.PI / 180);
  const shear = random.between(-SHEAR, SHEAR);
  const wider = Math.exp(random.between(-STRETCH, STRETCH) / 2);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [
    [cos * wider, cos * wider * shear - sin / wider],
    [sin * wider, sin * wider * shear + cos / wider],
  ];
}

/** The drawing as it was when this share of its ink was on the paper. @param {Drawing} drawing */
export function beginning({ points, begins }, share) {
  const n = begins.length;
  const reached = new Float64Array(n);
  for (let i = 1; i < n; i++) {
    const step = begins[i] ? 0
      : Math.hypot(points[2 * i] - points[2 * i - 2], points[2 * i + 1] - points[2 * i - 1]);
    reached[i] = reached[i - 1] + step;
  }
  const budget = share * reached[n - 1];
  const last = reached.findIndex((length) => length > budget);
  if (last < 0) return { points, begins };
  const part = (budget - reached[last - 1]) / (reached[last] - reached[last - 1]);
  const kept = points.slice(0, 2 * last + 2);
  for (const at of [2 * last, 2 * last + 1]) kept[at] = kept[at - 2] + part * (kept[at] - kept[at - 2]);
  return { points: kept, begins: begins.slice(0, last + 1) };
}

const least = (values) => values.reduce((a, b) => Math.min(a, b));
const most = (values) => values.reduce((a, b) => Math.max(a, b));

/** The same numbers again for the same seed: what is taught twice is the same. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed;
  }

  /** From 0 up to 1. Source: mulberry32, in the public domain. */
  #next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low, high) {
    return low + (high - low) * this.#next();
  }

  /** Of the normal distribution with this standard deviation (Box and Muller). */
  normal(deviation) {
    const far = Math.sqrt(-2 * Math.log(1 - this.#next()));
    return deviation * far * Math.cos(2 * Math.PI * this.#next());
  }
}

/**
 * @file A drawing in the making, and what was done to it.
 *
 * Coordinates are shares of the canvas side, x to the right and y down, so that a drawing outlives
 * any change of the canvas. Every change is told as an event "change" whose detail says what it was:
 * begin, extend, finish (of the open stroke), undo, clear, set.
 *
 * @typedef {[number[], number[]]} Stroke   xs and ys
 */

/** A point in the same place as the one before adds nothing. Any farther, it may: see `tidy`. */
const NEAR = 1e-6;
/** As much as a server takes. */
const MOST_POINTS = 19_000;
const MOST_STROKES = 950;
const MOST_UNDONE = 200;

export class Sketch extends EventTarget {
  /** @type {Stroke[]} the open stroke included */
  strokes = [];
  /** @type {Stroke | null} */
  #open = null;
  /** @type {{kind: string, before: Stroke[]}[]} */
  #done = [];
  /** @type {Stroke[][]} */
  #undone = [];

  get isEmpty() { return this.strokes.length === 0; }
  get isOpen() { return this.#open !== null; }
  get canUndo() { return this.#done.length > 0; }
  get canRedo() { return this.#undone.length > 0; }
  get points() { return this.strokes.reduce((sum, [xs]) => sum + xs.length, 0); }
  get isFull() { return this.points >= MOST_POINTS || this.strokes.length >= MOST_STROKES; }

  /** Pen down. @returns {boolean} whether there was room */
  begin(x, y) {
    if (this.#open) this.finish();
    if (this.isFull) {
      this.dispatchEvent(new Event("full"));
      return false;
    }
    this.#remember("draw");
    this.#open = [[tidy(x)], [tidy(y)]];
    this.strokes = [...this.strokes, this.#open];
    this.#tell("begin", { xs: this.#open[0].slice(), ys: this.#open[1].slice() });
    return true;
  }

  /** The pen moved. @param {boolean} [last] whether this point has to be kept, however near */
  extend(xs, ys, last = false) {
    if (!this.#open) return;
    const [ownX, ownY] = this.#open;
    const added = { xs: [], ys: [] };
    for (let i = 0; i < xs.length; i++) {
      const x = tidy(xs[i]), y = tidy(ys[i]);
      const away = Math.hypot(x - ownX[ownX.length - 1], y - ownY[ownY.length - 1]);
      if (away < (last && i === xs.length - 1 ? 1e-9 : NEAR) || ownX.length >= MOST_POINTS) continue;
      ownX.push(x); ownY.push(y);
      added.xs.push(x); added.ys.push(y);
    }
    if (added.xs.length) this.#tell("extend", added);
  }

  /** Pen up. */
  finish() {
    if (!this.#open) return;
    this.#open = null;
    this.#tell("finish");
  }

  undo() {
    this.finish();
    const last = this.#done.pop();
    if (!last) return;
    this.#undone.push(this.strokes);
    this.strokes = last.before;
    this.#tell(last.kind === "draw" ? "undo" : "set");
  }

  redo() {
    this.finish();
    const next = this.#undone.pop();
    if (!next) return;
    const kind = next.length === this.strokes.length + 1 ? "draw" : "set";
    this.#done.push({ kind, before: this.strokes });
    this.strokes = next;
    this.#tell("set");
  }

  clear() {
    this.finish();
    if (this.isEmpty) return;
    this.#remember("clear");
    this.strokes = [];
    this.#tell("clear");
  }

  /** Another drawing instead. @param {Stroke[]} strokes */
  replace(strokes) {
    this.finish();
    this.#remember("set");
    this.strokes = strokes.map(([xs, ys]) => [xs.slice(), ys.slice()]);
    this.#tell("set");
  }

  /** Rub out the strokes that come within `reach` of a place. */
  erase(x, y, reach) {
    const kept = this.strokes.filter((stroke) => distance(stroke, x, y) > reach);
    if (kept.length === this.strokes.length) return;
    this.#remember("erase");
    this.strokes = kept;
    this.#tell("set");
  }

  /** An empty sheet, with nothing to go back to. */
  reset() {
    this.#open = null;
    this.#done = [];
    this.#undone = [];
    this.strokes = [];
    this.#tell("clear");
  }

  #remember(kind) {
    this.#done.push({ kind, before: this.strokes });
    if (this.#done.length > MOST_UNDONE) this.#done.shift();
    this.#undone = [];
  }

  #tell(kind, more = {}) {
    this.dispatchEvent(new CustomEvent("change", { detail: { kind, ...more } }));
  }
}

/**
 * Seven digits, as many as a network sees. With five, which are finer than any screen, one of a
 * hundred drawings, whose two best guesses are as good, is guessed otherwise than as it was drawn.
 */
const tidy = (value) => Math.round(Math.min(Math.max(value, -0.5), 1.5) * 1e7) / 1e7;

function distance([xs, ys], x, y) {
  let nearest = Math.hypot(xs[0] - x, ys[0] - y);
  for (let i = 1; i < xs.length; i++) {
    const dx = xs[i] - xs[i - 1], dy = ys[i] - ys[i - 1];
    const along = ((x - xs[i - 1]) * dx + (y - ys[i - 1]) * dy) / (dx * dx + dy * dy || 1);
    const share = Math.min(Math.max(along, 0), 1);
    const away = Math.hypot(xs[i - 1] + share * dx - x, ys[i - 1] + share * dy - y);
    nearest = Math.min(nearest, away);
  }
  return nearest;
}

/**
 * @file The engine of a site without a server: a worker guesses, teaches and makes files, here.
 * What the page asks of an engine is said in engine.js.
 */

import { EngineError } from "./engine.js";

const TOP = 5;
/** While a stroke is being drawn, milliseconds from one guess to the next at least. */
const LIVE_EVERY = 50;

/** @returns the engine; rejects with an EngineError where a file is missing or cannot be run. */
export async function openEngine(config) {
  const worker = new Asked(new URL("worker.js", import.meta.url));
  await worker.ask("open", {
    model: new URL(config.files.model, document.baseURI).href,
    runtime: new URL(config.files.runtime, document.baseURI).href,
  });
  return new BrowserEngine(worker, config);
}

class BrowserEngine {
  #worker;
  #labels;
  #taught = new Map();

  constructor(worker, config) {
    this.#worker = worker;
    this.#labels = config.labels;
  }

  live(callback) {
    return new Live(this.#worker, callback);
  }

  async predict(drawings, { top = TOP, look = false, model = null } = {}) {
    const { predictions } = await this.#worker.ask("predict", { drawings, top, look, model });
    return predictions;
  }

  async teach({ words, keepKnown = false }) {
    if (words.some(({ images }) => images?.length)) {
      throw new EngineError(
        "no_pictures",
        "Here, words are taught with drawings only. Draw them, or use the page of doodlewise serve.",
      );
    }
    const taught = await this.#worker.ask("teach", { words, keepKnown });
    const emoji = new Map(this.#labels.map((label) => [label.word, label.emoji]));
    const labels = taught.words.map((word) => ({ word, emoji: emoji.get(word) ?? null }));
    this.#taught.set(taught.model, keepKnown ? [...this.#labels, ...labels] : labels);
    return taught;
  }

  async modelFile(id) {
    const bytes = await this.#worker.ask("file", { model: id });
    return new Blob([bytes], { type: "application/octet-stream" });
  }

  async labels(id) {
    return this.#taught.get(id) ?? this.#labels;
  }

  async keep() {
    throw new EngineError(
      "not_kept",
      "This page has no server that could keep drawings. Download them instead.",
    );
  }
}

/** A worker that is asked, and answers. */
class Asked {
  #worker;
  #waiting = new Map();
  #number = 0;
  #broken = null;

  constructor(url) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data: { id, answer, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new EngineError(error.code, error.message));
      else resolve(answer);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#broken = new EngineError(
        "no_worker",
        "The part of this page that guesses cannot be started. Reload the page; if it stays so," +
          " upload the whole site again, or use a newer browser.",
      );
      for (const { reject } of this.#waiting.values()) reject(this.#broken);
      this.#waiting.clear();
    };
  }

  ask(what, given) {
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const id = this.#number++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ask: what, ...given });
    });
  }
}

/**
 * A drawing in the making. One guess at a time: what comes in the meantime is guessed together
 * after it, and the last state of the drawing always is.
 */
class Live {
  #worker;
  #callback;
  #model = null;
  #strokes = [];
  #open = false;
  /** Counts changes; and at which of them the last guess was asked for. */
  #changes = 0;
  #asked = 0;
  /** Counts what makes a guess under way worthless. */
  #drawing = 0;
  #busy = false;
  #askedAt = -Infinity;
  #timer = null;
  #closed = false;

  constructor(worker, callback) {
    this.#worker = worker;
    this.#callback = callback;
  }

  points(xs, ys) {
    if (!this.#open) this.#strokes.push([[], []]);
    this.#open = true;
    const [allXs, allYs] = this.#strokes.at(-1);
    for (const x of xs) allXs.push(x);
    for (const y of ys) allYs.push(y);
    this.#changed(LIVE_EVERY);
  }

  end() {
    this.#open = false;
    this.#changed(0);
  }

  set(strokes) {
    this.#strokes = strokes.map(([xs, ys]) => [[...xs], [...ys]]);
    this.#another();
  }

  undo() {
    this.#strokes.pop();
    this.#another();
  }

  clear() {
    this.#strokes = [];
    this.#another();
  }

  use(model) {
    this.#model = model;
    this.#another();
  }

  close() {
    this.#closed = true;
    this.#drawing++;
    clearTimeout(this.#timer);
  }

  #another() {
    this.#open = false;
    this.#drawing++;
    this.#changed(0);
  }

  #changed(pause) {
    this.#changes++;
    this.#plan(pause);
  }

  /** Guess, not before so many milliseconds after the guess before. */
  #plan(pause) {
    if (this.#closed || this.#busy) return;
    clearTimeout(this.#timer);
    const wait = this.#askedAt + pause - performance.now();
    if (wait <= 0) this.#guess();
    else this.#timer = setTimeout(() => this.#guess(), wait);
  }

  async #guess() {
    this.#asked = this.#changes;
    const strokes = this.#strokes.filter(([xs]) => xs.length);
    const drawing = this.#drawing;
    if (!strokes.length) {
      this.#callback({ type: "empty" });
      return;
    }
    this.#busy = true;
    this.#askedAt = performance.now();
    const points = strokes.reduce((sum, [xs]) => sum + xs.length, 0);
    const given = { drawings: [strokes], top: TOP, look: false, model: this.#model };
    let told;
    try {
      const { predictions, ms } = await this.#worker.ask("predict", given);
      const { word, probability, sure, guesses } = predictions[0];
      const n = strokes.length;
      told = { type: "guess", strokes: n, points, word, probability, sure, guesses, ms };
    } catch (error) {
      told = { type: "error", code: error.code, message: error.message };
    }
    this.#busy = false;
    if (drawing === this.#drawing) this.#callback(told);
    if (this.#asked !== this.#changes) this.#plan(this.#open ? LIVE_EVERY : 0);
  }
}

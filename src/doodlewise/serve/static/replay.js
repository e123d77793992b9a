/** @file The drawing once more, from its first line to its last, with what was guessed on the way. */

import { byId, fill, h } from "./dom.js";
import { inkOf, STEPS, stretches, timeline } from "./timeline.js";
import { percent, withArticle } from "./words.js";

/** So long the pen has to rest before the replay is made ready, milliseconds. */
const REST = 900;
/** A replay takes so long, milliseconds. */
const LASTS = 3200;

export class Replay {
  /** @param {any} app @param {import("./canvas/pad.js").Pad} pad @param {(guess: any) => void} guessed */
  constructor(app, pad, guessed) {
    this.app = app;
    this.pad = pad;
    this.guessed = guessed;
    this.slider = byId("replay-slider");
    this.play = byId("replay-play");
    this.steps = null;
    this.making = null;
    this.timer = 0;
    this.frame = 0;
    app.sketch.addEventListener("change", () => this.#stale());
    app.addEventListener("model", () => this.#stale());
    this.slider.addEventListener("input", () => { this.stop(); this.#seek(Number(this.slider.value)); });
    this.play.addEventListener("click", () => (this.frame ? this.stop() : this.#run()));
    this.#stale();
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.#button("play", "Replay the drawing");
  }

  #stale() {
    clearTimeout(this.timer);
    this.stop();
    this.steps = null;
    this.making = null;
    const none = this.app.sketch.isEmpty;
    byId("replay").classList.toggle("is-off", none);
    this.slider.disabled = this.play.disabled = none;
    this.#place(STEPS);
    fill(byId("ribbon"));
    byId("replay-text").textContent = none ? "Draw first, then look back." : "";
    if (!none && !this.app.sketch.isOpen) this.timer = setTimeout(() => this.#make().catch(() => {}), REST);
  }

  /** The guesses on the way, made once. */
  #make() {
    const { app } = this;
    if (this.making) return this.making;
    const making = timeline(app.engine, app.sketch.strokes, { model: app.model }).then((steps) => {
      if (this.making !== making) return null;
      this.steps = steps;
      this.#ribbon();
      return steps;
    });
    making.catch(() => { if (this.making === making) this.making = null; });
    this.making = making;
    return making;
  }

  #ribbon() {
    fill(byId("ribbon"), ...stretches(this.steps).map(({ word, from, to, sure }) => h("span",
      { title: word, class: sure ? "sure" : "", style: { "--part": String(to - from) } },
      to - from > 0.08 ? this.app.wordPicture(word) : null, to - from > 0.3 ? word : null)));
    byId("replay-text").textContent = sentence(stretches(this.steps));
  }

  async #seek(step) {
    this.#place(step);
    try {
      const steps = this.steps ?? await this.#make();
      if (steps) this.#show(Number(this.slider.value));
    } catch (error) {
      this.app.trouble(error);
    }
  }

  #show(step) {
    const { pad, app } = this;
    this.#place(step);
    if (step <= 0) {
      pad.show([], app.sketch.strokes);
      byId("replay-text").textContent = "The empty sheet.";
      this.slider.setAttribute("aria-valuetext", "the empty sheet");
      return;
    }
    const { strokes, prediction, share } = this.steps[step - 1];
    pad.show(step === STEPS ? null : strokes, app.sketch.strokes);
    this.guessed(prediction);
    const said = `${percentOf(share)} of the ink: ${prediction.sure ? "" : "maybe "}${withArticle(prediction.word)}, ${percent(prediction.probability)}`;
    byId("replay-text").textContent = said;
    this.slider.setAttribute("aria-valuetext", said);
  }

  #place(step) {
    this.slider.value = String(step);
    this.slider.style.setProperty("--done", `${(step / STEPS) * 100}%`);
  }

  async #run() {
    try {
      if (!(this.steps ?? await this.#make())) return;
    } catch (error) {
      this.app.trouble(error);
      return;
    }
    this.#button("pause", "Stop the replay");
    const from = Number(this.slider.value) >= STEPS ? 0 : Number(this.slider.value);
    const lasts = Math.min(LASTS, 900 + 500 * inkOf(this.app.sketch.strokes)) * (1 - from / STEPS);
    const start = performance.now();
    let last = -1;
    const tick = (now) => {
      const share = Math.min((now - start) / lasts, 1);
      const step = Math.round(from + share * (STEPS - from));
      if (step !== last) this.#show(step);
      last = step;
      if (share < 1 && this.steps) this.frame = requestAnimationFrame(tick);
      else this.stop();
    };
    this.frame = requestAnimationFrame(tick);
  }

  #button(name, label) {
    this.play.setAttribute("aria-label", label);
    this.play.querySelector("use").setAttribute("href", `#i-${name}`);
  }
}

/** A share of the ink, which may be all of it. */
const percentOf = (share) => `${Math.round(share * 100)}\u00a0%`;

/** "First a circle, then a face, from 60 % of the ink a cat." */
function sentence(found) {
  if (found.length === 1) return `${withArticle(found[0].word)}, from the first line on.`;
  const last = found[found.length - 1];
  return `First ${withArticle(found[0].word)}; from ${percentOf(last.from)} of the ink, ${withArticle(last.word)}.`;
}

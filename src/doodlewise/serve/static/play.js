/** @file The view Play: six words, twenty seconds each, and it tells what it sees. */

import { announce } from "./announce.js";
import { Answer, brief } from "./answer.js";
import { Pad } from "./canvas/pad.js";
import { button, byId, fill, h } from "./dom.js";
import { shortcuts } from "./draw.js";
import { face } from "./face.js";
import { gallery } from "./gallery.js";
import { chooseWords, Countdown, isRecognised, SECONDS } from "./game.js";
import { link } from "./link.js";
import { Sketch } from "./sketch.js";
import { speech } from "./speech.js";
import { count, orList, withArticle } from "./words.js";

/** So long the outcome of a word is shown, milliseconds. */
const OUTCOME = 1900;
const REMEMBERED = 60;

/** @param {any} app */
export function open(app) {
  return new Play(app);
}

class Play {
  constructor(app) {
    this.app = app;
    this.body = byId("play-body");
    this.sketch = new Sketch();
    this.recent = [];
    this.rounds = [];
    this.line = null;
    this.isDrawing = false;
    this.clock = new Countdown((left) => this.#tick(left), () => this.#outcome(false));
    this.sketch.addEventListener("change", () => this.#tools());
    addEventListener("keydown", (event) => {
      if (document.body.dataset.view === "play" && this.isDrawing) shortcuts(event, this.sketch);
    });
    this.#welcome();
  }

  show() {
    if (this.isDrawing) {
      this.clock.start();
      this.pad.draw();
    }
  }

  hide() {
    this.clock.stop();
    speech.stop();
  }

  #welcome() {
    const smile = face();
    smile.mood("sure");
    const words = Math.min(6, this.app.words.length);
    fill(this.body, h("div", { class: "index-card welcome" }, smile,
      h("h2", { text: words === 6 ? "Six words. Twenty seconds each." : `${count(words, "word")}. Twenty seconds each.` }),
      h("p", { text: "I tell you what to draw. You draw it, and I say what I see, until I get it or the time is up." }),
      button("play", "Let’s go", { class: "big", id: "play-start", onclick: () => this.#start() }),
      this.#voice()));
  }

  #voice() {
    if (!speech.available) return null;
    const box = h("input", { type: "checkbox", id: "play-voice", onchange: () => { speech.on = box.checked; } });
    box.checked = speech.on;
    return h("label", { class: "check" }, box, h("span", { text: "Say the guesses aloud" }));
  }

  #start() {
    this.rounds = chooseWords(this.app.words, this.recent).map((word) => ({ word }));
    this.recent = [...this.rounds.map(({ word }) => word), ...this.recent].slice(0, REMEMBERED);
    this.at = 0;
    this.line ??= link(this.app.engine, this.sketch, (message) => this.#heard(message));
    this.#card();
  }

  #card() {
    this.isDrawing = false;
    this.sketch.reset();
    const { word } = this.rounds[this.at];
    const go = button("draw", "Got it!", { class: "big", id: "play-go", onclick: () => this.#draw() });
    const title = h("h2", { class: "to-draw", tabindex: -1 }, h("small", { text: "Draw" }), h("span", { class: "marked", text: withArticle(word) }));
    fill(this.body, h("div", { class: "index-card word-card is-new" },
      h("p", { class: "of", text: `Word ${this.at + 1} of ${this.rounds.length}` }), title,
      h("p", { text: `in less than ${SECONDS} seconds` }), go));
    announce(`Word ${this.at + 1} of ${this.rounds.length}: draw ${withArticle(word)}.`);
    go.focus({ preventScroll: true });
  }

  #draw() {
    const { word } = this.rounds[this.at];
    this.isDrawing = true;
    this.best = null;
    this.said = "";
    const sheet = h("div", { class: "sheet taped is-empty", id: "play-sheet" });
    const answer = h("div", { class: "answer" });
    this.seconds = h("span", { class: "seconds" });
    this.pencil = h("div", { class: "pencil", "aria-hidden": "true" }, h("i", { class: "rubber" }), h("i", { class: "wood" }), h("i", { class: "tip" }));
    this.buttons = {
      undo: button("undo", "Undo", { class: "tool", onclick: () => this.sketch.undo() }),
      redo: button("redo", "Redo", { class: "tool", onclick: () => this.sketch.redo() }),
      clear: button("clear", "Clear", { class: "tool", onclick: () => this.sketch.clear() }),
    };
    fill(this.body, h("div", { class: "studio game" },
      h("div", { class: "task" },
        h("p", { class: "task-word" }, "Draw ", h("b", { text: withArticle(word) })),
        h("div", { class: "time", role: "timer", "aria-label": "Time left" }, this.pencil, this.seconds)),
      h("div", { class: "stage" }, sheet,
        h("div", { class: "tools", role: "group", "aria-label": "Drawing tools" }, ...Object.values(this.buttons),
          h("span", { class: "gap" }), button("", "Skip", { class: "tool", id: "play-skip", onclick: () => this.#outcome(false) }))),
      h("div", { class: "side" }, answer)));
    this.answer = new Answer(answer, "I’m looking…");
    this.pad?.close();
    this.pad = new Pad(sheet, this.sketch, { label: `Sheet to draw ${withArticle(word)} on`, width: this.app.pen });
    this.pad.canvas.focus({ preventScroll: true, focusVisible: false });
    this.#tools();
    this.clock.start(SECONDS);
  }

  #tools() {
    if (!this.buttons) return;
    this.buttons.undo.disabled = !this.sketch.canUndo;
    this.buttons.redo.disabled = !this.sketch.canRedo;
    this.buttons.clear.disabled = this.sketch.isEmpty;
  }

  #tick(left) {
    this.pencil.style.setProperty("--left", String(left / SECONDS));
    const seconds = `${Math.ceil(left)} s`;
    if (this.seconds.textContent === seconds) return;
    this.seconds.textContent = seconds;
    this.pencil.parentElement.classList.toggle("is-short", left <= 5);
    if (seconds === "10 s" || seconds === "5 s") announce(`${Math.ceil(left)} seconds left.`);
  }

  #heard(message) {
    if (message.type === "online" || message.type === "offline") this.app.line(message.type === "online");
    else if (message.type === "error") this.app.trouble(message);
    if (!this.isDrawing) return;
    if (message.type === "empty") this.answer.empty();
    if (message.type !== "guess") return;
    const round = this.rounds[this.at];
    this.best = message;
    if (isRecognised(message.guesses, round.word, this.app.words.length, this.sketch.strokes)) this.#outcome(true);
    else this.#see(message.guesses);
  }

  /** "I see a hat, or a boat." */
  #see(guesses) {
    const list = guesses.slice(0, 2).filter(({ probability }) => probability > 0.07).map(({ word }) => withArticle(word));
    const words = list.length ? `I see ${orList(brief(list))}…` : "Hm, I can’t tell yet…";
    if (words === this.said) return;
    this.said = words;
    this.answer.say("thinking", words);
    announce(words, "guess");
    if (list.length) speech.say(words);
  }

  #outcome(recognised) {
    if (!this.isDrawing) return;
    this.isDrawing = false;
    this.clock.stop();
    this.sketch.finish();
    this.pad.enabled = false;
    for (const each of this.body.querySelectorAll(".tools button")) each.disabled = true;
    const round = this.rounds[this.at];
    Object.assign(round, {
      strokes: this.sketch.strokes, recognised, guesses: this.best?.guesses ?? [], seconds: SECONDS - this.clock.left,
    });
    const words = recognised ? `Oh, I know: it’s ${withArticle(round.word)}!`
      : this.clock.left > 0 ? "All right, the next one." : "Time’s up. I did not see it.";
    this.answer.say(recognised ? "sure" : "away", words);
    this.pad.host.classList.add(recognised ? "is-right" : "is-over");
    announce(words);
    speech.say(words, true);
    setTimeout(() => {
      this.at += 1;
      if (this.at < this.rounds.length) this.#card();
      else this.#end();
    }, recognised || this.clock.left <= 0 ? OUTCOME : 700);
  }

  #end() {
    this.line?.close();
    this.line = null;
    fill(this.body, gallery(this.app, this.rounds, () => this.#start()));
    byId("play-score").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

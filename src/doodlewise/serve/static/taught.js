/** @file What was learnt: how well, a sheet to try it at once, and files to take away. */

import { announce } from "./announce.js";
import { Answer } from "./answer.js";
import { Pad } from "./canvas/pad.js";
import { button, fill, h } from "./dom.js";
import { download, downloadText } from "./download.js";
import { Guesses } from "./guesses.js";
import { link } from "./link.js";
import { ndjson } from "./ndjson.js";
import { Sketch } from "./sketch.js";
import { calm } from "./theme.js";
import { count } from "./words.js";

export class Taught {
  /** @param {any} app @param {import("./lessons.js").Lessons} lessons @param {HTMLElement} host */
  constructor(app, lessons, host) {
    this.app = app;
    this.lessons = lessons;
    this.host = host;
    this.sketch = new Sketch();
    this.line = null;
  }

  async learn(key) {
    const { app, lessons } = this;
    const keepKnown = lessons.keepKnown;
    const words = lessons.toTeach();
    const samples = new Map(words.filter(({ drawings }) => drawings.length).map(({ word, drawings }) => [word, drawings[0].strokes]));
    const lesson = await app.engine.teach({ words, keepKnown, ...(key && { key }) });
    app.learnt({ model: lesson.model, words: words.map(({ word }) => word) }, samples);
    this.#show(lesson, keepKnown);
  }

  #show(lesson, keepKnown) {
    const { app } = this;
    this.line?.close();
    this.pad?.close();
    this.sketch.reset();
    const own = lesson.words.length - (keepKnown && lesson.words.length > app.words.length ? app.words.length : 0);
    const facts = h("p", { class: "lead", text: sentence(lesson, own) });
    const sheet = h("div", { class: "sheet taped is-empty", id: "try-sheet" }, h("div", { class: "hint" }, h("p", { class: "hint-main", text: "Try it." }), h("p", { text: "Draw one of your words." })));
    const answer = h("div", { class: "answer" });
    const guesses = h("ol", { class: "guesses", "aria-label": "Guesses" });
    const title = h("h2", { tabindex: -1, text: "Learnt!" });
    fill(this.host, title, facts,
      ...lesson.notes.map((text) => h("p", { class: "note", text })),
      h("div", { class: "try" },
        h("div", {}, sheet, h("div", { class: "tools" },
          button("undo", "Undo", { class: "tool", onclick: () => this.sketch.undo() }),
          button("clear", "Clear", { class: "tool", onclick: () => this.sketch.clear() }))),
        h("div", { class: "side" }, answer, guesses)),
      h("div", { class: "row takeaway" },
        button("draw", "Use it in Draw", { class: "big plain", id: "use-in-draw", onclick: () => { app.use(lesson.model); location.hash = "#draw"; } }),
        button("save", "The model (.onnx)", { class: "link", id: "save-model", onclick: () => this.#file("modelFile", lesson.model, "my-words.onnx") }),
        app.engine.bundleFile ? button("save", "Model and drawings (.zip)", { class: "link", id: "save-bundle", onclick: () => this.#file("bundleFile", lesson.model, "my-words.zip") }) : null,
        button("save", "The drawings (.ndjson)", { class: "link", id: "save-drawings", onclick: () => downloadText(ndjson(this.lessons.toDrawings()), "my-words.ndjson") })),
      h("p", { class: "note", text: app.config.mode === "browser"
        ? "The new model lives in this page until you close it; download it to keep it."
        : "The server remembers the new model for a while; download it to keep it." }));
    this.host.hidden = false;
    this.#try(lesson, sheet, answer, guesses);
    announce(`Learnt. ${facts.textContent}`);
    title.focus({ preventScroll: true });
    this.host.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "start" });
  }

  #try(lesson, sheet, host, list) {
    const { app, sketch } = this;
    const answer = new Answer(host, "Draw one, and I’ll tell which.");
    const guesses = new Guesses(list, app, Math.min(5, Math.max(lesson.words.length, 2)));
    this.pad = new Pad(sheet, sketch, { label: "Sheet to try the new words on", width: app.pen });
    this.line = link(app.engine, sketch, (message) => {
      if (message.type === "online" || message.type === "offline") app.line(message.type === "online");
      else if (message.type === "error") app.trouble(message);
      else if (message.type === "empty") {
        answer.empty();
        guesses.clear();
      } else {
        guesses.show(message);
        answer.show(message);
      }
    }, lesson.model);
  }

  async #file(what, model, name) {
    try {
      download(await this.app.engine[what](model), name);
    } catch (error) {
      this.app.trouble(error);
    }
  }
}

/** "2 words from 10 drawings, in 0.4 seconds. With each …" */
function sentence({ examples, seconds, accuracy }, words) {
  const time = seconds < 0.95 ? `${Math.max(seconds, 0.1).toFixed(1)} seconds` : count(Math.round(seconds), "second");
  const first = `${count(words, "word")} from ${count(examples, "example")}, in ${time}.`;
  if (accuracy === null || accuracy === undefined) return `${first} More examples would tell how well.`;
  const right = Math.round(accuracy * examples);
  return `${first} Each example was also hidden once, to be guessed from the others: it got ${right} of ${examples} right.`;
}

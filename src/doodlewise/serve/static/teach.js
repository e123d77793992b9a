/** @file The view Teach: words of one's own, a sheet for their examples, and the lesson itself. */

import { announce } from "./announce.js";
import { Pad } from "./canvas/pad.js";
import { button, byId, fill, h } from "./dom.js";
import { shortcuts } from "./draw.js";
import { ENOUGH, Lessons, LONGEST_WORD, size } from "./lessons.js";
import { readPicture } from "./pictures.js";
import { Sketch } from "./sketch.js";
import { Taught } from "./taught.js";
import { count } from "./words.js";
import { wordCard } from "./word-card.js";

/** @param {any} app */
export async function open(app) {
  if (!app.config.teach?.enabled) {
    fill(byId("teach-body"), h("p", { class: "slip", text: "This network cannot be taught. Open the page with one that was exported by this version." }));
    return {};
  }
  return new Teach(app, await Lessons.open());
}

class Teach {
  /** @param {any} app @param {Lessons} lessons */
  constructor(app, lessons) {
    this.app = app;
    this.lessons = lessons;
    this.chosen = lessons.words[0] ?? null;
    this.sketch = new Sketch();
    this.#build();
    this.taught = new Taught(app, lessons, this.result);
    lessons.addEventListener("change", () => this.#list());
    this.sketch.addEventListener("change", () => this.#tools());
    addEventListener("keydown", (event) => this.#keys(event));
    this.#list();
  }

  show() { this.pad.draw(); }

  #build() {
    const { app, sketch } = this;
    this.sheet = h("div", { class: "sheet taped is-empty", id: "teach-sheet" }, this.hint = h("div", { class: "hint" }));
    this.title = h("h2", { class: "drawing-of", "aria-live": "polite" });
    this.take = button("check", "Add drawing", { class: "big", id: "teach-take", onclick: () => this.#take() });
    this.undo = button("undo", "Undo", { class: "tool", onclick: () => sketch.undo() });
    this.clear = button("clear", "Clear", { class: "tool", onclick: () => sketch.clear() });
    this.name = h("input", { type: "text", id: "teach-word", maxlength: LONGEST_WORD, autocomplete: "off", autocapitalize: "none", placeholder: "dragonfly" });
    this.wrong = h("p", { class: "note wrong", role: "alert", id: "teach-wrong" });
    const add = h("form", { class: "add-word", onsubmit: (event) => this.#add(event) },
      h("label", { for: "teach-word", text: "Add a word" }), this.name,
      h("button", { type: "submit", class: "round", "aria-label": "Add the word" }, button("add", "").firstChild));
    this.cards = h("ul", { class: "word-cards" });
    this.kept = h("p", { class: "note" });
    this.keepKnown = h("input", { type: "checkbox", id: "teach-known", onchange: () => this.lessons.setKeepKnown(this.keepKnown.checked) });
    this.keepKnown.checked = this.lessons.keepKnown;
    this.key = h("input", { type: "password", id: "teach-key", autocomplete: "off" });
    this.learn = button("teach", "Learn", { class: "big", id: "teach-learn", onclick: () => this.#learn() });
    this.missing = h("p", { class: "note", id: "teach-missing" });
    this.result = h("div", { class: "taught", id: "teach-result", hidden: true });
    const known = app.words.length;
    fill(byId("teach-body"),
      h("div", { class: "classroom" },
        h("div", { class: "easel" }, this.title, this.sheet,
          h("div", { class: "tools", role: "group", "aria-label": "Drawing tools" }, this.undo, this.clear, h("span", { class: "gap" }), this.take),
          app.config.teach.pictures ? this.#drop() : null),
        h("div", { class: "shelf" }, add, this.wrong, this.cards,
          h("div", { class: "lesson-end" },
            h("label", { class: "check" }, this.keepKnown, h("span", { text: known === 1 ? "Also keep the word it knows" : `Also keep the ${known} words it knows` })),
            app.config.teach.needs_key ? h("label", { class: "key" }, h("span", { text: "Key of this server" }), this.key) : null,
            h("div", { class: "row" }, this.learn, this.missing), this.kept))),
      this.result);
    this.pad = new Pad(this.sheet, sketch, { label: "Sheet for an example; Enter adds it", width: app.pen });
    this.#tools();
  }

  /** Pictures instead of drawings: dropped, pasted or chosen. */
  #drop() {
    const files = h("input", { type: "file", id: "teach-files", accept: "image/*", multiple: true, class: "hidden-text", onchange: () => this.#pictures([...files.files]).then(() => { files.value = ""; }) });
    const zone = h("div", { class: "drop" }, h("span", { text: "Or drop pictures here, or" }), files, h("label", { for: "teach-files", class: "link", text: "choose some" }));
    const easel = (on) => (event) => { event.preventDefault(); zone.classList.toggle("is-over", on); };
    zone.addEventListener("dragover", easel(true));
    zone.addEventListener("dragleave", easel(false));
    zone.addEventListener("drop", (event) => { easel(false)(event); this.#pictures([...event.dataTransfer.files]); });
    this.zone = zone;
    return zone;
  }

  async #pictures(files) {
    const lesson = this.chosen;
    if (!lesson) return;
    try {
      for (const file of files) this.lessons.addImage(lesson, await readPicture(file));
      announce(`${count(files.length, "picture")} added to ${lesson.word}.`);
    } catch (error) {
      this.app.trouble(error);
    }
  }

  #add(event) {
    event.preventDefault();
    const wrong = this.lessons.add(this.name.value);
    this.wrong.textContent = wrong;
    if (wrong) return;
    this.name.value = "";
    this.#choose(this.lessons.words[this.lessons.words.length - 1]);
    this.pad.canvas.focus({ preventScroll: true, focusVisible: false });
  }

  #choose(lesson) {
    this.chosen = lesson;
    this.#list();
  }

  #take() {
    if (!this.chosen || this.sketch.isEmpty) return;
    this.sketch.finish();
    if (!this.lessons.addDrawing(this.chosen, this.sketch.strokes)) {
      this.app.trouble({ code: "enough", message: "That word has enough examples. Choose the next one." });
      return;
    }
    this.sketch.reset();
    announce(`Example ${size(this.chosen)} of ${this.chosen.word} added.`);
    this.pad.canvas.focus({ preventScroll: true, focusVisible: false });
  }

  #keys(event) {
    if (document.body.dataset.view !== "teach") return;
    const own = event.target === this.pad.canvas;
    if (own && event.key === "Enter") this.#take();
    else if (own || event.target === document.body) shortcuts(event, this.sketch);
  }

  #tools() {
    const none = this.sketch.isEmpty;
    this.take.disabled = none || !this.chosen;
    this.undo.disabled = !this.sketch.canUndo;
    this.clear.disabled = none;
  }

  #list() {
    const { lessons } = this;
    if (!lessons.words.includes(this.chosen)) this.chosen = lessons.words[0] ?? null;
    const { chosen } = this;
    const focused = document.activeElement?.id;
    fill(this.cards, ...lessons.words.map((lesson) => wordCard(lesson, {
      isChosen: lesson === chosen, pen: this.app.pen, enough: ENOUGH,
      choose: () => this.#choose(lesson),
      remove: () => { lessons.remove(lesson); this.name.focus(); },
      removeExample: (example) => { lessons.removeExample(lesson, example); this.pad.canvas.focus({ preventScroll: true, focusVisible: false }); },
    })));
    if (focused) byId(focused)?.focus({ preventScroll: true });
    this.pad.enabled = chosen !== null;
    this.sheet.classList.toggle("is-off", chosen === null);
    if (this.zone) this.zone.hidden = chosen === null;
    fill(this.title, ...(chosen ? [h("b", { text: chosen.word }), `, drawing ${size(chosen) + 1}`] : ["Which word first?"]));
    fill(this.hint, h("p", { class: "hint-main", text: chosen ? "Draw it here." : "Add a word." }),
      h("p", { text: chosen ? "Every time a little differently, as people do." : "Any word: a friend, a pet, a sign only you know." }));
    this.learn.disabled = !lessons.isReady;
    this.missing.textContent = this.#missing();
    this.kept.textContent = lessons.isKept
      ? "Your examples stay in this browser, on this device, until you remove them. They are sent only to be learnt from."
      : "This browser does not keep anything: download your drawings before you leave.";
    this.#tools();
  }

  #missing() {
    const { lessons } = this;
    const least = lessons.keepKnown ? 1 : 2;
    if (lessons.usable.length < least) return least === 1 ? "It needs one word with drawings." : "It needs two words with drawings.";
    const few = lessons.usable.filter((each) => size(each) < ENOUGH).map(({ word }) => word);
    return few.length ? `Better with ${ENOUGH} or more of ${few.slice(0, 3).join(", ")}${few.length > 3 ? " …" : ""}.` : "";
  }

  async #learn() {
    this.learn.disabled = true;
    this.learn.classList.add("is-busy");
    this.learn.lastChild.textContent = "Learning…";
    announce("Learning…");
    this.app.clearTrouble();
    try {
      await this.taught.learn(this.key.value.trim());
    } catch (error) {
      this.app.trouble(error);
    }
    this.learn.lastChild.textContent = "Learn";
    this.learn.classList.remove("is-busy");
    this.learn.disabled = !this.lessons.isReady;
  }
}

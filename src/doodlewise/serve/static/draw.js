/** @file The view Draw: a sheet, what it guesses, how it came to that, and taking the drawing away. */

import { announce } from "./announce.js";
import { Answer } from "./answer.js";
import { Pad } from "./canvas/pad.js";
import { byId, fill, h } from "./dom.js";
import { downloadPicture, downloadText, fileName } from "./download.js";
import { Guesses } from "./guesses.js";
import { link } from "./link.js";
import { ndjson } from "./ndjson.js";
import { Replay } from "./replay.js";
import { count, withArticle } from "./words.js";

/** @param {any} app */
export function open(app) {
  const { sketch, config, engine } = app;
  const pad = new Pad(byId("draw-sheet"), sketch, { label: "Sheet to draw on", width: app.pen });
  byId("draw-sheet").classList.add("is-empty");
  const answer = new Answer(byId("draw-answer"), "Draw something, and I’ll guess.");
  const guesses = new Guesses(byId("draw-guesses"), app);
  const replay = new Replay(app, pad, (guess) => { show(guess, { quiet: true }); });
  /** @type {any} the newest guess about the whole drawing */
  let newest = null;

  function show(guess, options) {
    guesses.show(guess);
    answer.show(guess, options);
  }

  function empty() {
    newest = null;
    guesses.clear();
    answer.empty();
  }

  const line = link(engine, sketch, (message) => {
    if (message.type === "online" || message.type === "offline") {
      app.line(message.type === "online");
      if (message.type === "offline") answer.face.mood("away");
    } else if (message.type === "empty") empty();
    else if (message.type === "error") failed(message);
    else {
      newest = message;
      app.guess = message;
      if (!pad.shown) show(message);
    }
  }, app.model);

  function failed(message) {
    if (app.model !== null && message.code !== "closing") {
      app.use(null);
      app.trouble({ code: message.code, message: `${message.message} Guessing with the first model again.` });
    } else app.trouble(message);
  }

  const buttons = { undo: byId("undo"), redo: byId("redo"), clear: byId("clear") };
  const tools = () => {
    buttons.undo.disabled = !sketch.canUndo;
    buttons.redo.disabled = !sketch.canRedo;
    buttons.clear.disabled = sketch.isEmpty;
    for (const id of ["save-png", "save-ndjson"]) byId(id).disabled = sketch.isEmpty;
  };
  sketch.addEventListener("change", () => {
    tools();
    if (sketch.isEmpty) empty();
  });
  sketch.addEventListener("full", () => app.trouble({ code: "full", message: "The sheet is full. Undo something, or clear it." }));
  for (const [name, each] of Object.entries(buttons)) {
    each.addEventListener("click", () => {
      sketch[name]();
      announce({ undo: "Taken back.", redo: "Brought back.", clear: "The sheet is empty." }[name]);
      // A button that has become useless would take the focus with it.
      if (each.disabled) pad.canvas.focus({ preventScroll: true, focusVisible: false });
    });
  }
  addEventListener("keydown", (event) => {
    if (["draw", "inside"].includes(document.body.dataset.view)) shortcuts(event, sketch);
  });
  tools();

  byId("idea").addEventListener("click", () => {
    const words = app.words;
    const word = words[Math.floor(Math.random() * words.length)];
    const text = byId("idea-text");
    text.hidden = false;
    fill(text, "How about ", h("b", { text: withArticle(word) }), "?");
  });

  const name = (ending) => fileName(newest?.sure ? newest.word : "drawing", ending);
  byId("save-png").addEventListener("click", () => downloadPicture(sketch.strokes, app.pen, name("png")));
  byId("save-ndjson").addEventListener("click", () => {
    const word = byId("keep-word").value.trim() || newest?.word || "drawing";
    downloadText(ndjson([{ word, strokes: sketch.strokes }]), name("ndjson"));
  });
  startKeeping(app);
  startPicker(app, line);
  about(app);

  return {
    show() {
      pad.draw();
      if (newest && !pad.shown) guesses.show(newest);
    },
    hide: () => replay.stop(),
  };
}

/** Ctrl+Z, Ctrl+Shift+Z (or Ctrl+Y) and Delete, unless somebody is writing. */
export function shortcuts(event, sketch) {
  if (event.target.closest?.("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    if (key === "z") sketch[event.shiftKey ? "redo" : "undo"]();
    else if (key === "y") sketch.redo();
    else return;
  } else if (key === "delete" && !event.altKey) sketch.clear();
  else return;
  event.preventDefault();
}

/** Only where the server has a collection, and only when the person asks. */
function startKeeping({ config, engine, sketch, trouble }) {
  const form = byId("keep");
  form.hidden = !config.keep?.enabled;
  if (form.hidden) return;
  byId("keep-key-label").hidden = byId("keep-key").hidden = !config.teach?.needs_key;
  fill(byId("keep-words"), ...config.labels.map(({ word }) => h("option", { value: word })));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sketch.isEmpty) return;
    const word = byId("keep-word").value.trim();
    try {
      await engine.keep(word, sketch.strokes, byId("keep-key").value.trim());
      byId("keep-note").textContent = `Kept. Thank you for ${withArticle(word)}!`;
    } catch (error) {
      trouble(error);
    }
  });
}

/** Which words to guess among, once there are taught ones. */
function startPicker(app, line) {
  const select = byId("model");
  const list = () => {
    byId("model-picker").hidden = app.taught.length === 0;
    const first = h("option", { value: "", text: `the ${count(app.words.length, "word")} it knows` });
    const taught = app.taught.map(({ id, words }) => h("option", { value: id, text: short(words) }));
    fill(select, first, ...taught.reverse());
    select.value = app.model ?? "";
  };
  app.addEventListener("taught", list);
  app.addEventListener("model", () => {
    list();
    line.use(app.model);
  });
  select.addEventListener("change", () => app.use(select.value || null));
  list();
}

function short(words) {
  const few = words.slice(0, 3).join(", ");
  return words.length > 3 ? `${few} and ${words.length - 3} more` : few;
}

function about({ config }) {
  const where = config.mode === "browser"
    ? "The network runs here in your browser: your drawing does not leave it."
    : "What you draw goes to this server to be guessed, and is not kept.";
  byId("draw-about").textContent = `Knows ${count(config.labels.length, "word")}. ${where}`;
}

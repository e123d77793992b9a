/** @file The page: what is read first, what the views share, and which view is shown. */

import { announce } from "./announce.js";
import { button, byId, fill, h } from "./dom.js";
import { openEngine } from "./engine.js";
import { startEyes } from "./face.js";
import { Means } from "./means.js";
import { Sketch } from "./sketch.js";
import { startTheme } from "./theme.js";
import { penWidth, thumbnail } from "./canvas/ink.js";

const VIEWS = { draw: "Draw", play: "Play", teach: "Teach", inside: "Look inside" };
const MODULES = { draw: "./draw.js", play: "./play.js", teach: "./teach.js", inside: "./look.js" };

/** What the views share. */
class App extends EventTarget {
  constructor(config, engine, means) {
    super();
    this.config = config;
    this.engine = engine;
    this.means = means;
    // A network of photos has no pen; draw with the usual one.
    this.pen = penWidth(config.model.render ?? { line_width: 16, padding: 16 });
    /** The drawing that Draw and Look inside have in common. */
    this.sketch = new Sketch();
    /** @type {{id: string, words: string[]}[]} what was taught since the page was opened */
    this.taught = [];
    /** @type {string | null} a taught model, or null: the one that the page came with */
    this.model = null;
    /** @type {Map<string, any[]>} a drawing of each taught word */
    this.samples = new Map();
    this.emoji = new Map(config.labels.map(({ word, emoji }) => [word, emoji]));
  }

  get words() { return this.config.labels.map(({ word }) => word); }

  /** A drawing that was taught, an emoji, what the word looks like on average, or its first letter. */
  wordPicture(word) {
    const sample = this.samples.get(word);
    if (sample) return thumbnail(sample, this.pen);
    const emoji = this.emoji.get(word);
    if (emoji) return h("span", { class: "emoji", text: emoji });
    return this.means?.tile(word) ?? h("span", { class: "initial", text: [...word][0] ?? "?" });
  }

  /** Guess with this model in Draw and Look inside. @param {string | null} id */
  use(id) {
    this.model = id;
    this.dispatchEvent(new Event("model"));
  }

  /** @param {{model: string, words: string[]}} lesson @param {Map<string, any[]>} samples */
  learnt({ model, words }, samples) {
    this.taught.push({ id: model, words });
    for (const [word, strokes] of samples) this.samples.set(word, strokes);
    this.dispatchEvent(new Event("taught"));
  }

  /** Tell trouble, in the words of whoever had it. */
  trouble(error) {
    const message = error?.code ? error.message : "Something went wrong. Reload the page, and tell us if it stays.";
    if (!error?.code) console.error(error);
    const box = byId("trouble");
    const close = button("remove", "Close", { class: "link", onclick: () => { box.hidden = true; } });
    fill(box, h("p", { text: message }), close);
    box.hidden = false;
  }

  clearTrouble() { byId("trouble").hidden = true; }

  /** Whether the line to the server is there. */
  line(online) {
    const state = byId("line-state");
    if (state.hidden === online) return;
    state.hidden = online;
    state.textContent = online ? "" : "No connection. Trying again…";
    if (online) announce("Connected again.");
  }
}

/** Hash routes: the view is opened when it is first shown. */
function startViews(app) {
  /** @type {Record<string, Promise<any>>} */
  const opened = {};
  let shown = "";

  async function show() {
    const asked = location.hash.slice(1);
    const name = asked in VIEWS ? asked : "draw";
    const first = shown === "";
    if (name === shown) return;
    const left = shown;
    shown = name;
    for (const key of Object.keys(VIEWS)) byId(key).hidden = key !== name;
    for (const link of document.querySelectorAll(".tabs a")) {
      if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${VIEWS[name]} · Doodlewise`;
    document.body.dataset.view = name;
    app.clearTrouble();
    if (left) (await opened[left])?.hide?.();
    opened[name] ??= import(MODULES[name]).then((module) => module.open(app));
    try {
      const view = await opened[name];
      if (shown !== name) return;
      view.show?.();
      document.body.dataset.ready = name;
    } catch (error) {
      app.trouble(error);
    }
    if (!first) byId(`${name}-title`).focus({ preventScroll: true });
    if (!first) scrollTo(0, 0);
  }
  addEventListener("hashchange", show);
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    const target = byId(shown).querySelector("canvas.pad, button:not([hidden])") ?? byId("main-content");
    target.focus();
  });
  return show();
}

async function start() {
  startTheme();
  startEyes();
  try {
    const answer = await fetch("config.json");
    if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
    const config = await answer.json();
    const [engine, means] = await Promise.all([openEngine(config), Means.open(config)]);
    await startViews(new App(config, engine, means));
  } catch (error) {
    console.error(error);
    const box = byId("trouble");
    fill(box, h("p", { text: error?.code ? error.message : "The page could not start. Check the connection, then reload it." }),
      button("redo", "Reload", { class: "link", onclick: () => location.reload() }));
    box.hidden = false;
  }
}

start();

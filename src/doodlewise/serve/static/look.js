/** @file The view Look inside: what the network saw, what it compares with, and how it made up its mind. */

import { Pad } from "./canvas/pad.js";
import { chart } from "./chart.js";
import { button, byId, fill, h } from "./dom.js";
import { inkTile } from "./means.js";
import { timeline } from "./timeline.js";
import { percent, withArticle } from "./words.js";

const REST = 350;

/** @param {any} app */
export function open(app) {
  const { sketch, means, config } = app;
  const known = (word) => means?.has(word) ?? false;
  const sheet = h("div", { class: "sheet is-empty", id: "inside-sheet" },
    h("div", { class: "hint" }, h("p", { class: "hint-main", text: "Draw here," }), h("p", { text: "and look how I see it." })));
  const undo = button("undo", "Undo", { class: "tool", onclick: () => sketch.undo() });
  const clear = button("clear", "Clear", { class: "tool", onclick: () => sketch.clear() });
  const seen = h("div", { class: "view-box", id: "inside-seen" });
  const mean = h("div", { class: "view-box", id: "inside-mean" });
  const seenText = h("p", { class: "note" });
  const meanTitle = h("h2", { text: "What I compare with" });
  const meanText = h("p", { class: "note" });
  const nearest = h("ol", { class: "nearest", id: "inside-nearest" });
  const growth = h("div", { class: "growth", id: "inside-chart" });
  fill(byId("inside-body"),
    h("div", { class: "lens" },
      h("section", { class: "panel" }, h("h2", { text: "You drew" }), sheet, h("div", { class: "tools" }, undo, clear)),
      h("section", { class: "panel" }, h("h2", { text: "I saw" }), seen, seenText),
      means ? h("section", { class: "panel" }, meanTitle, mean, meanText) : null,
      means ? h("section", { class: "panel wide-2" }, h("h2", { text: "Most alike, on average" }),
        h("p", { class: "note", text: "All drawings of a word laid over each other, and how alike yours is to them, pixel by pixel. The network looks more closely than that: so the order may differ from its guess." }), nearest) : null,
      h("section", { class: "panel wide" }, h("h2", { text: "How I made up my mind" }),
        h("p", { class: "note", text: "How likely each word was, from the first line to the last." }), growth)));
  const pad = new Pad(sheet, sketch, { label: "Sheet to draw on", width: app.pen });
  sheet.classList.toggle("is-empty", sketch.isEmpty);
  let timer = 0;
  let turn = 0;

  function reset() {
    for (const box of [seen, mean]) {
      fill(box);
      box.removeAttribute("role");
      box.removeAttribute("aria-label");
    }
    seenText.textContent = "Nothing yet.";
    meanTitle.textContent = "What I compare with";
    meanText.textContent = "Draw, and I’ll show what I expect.";
    fill(nearest);
    fill(growth, h("p", { class: "note waiting", text: "Draw something first." }));
  }

  async function look() {
    const own = ++turn;
    if (sketch.isEmpty) return reset();
    const { strokes } = sketch;
    try {
      const [[prediction], steps] = await Promise.all([
        app.engine.predict([strokes], { top: 5, look: true, model: app.model }),
        timeline(app.engine, strokes, { model: app.model }),
      ]);
      if (own !== turn) return undefined;
      saw(prediction);
      fill(growth, chart(steps));
    } catch (error) {
      if (own === turn) app.trouble(error);
    }
    return undefined;
  }

  function saw(prediction) {
    const { word, pixels } = prediction;
    if (pixels) {
      const side = pixels.length;
      const ink = Float64Array.from(pixels.flat());
      fill(seen, inkTile(ink, side));
      seen.setAttribute("role", "img");
      seen.setAttribute("aria-label", `Your drawing in ${side} by ${side} pixels`);
      seenText.textContent = `${side} × ${side} pixels, cut to the drawing and centred. That is all I get.`;
      if (means && side === means.side) near(ink);
    }
    meanTitle.textContent = `${capital(withArticle(word))}, on average`;
    if (known(word)) {
      fill(mean, means.tile(word));
      mean.setAttribute("role", "img");
      mean.setAttribute("aria-label", `All drawings of ${withArticle(word)} laid over each other`);
      meanText.textContent = `${prediction.sure ? "I am sure" : "My best guess"}: ${withArticle(word)}, ${percent(prediction.probability)}.`;
    } else {
      fill(mean, app.wordPicture(word));
      meanText.textContent = `My best guess: ${word}, ${percent(prediction.probability)}. You taught me this one.`;
    }
  }

  function near(ink) {
    fill(nearest, ...means.nearest(ink, 6).map(({ word, likeness }) => h("li", {},
      h("span", { class: "near-tile", "aria-hidden": "true" }, means.tile(word)),
      h("span", { class: "near-word", text: word }),
      h("span", { class: "note", text: `${Math.max(Math.round(likeness * 100), 0)}\u00a0% alike` }))));
  }

  function tools() {
    undo.disabled = !sketch.canUndo;
    clear.disabled = sketch.isEmpty;
  }

  sketch.addEventListener("change", () => {
    tools();
    if (document.body.dataset.view !== "inside") return;
    clearTimeout(timer);
    if (sketch.isEmpty) look();
    else if (!sketch.isOpen) timer = setTimeout(look, REST);
  });
  tools();
  reset();
  if (!config.means) byId("inside-body").classList.add("no-means");
  return {
    show() {
      pad.draw();
      look();
    },
  };
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

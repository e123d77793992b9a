/** @file The guesses as bars that move to their places, with an emoji or what the word looks like. */

import { h } from "./dom.js";
import { calm } from "./theme.js";
import { percent } from "./words.js";

export class Guesses {
  /**
   * @param {HTMLElement} list an ol
   * @param {{wordPicture: (word: string, model?: string|null) => Element | null}} app
   * @param {number} [most]
   */
  constructor(list, app, most = 5) {
    this.list = list;
    this.app = app;
    this.most = most;
    /** @type {Map<string, any>} */
    this.rows = new Map();
    this.clear();
  }

  clear() {
    this.rows.clear();
    this.list.classList.add("is-empty");
    // As many lines as there will be, so that nothing jumps.
    this.list.replaceChildren(...Array.from({ length: this.most }, () => blank()));
  }

  /** @param {{sure: boolean, guesses: {word: string, probability: number}[]}} prediction */
  show({ guesses, sure }) {
    const shown = guesses.slice(0, this.most);
    const before = new Map([...this.rows].map(([word, row]) => [word, row.offsetTop]));
    const rows = new Map();
    for (const [rank, { word, probability }] of shown.entries()) {
      const row = this.rows.get(word) ?? this.#row(word);
      row.bar.style.setProperty("--share", String(Math.max(probability, 0.004)));
      row.share.textContent = percent(probability);
      row.classList.toggle("is-first", rank === 0);
      row.classList.toggle("is-sure", rank === 0 && sure);
      rows.set(word, row);
    }
    this.rows = rows;
    this.list.classList.remove("is-empty");
    const blanks = Array.from({ length: this.most - shown.length }, () => blank());
    this.list.replaceChildren(...rows.values(), ...blanks);
    if (calm()) return;
    for (const [word, row] of rows) {
      if (!before.has(word)) {
        row.animate([{ opacity: 0, transform: "translateX(.6rem)" }, {}], { duration: 180, easing: "ease-out" });
        continue;
      }
      const moved = before.get(word) - row.offsetTop;
      if (moved) row.animate([{ transform: `translateY(${moved}px)` }, {}], { duration: 260, easing: "cubic-bezier(.2,.9,.3,1.1)" });
    }
  }

  #row(word) {
    const row = h("li", { class: "guess" });
    row.bar = h("span", { class: "bar", "aria-hidden": "true" }, h("i"));
    row.share = h("span", { class: "share" });
    row.append(
      h("span", { class: "glyph", "aria-hidden": "true" }, this.app.wordPicture(word)),
      h("span", { class: "word", text: word }), row.bar, row.share,
    );
    return row;
  }
}

const blank = () => h("li", { class: "guess is-blank", "aria-hidden": "true" },
  h("span", { class: "glyph" }), h("span", { class: "word" }), h("span", { class: "bar" }, h("i")),
  h("span", { class: "share" }));

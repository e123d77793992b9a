/** @file The face and what it says, in a sentence. */

import { announce } from "./announce.js";
import { fill, h } from "./dom.js";
import { face } from "./face.js";
import { orList, sayGuess, withArticle } from "./words.js";

/** So many letters fit into the line of a phone; what is longer would push the sheet about. */
const LONG = 26;

export class Answer {
  /** @param {HTMLElement} host @param {string} invitation said while the sheet is empty */
  constructor(host, invitation) {
    this.invitation = invitation;
    this.face = face();
    this.text = h("p", { class: "answer-text" });
    fill(host, this.face, this.text);
    this.sure = "";
    this.empty();
  }

  empty() {
    this.sure = "";
    this.face.mood("idle");
    fill(this.text, this.invitation);
  }

  /** @param {{sure: boolean, word: string, guesses: {word: string, probability: number}[]}} guess */
  show(guess, { quiet = false } = {}) {
    this.face.mood(guess.sure ? "sure" : "thinking");
    if (guess.sure) {
      this.text.classList.toggle("is-new", this.sure !== guess.word);
      if (this.sure !== guess.word) {
        fill(this.text, "I see ", h("span", { class: "marked", text: withArticle(guess.word) }), "!");
      }
      this.sure = guess.word;
    } else {
      this.sure = "";
      const list = guess.guesses.slice(0, 2).filter(({ probability }) => probability > 0.08);
      const maybe = list.length ? `Maybe ${orList(brief(list.map(({ word }) => withArticle(word))))}?` : "Draw on…";
      fill(this.text, h("small", { text: "Not sure yet." }), maybe);
    }
    if (!quiet) announce(sayGuess(guess), "guess");
  }

  say(mood, words) {
    this.sure = "";
    this.face.mood(mood);
    fill(this.text, words);
  }
}

/** As many of the words as fit into the line, one at least. */
export function brief(words) {
  return words.join(" or ").length > LONG ? words.slice(0, 1) : words;
}

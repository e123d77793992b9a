/** @file How the game went: every drawing, what it thought, and what it had expected. */

import { thumbnail } from "./canvas/ink.js";
import { button, h } from "./dom.js";
import { downloadText } from "./download.js";
import { face } from "./face.js";
import { ndjson } from "./ndjson.js";
import { orList, percent, withArticle } from "./words.js";

const VERDICTS = ["That was hard. Again?", "A start!", "Two of them, well.", "Half of them!", "Well drawn!", "Nearly all!", "All of them. Bravo!"];

/**
 * @param {any} app
 * @param {{word: string, strokes: any[], recognised: boolean, guesses: any[], seconds: number}[]} rounds
 * @param {() => void} again
 */
export function gallery(app, rounds, again) {
  const right = rounds.filter(({ recognised }) => recognised).length;
  const drawn = rounds.filter(({ strokes }) => strokes.length);
  const smile = face();
  smile.mood(right * 2 >= rounds.length ? "sure" : "idle");
  const verdict = VERDICTS[Math.round((right / rounds.length) * (VERDICTS.length - 1))];
  return h("div", { class: "gallery" },
    h("div", { class: "score" }, smile,
      h("div", {}, h("h2", { id: "play-score", tabindex: -1, text: `I knew ${right} of ${rounds.length}.` }), h("p", { text: verdict })),
      h("div", { class: "row" }, button("play", "Play again", { class: "big", id: "play-again", onclick: again }),
        drawn.length ? button("save", "Drawings", { class: "link", id: "play-save",
          onclick: () => downloadText(ndjson(drawn), "doodlewise-game.ndjson") }) : null)),
    h("ol", { class: "pictures" }, ...rounds.map((round) => entry(app, round))));
}

function entry(app, { word, strokes, recognised, guesses, seconds }) {
  const expected = app.means?.tile(word);
  const thought = guesses.slice(0, 3).map((each) => `${withArticle(each.word)} (${percent(each.probability)})`);
  const said = recognised ? `Seen after ${Math.max(Math.round(seconds), 1)} s.`
    : !strokes.length ? "Nothing drawn." : thought.length ? `I thought of ${orList(thought)}.` : "I had no idea.";
  return h("li", { class: `polaroid ${recognised ? "is-right" : "is-wrong"}` },
    h("div", { class: "photo" }, strokes.length ? thumbnail(strokes, app.pen, 320) : null),
    h("h3", {}, h("span", { class: "verdict", role: "img", "aria-label": recognised ? "recognised" : "not recognised", text: recognised ? "✓" : "✗" }), ` ${word}`),
    h("p", { text: said }),
    expected && h("p", { class: "expected" }, expected, h("span", { text: `What I expect: ${withArticle(word)} as people draw it, on average` })));
}

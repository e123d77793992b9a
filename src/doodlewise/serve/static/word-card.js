/** @file A word that is taught, with its examples as small pictures. */

import { thumbnail } from "./canvas/ink.js";
import { h, icon } from "./dom.js";
import { size } from "./lessons.js";
import { count } from "./words.js";

/**
 * @param {import("./lessons.js").Lesson} lesson
 * @param {{isChosen: boolean, pen: number, enough: number, choose: () => void, remove: () => void,
 *   removeExample: (example: any) => void}} what
 */
export function wordCard(lesson, { isChosen, pen, enough, choose, remove, removeExample }) {
  const n = size(lesson);
  const title = h("button", { type: "button", class: "word-choose", id: `choose-${lesson.word}`, "aria-pressed": String(isChosen), onclick: choose },
    h("b", { text: lesson.word }), h("span", { class: "note", text: n ? count(n, "example") : "no examples yet" }));
  const steps = h("span", { class: "dots", "aria-hidden": "true" },
    ...Array.from({ length: enough }, (_, i) => h("i", { class: i < n ? "is-full" : "" })));
  const thumbs = [
    ...lesson.drawings.map((each) => thumb(thumbnail(each.strokes, pen, 96), each)),
    ...lesson.images.map((each) => thumb(h("img", { src: each, alt: "" }), each)),
  ];
  function thumb(picture, example) {
    return h("li", {}, picture, h("button", {
      type: "button", class: "thumb-remove", onclick: () => removeExample(example),
    }, icon("remove"), h("span", { class: "hidden-text", text: `Remove this example of ${lesson.word}` })));
  }
  return h("li", { class: `word-card-row ${isChosen ? "is-chosen" : ""}` },
    h("div", { class: "word-head" }, title, steps,
      h("button", { type: "button", class: "word-remove", onclick: remove }, icon("remove"),
        h("span", { class: "hidden-text", text: `Remove the word ${lesson.word}` }))),
    thumbs.length ? h("ul", { class: "thumbs", "aria-label": `Examples of ${lesson.word}` }, ...thumbs) : null);
}

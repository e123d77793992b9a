/** @file The one who guesses: a face that looks where you draw, and is pleased when it knows. */

import { s } from "./dom.js";

/** @returns {SVGElement & {mood: (name: "idle"|"thinking"|"sure"|"away") => void}} */
export function face() {
  const svg = s("svg", { class: "face", viewBox: "0 0 64 64", "aria-hidden": "true", "data-mood": "idle" },
    s("path", { class: "head", d: "M32 4C50 3 61 14 60 32S49 61 31 60 3 50 4 31 15 5 32 4Z" }),
    s("circle", { class: "ball", cx: 22, cy: 27, r: 9.5 }), s("circle", { class: "ball", cx: 43, cy: 27, r: 9.5 }),
    s("circle", { class: "pupil", cx: 23, cy: 28, r: 4.4 }), s("circle", { class: "pupil", cx: 44, cy: 28, r: 4.4 }),
    s("g", { class: "lids" }, s("circle", { cx: 22, cy: 27, r: 9.5 }), s("circle", { cx: 43, cy: 27, r: 9.5 })),
    s("path", { class: "mouth m-idle", d: "M24 45c5 3.500 12 3.500 17-.2" }),
    s("path", { class: "mouth m-thinking", d: "M25 47c3-3 5-2.500 7.500-.5s5 2 7.500-1" }),
    s("path", { class: "mouth m-sure", d: "M20 42.500c8 2.500 16 2.500 25-.3-1 8-6 12.300-12.500 12.300S21.500 50.500 20 42.500Z" }),
    s("path", { class: "mouth m-away", d: "M25 47.500c5-.5 10-.5 15 .2" }));
  svg.mood = (name) => { if (svg.dataset.mood !== name) svg.dataset.mood = name; };
  return svg;
}

/** The eyes of the name follow the pen. */
export function startEyes() {
  const mark = document.querySelector(".wordmark");
  const pupils = mark?.querySelector(".pupils");
  if (!mark || !pupils) return;
  addEventListener("pointermove", (event) => {
    const box = mark.getBoundingClientRect();
    const dx = event.clientX - (box.left + box.width * 0.23);
    const dy = event.clientY - (box.top + box.height * 0.65);
    const far = Math.hypot(dx, dy) || 1;
    const reach = Math.min(far / 40, 1) * 6.5;
    pupils.style.setProperty("--look-x", `${(dx / far) * reach}px`);
    pupils.style.setProperty("--look-y", `${(dy / far) * reach}px`);
  }, { passive: true });
}

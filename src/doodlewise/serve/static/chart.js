/** @file How likely the best words were while the drawing grew: lines, and the same as a table. */

import { h, s } from "./dom.js";
import { percent } from "./words.js";

const WIDTH = 720, HEIGHT = 300;
const BOX = { left: 52, right: 560, top: 16, bottom: 258 };
const MOST = 5;
/** Labels at the right keep this distance from each other, in units of the chart. */
const APART = 22;

/** @param {{share: number, prediction: any}[]} steps */
export function chart(steps) {
  const words = chosenWords(steps);
  const lines = words.map((word) => steps.map(({ prediction }) =>
    prediction.guesses.find((each) => each.word === word)?.probability ?? 0));
  return h("div", {}, drawing(steps, words, lines), table(steps, words, lines));
}

/** The best at the end, and any that was the best for a while. */
function chosenWords(steps) {
  const final = steps[steps.length - 1].prediction.guesses.map(({ word }) => word);
  const times = new Map();
  for (const { prediction } of steps) times.set(prediction.word, (times.get(prediction.word) ?? 0) + 1);
  const once = [...times].sort((a, b) => b[1] - a[1]).map(([word]) => word);
  return [...new Set([final[0], ...once.slice(0, 3), ...final])].slice(0, MOST);
}

function drawing(steps, words, lines) {
  const x = (share) => BOX.left + share * (BOX.right - BOX.left);
  const y = (value) => BOX.bottom - value * (BOX.bottom - BOX.top);
  const said = `Chart: ${words[0]} is at ${percent(lines[0][lines[0].length - 1])} in the end. The table below has all values.`;
  const svg = s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said });
  for (const value of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(
      s("line", { class: "grid", x1: BOX.left, x2: BOX.right, y1: y(value), y2: y(value) }),
      s("text", { class: "tick", x: BOX.left - 10, y: y(value) + 5, "text-anchor": "end", text: `${value * 100}\u00a0%` }));
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(s("text", { class: "tick", x: x(share), y: BOX.bottom + 22, "text-anchor": "middle", text: `${share * 100}\u00a0%` }));
  }
  svg.append(s("text", { class: "tick", x: (BOX.left + BOX.right) / 2, y: HEIGHT - 2, "text-anchor": "middle", text: "of the ink" }));
  const places = spread(lines.map((line) => y(line[line.length - 1])));
  for (const i of words.keys()) {
    const points = steps.map(({ share }, k) => `${x(share).toFixed(1)},${y(lines[i][k]).toFixed(1)}`);
    svg.append(
      s("polyline", { class: `line c${i}`, points: points.join(" ") }),
      s("line", { class: `leader c${i}`, x1: BOX.right + 3, y1: y(lines[i][steps.length - 1]), x2: BOX.right + 16, y2: places[i] }),
      s("text", { class: `name c${i}`, x: BOX.right + 21, y: places[i] + 5, text: short(words[i]) }));
  }
  return svg;
}

/** Places moved apart, top to bottom, as little as needed, and kept on the chart. */
function spread(places) {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b] || a - b);
  const moved = [...places];
  for (let k = 1; k < order.length; k++) {
    moved[order[k]] = Math.max(moved[order[k]], moved[order[k - 1]] + APART);
  }
  let floor = BOX.bottom + 4;
  for (let k = order.length - 1; k >= 0; k--) {
    moved[order[k]] = Math.min(moved[order[k]], floor);
    floor = moved[order[k]] - APART;
  }
  return moved;
}

function table(steps, words, lines) {
  const every = Math.max(Math.floor(steps.length / 8), 1);
  const rows = steps.map((step, k) => [step, k]).filter(([, k]) => (k + 1) % every === 0);
  return h("details", {}, h("summary", { text: "As a table" }),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Probabilities while the drawing grew" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "Ink" }), ...words.map((word) => h("th", { scope: "col", text: word })))),
      h("tbody", {}, ...rows.map(([{ share }, k]) => h("tr", {},
        h("th", { scope: "row", text: `${Math.round(share * 100)}\u00a0%` }), ...lines.map((line) => h("td", { text: percent(line[k]) }))))))));
}

const short = (word) => ([...word].length > 17 ? `${[...word].slice(0, 16).join("")}…` : word);

/** @file Drawings as lines of JSON in Google's simplified form, which `doodlewise data prepare` reads. */

import { simplified } from "./simplify.js";

/**
 * @param {{word: string, strokes: import("./sketch.js").Stroke[], when?: number}[]} drawings
 * @returns {string}
 */
export function ndjson(drawings) {
  return drawings.map(({ word, strokes, when }) => {
    const row = {
      word,
      countrycode: "",
      timestamp: stamp(new Date(when ?? Date.now())),
      recognized: true,
      key_id: keyId(),
      drawing: simplified(strokes),
    };
    return `${JSON.stringify(row)}\n`;
  }).join("");
}

/** As Google writes times: "2017-03-27 12:48:57.123 UTC". */
const stamp = (date) => date.toISOString().replace("T", " ").replace("Z", " UTC");

/** 63 random bits, so that no two drawings share one; too many for a JSON number, hence text. */
function keyId() {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return String((BigInt(high >>> 1) << 32n) | BigInt(low));
}

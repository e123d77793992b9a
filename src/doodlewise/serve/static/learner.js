/** @file Learns words from a few drawings of each, on top of what the network has learnt. */

import { fit, foldsOf, logSum, scoresOf } from "./few-shot.js";
import { problem, readStrokes } from "./tensors.js";
import { Random, varied } from "./variations.js";

const VARIATIONS = 8;

export async function learn(session, words, keepKnown) {
  const random = new Random(0);
  const features = [], wordOf = [];
  const drawings = [], of = [];
  words.forEach(({ drawings: own }, word) => {
    for (const { strokes } of own) {
      for (const each of varied(readStrokes(strokes), VARIATIONS, random)) { drawings.push(each); of.push(word); }
    }
  });
  const found = await session.run(drawings, ["features"]);
  const layer = fit(found.features, of, words.length, null);
  return { layer };
}

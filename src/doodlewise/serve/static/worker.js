/**
 * @file The worker that guesses, teaches and makes files, so that the page never waits for it.
 *
 * Messages are {id, ask, ...}, answers {id, answer} or {id, error: {code, message}}.
 */

import { learn, probabilitiesOf } from "./learner.js";
import { withHead } from "./onnx-patch.js";
import { openSession } from "./session.js";
import { problem, readStrokes } from "./tensors.js";

const MOST_TAUGHT = 32;

let session;
/** What was taught here, by its id, the oldest first: {words, head, metadata}. */
const taught = new Map();

const ASKED = { open, predict, teach, file };

self.onmessage = async ({ data: { id, ask, ...given } }) => {
  try {
    self.postMessage({ id, answer: await ASKED[ask](given) });
  } catch (error) {
    const { code, message } = error;
    const known = code && !(error instanceof Error);
    self.postMessage({ id, error: known ? { code, message } : unexpected(error) });
  }
};

function unexpected(error) {
  return {
    code: "failed",
    message: `Something went wrong here (${error.message ?? error}). Reload the page.`,
  };
}

async function open(urls) {
  session = await openSession(urls);
  // The first run plans the network; better now than under the first stroke.
  await session.run([readStrokes([[[0, 1], [0, 1]]])], ["probabilities"]);
  const { info, head } = session.model;
  return { words: info.classes, features: head ? head.width : null };
}

/** Guesses for some drawings; see `engine.predict`. */
async function predict({ drawings, top, look, model }) {
  const start = performance.now();
  const lesson = lessonOf(model);
  const main = lesson ? "features" : "probabilities";
  const found = await session.run(drawings.map(readStrokes), look ? [main, "pixels"] : [main]);
  const { info } = session.model;
  const words = lesson ? lesson.words : info.classes;
  const sureFrom = lesson ? lesson.sureFrom : info.sure_from;
  const [, height, width] = info.image_shape;
  const predictions = found[main].map((values, row) => {
    const probabilities = lesson ? probabilitiesOf(lesson, values) : values;
    const best = topOf(probabilities, top);
    const guesses = best.map((at) => ({ word: words[at], probability: probabilities[at] }));
    const sure = guesses[0].probability >= sureFrom;
    const prediction = { ...guesses[0], sure, guesses, notes: [] };
    if (look) prediction.pixels = inRows(found.pixels[row], height, width);
    return prediction;
  });
  return { predictions, ms: performance.now() - start };
}

/** Learn words from a few drawings of each; see `engine.teach`. */
async function teach({ words, keepKnown }) {
  const start = performance.now();
  const { model } = session;
  if (!model.head) {
    throw problem("no_features", "This network cannot be taught. Export the site of another one.");
  }
  const lesson = await learn(session, words, keepKnown);
  const id = `taught-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
  taught.set(id, lesson);
  while (taught.size > MOST_TAUGHT) taught.delete(taught.keys().next().value);
  const { examples, accuracy, notes } = lesson;
  const seconds = (performance.now() - start) / 1000;
  return { model: id, words: words.map(({ word }) => word), examples, seconds, accuracy, notes };
}

/** The bytes of a model as an ONNX file. */
function file({ model }) {
  const lesson = lessonOf(model);
  const { bytes } = session.model;
  return lesson ? withHead(bytes, lesson.rawHead, lesson.metadata) : bytes;
}

function lessonOf(id) {
  if (!id || !id.startsWith("taught-")) return null;
  const lesson = taught.get(id);
  if (!lesson) {
    throw problem("unknown_model", "These taught words are not here any more. Teach them again.");
  }
  return lesson;
}

function topOf(values, top) {
  const order = Array.from(values, (_, at) => at);
  order.sort((a, b) => values[b] - values[a]);
  return order.slice(0, top);
}

function inRows(pixels, height, width) {
  const rows = [];
  for (let y = 0; y < height; y++) rows.push(Array.from(pixels.slice(y * width, (y + 1) * width)));
  return rows;
}

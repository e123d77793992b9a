/**
 * @file Learns words from a few drawings of each, on top of what the network has learnt; the same
 * as predict/teach.py.
 *
 * @typedef {{words: string[], sureFrom: number, layer: import("./few-shot.js").Rows,
 *   rawHead: {weight: Float32Array, bias: Float32Array}, metadata: Map<string, string>,
 *   examples: number, accuracy: number | null, notes: string[]}} Lesson
 *   `words`: all that it knows; `layer` gives scores; `rawHead` is the layer in a file
 */

import { FEATURE_MEANS, featureMeansOf, featureMeansText } from "./feature-means.js";
import { fit, logSum, scoresOf } from "./few-shot.js";
import { tryOut } from "./leave-out.js";
import { problem, readStrokes } from "./tensors.js";
import { Random, varied } from "./variations.js";

const METADATA = "doodlewise";
const VARIATIONS = 8, MOST_VARIED = 6000;
const MOST_WORDS = 100, MOST_EXAMPLES = 100, ENOUGH = 5;
/** Drawings that are seen before something else may have its turn. */
const AT_ONCE = 48;

/**
 * @param {import("./session.js").Session} session
 * @param {{word: string, drawings: {strokes: number[][][]}[]}[]} taught
 * @param {boolean} keepKnown whether the known words stay, before the new ones
 * @returns {Promise<Lesson>}
 */
export async function learn(session, taught, keepKnown) {
  check(taught, keepKnown, session.model.info.classes);
  const known = keepKnown ? knownOf(session.model) : null;
  const words = taught.flatMap(({ drawings }, word) => drawings.map(() => word));
  const drawings = taught.flatMap((each) => each.drawings.map(({ strokes }) => readStrokes(strokes)));
  const features = await see(session, drawings);
  const learnFrom = learnerOf(features, words, taught.length, known);
  const scoresOfExample = (example, layer) => features[example].map((row) =>
    (known ? [...scoresOf(row, known.layer), ...scoresOf(row, layer)] : scoresOf(row, layer)));
  const nKnown = known ? known.means.length : 0;
  const trial = tryOut(words, learnFrom, scoresOfExample, nKnown);
  const rows = cooled(learnFrom(() => true), trial.temperature);
  const layer = known
    ? { weight: [...known.layer.weight, ...rows.weight], bias: [...known.layer.bias, ...rows.bias] }
    : rows;
  const means = taught.map((_, word) => mean(features.filter((__, i) => words[i] === word).flat()));
  const info = infoOf(session.model.info, taught, trial, keepKnown);
  const values = { ...JSON.parse(session.model.metadata.get(METADATA)), info };
  return {
    words: info.classes,
    sureFrom: info.sure_from,
    layer,
    rawHead: rawHead(layer, session.model.info.temperature),
    metadata: new Map([
      [METADATA, JSON.stringify(values)],
      [FEATURE_MEANS, featureMeansText(known ? [...known.means, ...means] : means)],
    ]),
    examples: words.length,
    accuracy: trial.accuracy,
    notes: notesOf(taught, trial, nKnown),
  };
}

function check(taught, keepKnown, known) {
  const least = keepKnown ? 1 : 2;
  if (taught.length < least || taught.length > MOST_WORDS) {
    throw problem("bad_words",
      `There are ${taught.length} words to learn. Give ${least} to ${MOST_WORDS}.`);
  }
  const before = new Set(keepKnown ? known : []);
  for (const { word, drawings } of taught) {
    if (before.has(word)) {
      throw problem("bad_words", `“${word}” is known already. Choose another word.`);
    }
    before.add(word);
    if (!drawings.length || drawings.length > MOST_EXAMPLES) {
      throw problem("bad_examples",
        `There are ${drawings.length} drawings of “${word}”. Give 1 to ${MOST_EXAMPLES}.`);
    }
  }
}

/** The rows of the known words, and what stands for their drawings. */
function knownOf({ head, info, metadata }) {
  const text = metadata.get(FEATURE_MEANS);
  if (!text) {
    throw problem("no_means",
      "This model does not say what its words look like to it, so new ones cannot stand beside" +
        " them. Teach without the known words, or export the site again.");
  }
  const { temperature } = info;
  const weight = info.classes.map((_, i) =>
    head.weight.slice(i * head.width, (i + 1) * head.width).map((value) => value / temperature));
  const layer = { weight, bias: head.bias.map((value) => value / temperature) };
  const means = featureMeansOf(text);
  return { layer, means, meanRivals: means.map((row) => logSum(scoresOf(row, layer))) };
}

/** Features of every example, a list for each: as it is, and of its variations. */
async function see(session, drawings) {
  const random = new Random(0);
  const n = Math.min(VARIATIONS, Math.max(Math.floor(MOST_VARIED / drawings.length) - 1, 0));
  const flat = drawings.flatMap((drawing) => varied(drawing, n, random));
  const features = [];
  for (let first = 0; first < flat.length; first += AT_ONCE) {
    const some = await session.run(flat.slice(first, first + AT_ONCE), ["features"]);
    features.push(...some.features);
    await pause();
  }
  return drawings.map((_, i) => features.slice(i * (n + 1), (i + 1) * (n + 1)));
}

/** What waits, such as a guess, has its turn. */
const pause = () => new Promise((resolve) => { setTimeout(resolve); });

/** What learns the rows of the new words from some of the examples. */
function learnerOf(features, words, nWords, known) {
  const rivals = known && features.map((every) => every.map((row) => logSum(scoresOf(row, known.layer))));
  return (isUsed) => {
    const used = words.map((_, i) => i).filter(isUsed);
    const rows = used.flatMap((i) => features[i]);
    const of = used.flatMap((i) => features[i].map(() => words[i]));
    if (!known) return fit(rows, of, nWords, null);
    const { means, meanRivals } = known;
    return fit(rows, of, nWords, {
      n: means.length, means, meanRivals, rivals: used.flatMap((i) => rivals[i]),
    });
  };
}

function cooled({ weight, bias }, temperature) {
  return {
    weight: weight.map((row) => row.map((value) => value / temperature)),
    bias: bias.map((value) => value / temperature),
  };
}

/** As it is in a file, where the division by the temperature of the base comes after it. */
function rawHead({ weight, bias }, temperature) {
  const width = weight[0].length;
  const flat = new Float32Array(weight.length * width);
  weight.forEach((row, i) => flat.set(row.map((value) => value * temperature), i * width));
  return { weight: flat, bias: Float32Array.from(bias, (value) => value * temperature) };
}

function infoOf(base, taught, trial, keepKnown) {
  const counts = Object.fromEntries(taught.map(({ word, drawings }) => [word, drawings.length]));
  const words = taught.map(({ word }) => word);
  const n = taught.reduce((sum, { drawings }) => sum + drawings.length, 0);
  const metrics = { split: "examples, each left out in turn", n };
  if (trial.accuracy !== null) metrics.top1 = Number(trial.accuracy.toFixed(6));
  if (keepKnown) metrics.known = base.metrics;
  return {
    ...base,
    classes: keepKnown ? [...base.classes, ...words] : words,
    sure_from: keepKnown ? base.sure_from : trial.sureFrom,
    metrics,
    trained_on: { examples: counts, base: base.trained_on },
    created: new Date().toISOString().replace(/\.\d+Z$/, "+00:00"),
  };
}

function notesOf(taught, { mixedUp }, nKnown) {
  const notes = [];
  const few = taught.filter(({ drawings }) => drawings.length < ENOUGH).map(({ word }) => word);
  if (few.length) {
    const listed = few.slice(0, 5).join(", ") + (few.length > 5 ? ", ..." : "");
    notes.push(
      `${ENOUGH} examples or more of a word make it surer; there are fewer of: ${listed}`);
  }
  const [one, other] = (mixedUp ?? []).map((column) => taught[column - nKnown]?.word);
  if (other) notes.push(`${one} is often taken for ${other}; more examples of both help`);
  return notes;
}

function mean(rows) {
  const sum = new Float32Array(rows[0].length);
  for (const row of rows) row.forEach((value, j) => { sum[j] += value / rows.length; });
  return sum;
}

/** Probabilities of the words, of features. @param {Lesson} lesson @param {Float32Array} features */
export function probabilitiesOf(lesson, features) {
  const scores = scoresOf(features, lesson.layer);
  const sum = logSum(scores);
  return scores.map((score) => Math.exp(score - sum));
}

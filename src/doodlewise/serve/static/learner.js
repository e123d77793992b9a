/**
 * @file Learns words from a few drawings of each, on top of what the network has learnt; the same
 * as predict/teach.py.
 *
 * @typedef {{words: string[], layer: import("./few-shot.js").Rows, rawHead: {weight: Float32Array,
 *   bias: Float32Array}, metadata: Map<string, string>, examples: number, accuracy: number | null,
 *   notes: string[]}} Lesson   `layer` gives scores of probabilities; `rawHead` is for the file
 */

import { fit, foldsOf, logSum, scoresOf } from "./few-shot.js";
import { sheetOfMeans } from "./mean-sheet.js";
import { problem, readStrokes } from "./tensors.js";
import { Random, varied } from "./variations.js";

const VARIATIONS = 8;
const MOST_WORDS = 100, MOST_EXAMPLES = 100;
/** Drawings that are seen before something else may have its turn. */
const AT_ONCE = 48;
const TEMPERATURES = Array.from({ length: 41 }, (_, i) => 2 ** (i / 10 - 2));

/**
 * @param {import("./session.js").Session} session
 * @param {{word: string, drawings: {strokes: number[][][]}[]}[]} taught
 * @param {boolean} keepKnown whether the known words stay beside the new ones
 * @returns {Promise<Lesson>}
 */
export async function learn(session, taught, keepKnown) {
  check(taught, keepKnown, session.model.info.classes);
  const words = taught.flatMap(({ drawings }, word) => drawings.map(() => word));
  const drawings = taught.flatMap((each) => each.drawings.map(({ strokes }) => readStrokes(strokes)));
  const features = await seen(session, drawings);
  const known = keepKnown ? await knownOf(session) : null;
  const lesson = { features, words, nWords: taught.length, known };
  const layer = rowsOf(lesson, () => true);
  const { accuracy, temperature } = judged(lesson);
  return finished(session, taught, lesson, keepKnown ? layer : cooled(layer, temperature), accuracy);
}

function check(taught, keepKnown, known) {
  const least = keepKnown ? 1 : 2;
  if (taught.length < least || taught.length > MOST_WORDS) {
    throw problem("bad_words", `Teach ${least} to ${MOST_WORDS} words, not ${taught.length}.`);
  }
  const seenWords = new Set(keepKnown ? known.map((word) => word.toLowerCase()) : []);
  for (const { word, drawings } of taught) {
    if (!word.trim()) throw problem("bad_words", "A word is empty. Give each word a name.");
    if (seenWords.has(word.toLowerCase())) {
      throw problem("bad_words", `“${word}” is there already. Take another word.`);
    }
    seenWords.add(word.toLowerCase());
    if (!drawings.length || drawings.length > MOST_EXAMPLES) {
      throw problem(
        "bad_examples",
        `“${word}” has ${drawings.length} drawings. Give 1 to ${MOST_EXAMPLES} of each word.`,
      );
    }
  }
}

/** Features of every example, a list for each: as it is, and of its variations. */
async function seen(session, drawings) {
  const random = new Random(0);
  const every = drawings.map((drawing) => varied(drawing, VARIATIONS, random));
  const flat = every.flat();
  const features = [];
  for (let first = 0; first < flat.length; first += AT_ONCE) {
    const some = await session.run(flat.slice(first, first + AT_ONCE), ["features"]);
    features.push(...some.features);
    await pause();
  }
  return drawings.map((_, i) => features.slice(i * (VARIATIONS + 1), (i + 1) * (VARIATIONS + 1)));
}

/** What waits, such as a guess, has its turn. */
const pause = () => new Promise((resolve) => { setTimeout(resolve); });

/** The rows of the known words, and what stands for their drawings. */
async function knownOf(session) {
  const { head, info } = session.model;
  const weight = info.classes.map((_, i) =>
    head.weight.slice(i * head.width, (i + 1) * head.width).map((value) => value / info.temperature));
  const bias = head.bias.map((value) => value / info.temperature);
  const layer = { weight, bias };
  const sheet = await sheetOfMeans(session.model);
  const means = sheet && session.takesImages
    ? (await session.runImages(sheet, ["features"])).features
    : weight.map((row) => row.map((value) => value));
  return { layer, means, meanRivals: means.map((row) => logSum(scoresOf(row, layer))) };
}

/** The layer learnt from some of the examples. */
function rowsOf({ features, words, nWords, known }, isUsed) {
  const used = words.map((_, i) => i).filter(isUsed);
  const rows = used.flatMap((i) => features[i]);
  const of = used.flatMap((i) => features[i].map(() => words[i]));
  if (!known) return fit(rows, of, nWords, null);
  known.rivals ??= features.map((every) => every.map((row) => logSum(scoresOf(row, known.layer))));
  const rivals = used.flatMap((i) => known.rivals[i]);
  const { means, meanRivals } = known;
  return fit(rows, of, nWords, { n: means.length, means, meanRivals, rivals });
}

/** How well it guesses examples that it has not learnt from, and how hot its scores are then. */
function judged(lesson) {
  const { features, words, known } = lesson;
  const folds = foldsOf(words);
  const nKnown = known ? known.means.length : 0;
  const scored = [];
  let right = 0, n = 0;
  for (let fold = 0; fold <= Math.max(...folds); fold++) {
    const layer = rowsOf(lesson, (i) => folds[i] !== fold);
    words.forEach((word, i) => {
      if (folds[i] !== fold) return;
      features[i].forEach((row, variation) => {
        const own = scoresOf(row, layer);
        const scores = known ? [...scoresOf(row, known.layer), ...own] : own;
        const best = scores.indexOf(Math.max(...scores));
        if (variation === 0) {
          n++;
          if (best === nKnown + word) right++;
        }
        scored.push({ scores, word: nKnown + word });
      });
    });
  }
  return { accuracy: n ? right / n : null, temperature: n ? bestTemperature(scored) : 1 };
}

/** By which scores are to be divided so that their probabilities are honest. */
function bestTemperature(scored) {
  const loss = (temperature) => scored.reduce((sum, { scores, word }) => {
    const cooler = scores.map((score) => score / temperature);
    return sum + logSum(cooler) - cooler[word];
  }, 0);
  return TEMPERATURES.reduce((best, each) => (loss(each) < loss(best) ? each : best));
}

function cooled({ weight, bias }, temperature) {
  return {
    weight: weight.map((row) => row.map((value) => value / temperature)),
    bias: bias.map((value) => value / temperature),
  };
}

function finished(session, taught, { words, known }, layer, accuracy) {
  const { info, metadata } = session.model;
  const own = taught.map(({ word }) => word);
  const all = known ? [...info.classes, ...own] : own;
  const whole = known
    ? { weight: [...known.layer.weight, ...layer.weight], bias: [...known.layer.bias, ...layer.bias] }
    : layer;
  const values = JSON.parse(metadata.get("doodlewise"));
  values.info = {
    ...info,
    classes: all,
    metrics: accuracy === null ? {} : { split: "leave-one-out", n: words.length, top1: accuracy },
    created: new Date().toISOString().replace(/\.\d+Z$/, "+00:00"),
  };
  return {
    words: all,
    layer: whole,
    rawHead: rawHead(whole, info.temperature),
    metadata: new Map([["doodlewise", JSON.stringify(values)]]),
    examples: words.length,
    accuracy,
    notes: notesOn(taught),
  };
}

/** As it is in a file, where the division by the temperature comes after the layer. */
function rawHead({ weight, bias }, temperature) {
  const width = weight[0].length;
  const flat = new Float32Array(weight.length * width);
  weight.forEach((row, i) => flat.set(row.map((value) => value * temperature), i * width));
  return { weight: flat, bias: Float32Array.from(bias, (value) => value * temperature) };
}

function notesOn(taught) {
  const few = taught.filter(({ drawings }) => drawings.length < 3).map(({ word }) => `“${word}”`);
  return few.length ? [`Few drawings of ${few.slice(0, 3).join(", ")}: 5 or more are better.`] : [];
}

/** Probabilities of the words, of features. @param {Lesson} lesson @param {Float32Array} features */
export function probabilitiesOf(lesson, features) {
  const scores = scoresOf(features, lesson.layer);
  const sum = logSum(scores);
  return scores.map((score) => Math.exp(score - sum));
}

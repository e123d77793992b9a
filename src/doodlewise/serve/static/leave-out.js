/**
 * @file How well words were learnt, from the examples alone: each is guessed by what the others
 * teach; the same as predict/leave_out.py, where the reasons are.
 *
 * @typedef {{scores: number[][], truth: number}} Tried   of an example: scores of each variation
 */

import { foldsOf, logSum } from "./few-shot.js";

const RIGHT_WHEN_SURE = 0.9, UNKNOWN_SURE_FROM = 0.7;
const THRESHOLDS = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);
const UNKNOWN_TEMPERATURE = 0.6;
const TEMPERATURES = Array.from({ length: 61 }, (_, i) => 0.25 * 32 ** (i / 60));
const PRIOR = 10, OFTEN = 0.25;

/**
 * Leave out every example once.
 *
 * @param {number[]} words of the examples, from 0
 * @param {(isUsed: (example: number) => boolean) => any} learnFrom
 * @param {(example: number, layer: any) => number[][]} scoresOfExample
 * @param {number} nKnown words before the new ones, whose temperature is right already
 */
export function tryOut(words, learnFrom, scoresOfExample, nKnown) {
  const folds = foldsOf(words);
  /** @type {Tried[]} */
  const tried = [];
  for (let fold = 0; fold <= Math.max(...folds); fold++) {
    const layer = learnFrom((example) => folds[example] !== fold);
    words.forEach((word, example) => {
      if (folds[example] !== fold) return;
      tried.push({ scores: scoresOfExample(example, layer), truth: nKnown + word });
    });
  }
  if (!tried.length) {
    const temperature = nKnown ? 1 : UNKNOWN_TEMPERATURE;
    return { accuracy: null, temperature, sureFrom: UNKNOWN_SURE_FROM, mixedUp: null };
  }
  const temperature = nKnown ? 1 : temperatureOf(tried);
  const judged = tried.map(({ scores: [whole], truth }) => {
    const calm = whole.map((score) => score / temperature);
    const guess = calm.indexOf(Math.max(...calm));
    return { guess, truth, right: guess === truth, probability: Math.exp(calm[guess] - logSum(calm)) };
  });
  const right = judged.filter((each) => each.right).length / judged.length;
  const accuracy = folds.includes(-1) ? null : right;
  return { accuracy, temperature, sureFrom: sureFromOf(judged), mixedUp: mixedUpOf(judged) };
}

/** That with the smallest loss, drawn to experience while there are few examples. */
function temperatureOf(tried) {
  const loss = (temperature) => tried.reduce((sum, { scores, truth }) =>
    scores.reduce((own, row) => {
      const calm = row.map((score) => score / temperature);
      return own + logSum(calm) - calm[truth];
    }, sum), 0);
  const losses = TEMPERATURES.map(loss);
  const best = TEMPERATURES[losses.indexOf(Math.min(...losses))];
  const weight = tried.length / (tried.length + PRIOR);
  return Math.exp(weight * Math.log(best) + (1 - weight) * Math.log(UNKNOWN_TEMPERATURE));
}

function sureFromOf(judged) {
  const found = THRESHOLDS.find((threshold) => {
    const sure = judged.filter(({ probability }) => probability >= threshold);
    return sure.length && sure.filter(({ right }) => right).length / sure.length >= RIGHT_WHEN_SURE;
  });
  return found ?? THRESHOLDS.at(-1);
}

/** A word that is often taken for another, and this; null if there is none. */
function mixedUpOf(judged) {
  let worst = 0, pair = null;
  for (const truth of new Set(judged.map((each) => each.truth))) {
    const own = judged.filter((each) => each.truth === truth);
    const counts = new Map();
    for (const { guess, right } of own) if (!right) counts.set(guess, (counts.get(guess) ?? 0) + 1);
    for (const [guess, count] of counts) {
      if (count < 2 || count / own.length < Math.max(OFTEN, worst + 1e-9)) continue;
      worst = count / own.length;
      pair = [truth, guess];
    }
  }
  return pair;
}

/**
 * @file A last layer for new words, from a handful of examples of each; the same as
 * predict/few_shot.py, where the method and the reasons are. Change both.
 *
 * Matrices are arrays of rows, a row is a Float32Array.
 *
 * @typedef {{rows: Float32Array[], words: number[], share?: number}} Examples
 *   `rows`: of every variation of every example, the variations of one after the other.
 * @typedef {{weight: Float32Array[], bias: Float32Array, means: Float32Array[]}} Known
 * @typedef {{weight: Float32Array[], bias: Float32Array}} Rows
 */

const PULL = 1e-4, REACH = 10, STEPS = 100, OLD_TO_NEW = 5, MOST_FOLDS = 10;

/**
 * The rows of the new words.
 *
 * @param {Float32Array[]} features of the examples and their variations
 * @param {number[]} words of each of them, from 0
 * @param {number} nWords
 * @param {{n: number, means: Float32Array[], meanRivals: number[], rivals: number[]} | null} known
 *   `rivals`: of each feature, the logarithm of the sum of the exponentials of its known scores;
 *   `meanRivals`: likewise of each mean.
 * @returns {Rows}
 */
export function fit(features, words, nWords, known) {
  const width = features[0].length;
  const n = features.length;
  const length = average(features.map(norm)) || 1;
  const counts = new Array(nWords).fill(0);
  words.forEach((word) => { counts[word]++; });
  let share = words.map((word) => 1 / (nWords * counts[word]));
  const prototypes = prototypesOf(features, words, nWords, width);
  let rows = features, rivals = null, bias = 0;
  if (known) {
    const ratio = Math.min(OLD_TO_NEW, known.n / nWords);
    share = [...share, ...new Array(known.n).fill(ratio / known.n)].map((each) => each / (1 + ratio));
    rows = [...features, ...known.means];
    rivals = [...known.rivals, ...known.meanRivals];
    bias = average(known.rivals) - REACH;
  }
  const x = rows.map((row) => row.map((value) => value / length));
  const curvature = 0.5 * (x.reduce((sum, row, i) => sum + share[i] * dot(row, row), 0) + 1) + PULL;
  // A row of the layer, and its bias at the end.
  let layer = prototypes.map((row) => withLast(row, bias));
  let ahead = layer.map((row) => row.slice());
  let pace = 1;
  for (let step = 0; step < STEPS; step++) {
    const slope = slopeOf(ahead, x, share, rivals, (i) => (i < n ? words[i] : -1));
    const newPace = (1 + Math.sqrt(1 + 4 * pace * pace)) / 2;
    const momentum = (pace - 1) / newPace;
    pace = newPace;
    layer = ahead.map((row, word) => {
      const before = layer[word];
      const moved = new Float64Array(width + 1);
      for (let j = 0; j <= width; j++) {
        const pull = j < width ? PULL * (row[j] - prototypes[word][j]) : 0;
        moved[j] = row[j] - (slope[word][j] + pull) / curvature;
        row[j] = moved[j] + momentum * (moved[j] - before[j]);
      }
      return moved;
    });
  }
  return {
    weight: layer.map((row) => Float32Array.from(row.subarray(0, width), (value) => value / length)),
    bias: Float32Array.from(layer, (row) => row[width]),
  };
}

/** Of the loss, for each row of the layer; its bias last. */
function slopeOf(layer, x, share, rivals, wordOf) {
  const width = x[0].length;
  const slope = layer.map(() => new Float64Array(width + 1));
  const scores = new Float64Array(layer.length);
  x.forEach((row, i) => {
    let highest = rivals ? rivals[i] : -Infinity;
    layer.forEach((each, word) => {
      scores[word] = dot(row, each) + each[width];
      highest = Math.max(highest, scores[word]);
    });
    let sum = rivals ? Math.exp(rivals[i] - highest) : 0;
    for (const score of scores) sum += Math.exp(score - highest);
    for (let word = 0; word < layer.length; word++) {
      const hit = wordOf(i) === word ? 1 : 0;
      const excess = share[i] * (Math.exp(scores[word] - highest) / sum - hit);
      if (excess === 0) continue;
      const own = slope[word];
      for (let j = 0; j < width; j++) own[j] += excess * row[j];
      own[width] += excess;
    }
  });
  return slope;
}

/** Where each word's examples point to, as long as `REACH`. */
function prototypesOf(features, words, nWords, width) {
  const sums = Array.from({ length: nWords }, () => new Float64Array(width));
  features.forEach((row, i) => {
    const length = Math.max(norm(row), 1e-12);
    for (let j = 0; j < width; j++) sums[words[i]][j] += row[j] / length;
  });
  return sums.map((row) => {
    const length = Math.max(norm(row), 1e-12);
    return row.map((value) => (REACH * value) / length);
  });
}

/** In which turn each example is left out; -1 for the only one of its word. @param {number[]} words */
export function foldsOf(words) {
  const seen = new Map(), counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return words.map((word) => {
    const number = seen.get(word) ?? 0;
    seen.set(word, number + 1);
    return counts.get(word) > 1 ? number % MOST_FOLDS : -1;
  });
}

/** Scores of a row by each row of a layer. @param {Float32Array} features @param {Rows} layer */
export function scoresOf(features, { weight, bias }) {
  return weight.map((row, word) => dot(features, row) + bias[word]);
}

/** @param {number[]} scores */
export function logSum(scores) {
  const highest = scores.reduce((a, b) => Math.max(a, b));
  return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0));
}

function dot(a, b) {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j] * b[j];
  return sum;
}

const norm = (row) => Math.sqrt(dot(row, row));
const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function withLast(row, last) {
  const longer = new Float64Array(row.length + 1);
  longer.set(row);
  longer[row.length] = last;
  return longer;
}

/** @file What the last layer sees of each word on the average, in a model's metadata; see predict/feature_means.py. */

export const FEATURE_MEANS = "doodlewise.feature_means";

/** @param {string} text @returns {Float32Array[]} of each word */
export function featureMeansOf(text) {
  const { scales, values } = JSON.parse(text);
  const bytes = Int8Array.from(atob(values), (letter) => letter.charCodeAt(0));
  const width = bytes.length / scales.length;
  return scales.map((scale, word) =>
    Float32Array.from(bytes.subarray(word * width, (word + 1) * width), (value) => value * scale));
}

/** The inverse. @param {Float32Array[]} means */
export function featureMeansText(means) {
  const scales = means.map((row) => Math.max(...row.map(Math.abs), 1e-12) / 127);
  const values = means.map((row, word) =>
    String.fromCharCode(...Array.from(row, (value) => Math.round(value / scales[word]) & 255)));
  return JSON.stringify({ scales: scales.map((scale) => Number(scale.toPrecision(6))), values: btoa(values.join("")) });
}

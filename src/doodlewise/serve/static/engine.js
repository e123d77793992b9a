/**
 * @file What guesses: a server, or a network in this browser. The page does not mind which.
 *
 * @typedef {[number[], number[]]} Stroke
 * @typedef {{word: string, probability: number}} Guess
 * @typedef {{word: string, probability: number, sure: boolean, guesses: Guess[], notes: string[],
 *   pixels?: number[][]}} Prediction
 * @typedef {{word: string, drawings: {strokes: Stroke[]}[], images: string[]}} Lesson
 * @typedef {object} Live
 * @property {(xs: number[], ys: number[]) => void} points  more of the open stroke
 * @property {() => void} end      pen up
 * @property {(strokes: Stroke[]) => void} set   the whole drawing instead
 * @property {() => void} undo
 * @property {() => void} clear
 * @property {(model: string | null) => void} use   guess with this model from now on
 * @property {() => void} close
 */

/** What went wrong, in words for people. */
export class EngineError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "EngineError";
    this.code = code;
  }
}

/** @param {any} config what config.json says */
export async function openEngine(config) {
  const module = config.mode === "browser" ? "./engine-browser.js" : "./engine-server.js";
  return (await import(module)).openEngine(config);
}

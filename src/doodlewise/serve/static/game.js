/**
 * @file The rules of the game: which words, how long, and when a drawing counts as recognised.
 *
 * A drawing is recognised when its word is the best guess with a probability from 0.2, or among the
 * three best with 0.3. Among few words chance alone gets that far, so there the best guess needs
 * twice its share by chance, up to 0.6. And a dot is no drawing: a fifth of the sheet's side has to
 * be drawn before anything counts.
 */

import { inkOf } from "./timeline.js";

export const ROUNDS = 6;
/** Time for each word, seconds. */
export const SECONDS = 20;
const LEAST_INK = 0.2;

/**
 * @param {{word: string, probability: number}[]} guesses best first
 * @param {string} word what was to be drawn
 * @param {number} known how many words there are
 * @param {any[]} strokes
 */
export function isRecognised(guesses, word, known, strokes) {
  const place = guesses.findIndex((each) => each.word === word);
  if (place < 0 || place > 2 || inkOf(strokes) < LEAST_INK) return false;
  const fair = Math.max(0.2, Math.min(2 / known, 0.6));
  // 0.2 + 0.1 is a little more than 0.3 in binary.
  return guesses[place].probability >= (place === 0 ? fair : fair + 0.1) - 1e-9;
}

/** Words for a game, none twice, and none of the last games while there are others. */
export function chooseWords(words, recent = [], random = Math.random) {
  const fresh = words.filter((word) => !recent.includes(word));
  const shuffled = [...shuffle(fresh, random), ...shuffle(words.filter((word) => recent.includes(word)), random)];
  return shuffled.slice(0, ROUNDS);
}

function shuffle(words, random) {
  const mixed = [...words];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
  }
  return mixed;
}

/** Counts down while it runs; a tab that sleeps loses no time. */
export class Countdown {
  /** @param {(left: number) => void} tick seconds left @param {() => void} over */
  constructor(tick, over) {
    this.tick = tick;
    this.over = over;
    this.left = 0;
    this.timer = 0;
  }

  start(seconds = this.left) {
    this.stop();
    this.left = seconds;
    this.at = performance.now();
    this.tick(this.left);
    this.timer = setInterval(() => this.#step(), 100);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  #step() {
    const now = performance.now();
    this.left = Math.max(this.left - Math.min(now - this.at, 500) / 1000, 0);
    this.at = now;
    this.tick(this.left);
    if (this.left > 0) return;
    this.stop();
    this.over();
  }
}

/**
 * @file The words that a person teaches, with their examples; kept in this browser with every change.
 *
 * @typedef {{strokes: any[], when: number}} Example
 * @typedef {{word: string, drawings: Example[], images: string[]}} Lesson
 */

import { light } from "./simplify.js";
import { recall, remember } from "./storage.js";

const KEY = "lessons";
export const LONGEST_WORD = 60;
export const MOST_WORDS = 100;
export const MOST_EXAMPLES = 100;
/** So many examples of a word make it reliable. */
export const ENOUGH = 5;

export class Lessons extends EventTarget {
  /** @type {Lesson[]} */
  words = [];
  /** Whether it shall also know the words that it came with. */
  keepKnown = false;
  isKept = true;

  static async open() {
    const lessons = new Lessons();
    const kept = await recall(KEY);
    if (kept && Array.isArray(kept.words)) {
      lessons.words = kept.words;
      lessons.keepKnown = kept.keepKnown === true;
    }
    return lessons;
  }

  get examples() { return this.words.reduce((sum, each) => sum + size(each), 0); }
  /** Words that have anything to learn from. */
  get usable() { return this.words.filter((each) => size(each) > 0); }
  get isReady() { return this.usable.length >= (this.keepKnown ? 1 : 2); }

  /** @returns {string} what is wrong with it, or "" */
  add(name) {
    const word = name.normalize("NFC").replace(/\s+/g, " ").trim();
    if (!word) return "Write a word first.";
    if ([...word].length > LONGEST_WORD) return `That is long. Take ${LONGEST_WORD} letters or less.`;
    if (this.words.some((each) => each.word.toLowerCase() === word.toLowerCase())) return `“${word}” is there already.`;
    if (this.words.length >= MOST_WORDS) return `${MOST_WORDS} words are as many as can be taught at once.`;
    this.words.push({ word, drawings: [], images: [] });
    this.#changed();
    return "";
  }

  remove(lesson) {
    this.words = this.words.filter((each) => each !== lesson);
    this.#changed();
  }

  /** @returns {boolean} whether there was room */
  addDrawing(lesson, strokes) {
    if (size(lesson) >= MOST_EXAMPLES) return false;
    lesson.drawings.push({ strokes: light(strokes), when: Date.now() });
    this.#changed();
    return true;
  }

  /** @param {string} image a data URL */
  addImage(lesson, image) {
    if (size(lesson) >= MOST_EXAMPLES) return false;
    lesson.images.push(image);
    this.#changed();
    return true;
  }

  removeExample(lesson, example) {
    lesson.drawings = lesson.drawings.filter((each) => each !== example);
    lesson.images = lesson.images.filter((each) => each !== example);
    this.#changed();
  }

  setKeepKnown(value) {
    this.keepKnown = value;
    this.#changed();
  }

  clear() {
    this.words = [];
    this.#changed();
  }

  /** As the engine takes them. */
  toTeach() {
    return this.usable.map(({ word, drawings, images }) => ({
      word, drawings: drawings.map(({ strokes }) => ({ strokes })), images,
    }));
  }

  /** All drawings, for a file. */
  toDrawings() {
    return this.words.flatMap(({ word, drawings }) => drawings.map(({ strokes, when }) => ({ word, strokes, when })));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
    const { words, keepKnown } = this;
    this.saved = remember(KEY, { words, keepKnown }).then((isKept) => {
      if (isKept !== this.isKept) {
        this.isKept = isKept;
        this.dispatchEvent(new Event("change"));
      }
    });
  }
}

/** How many examples a word has. */
export const size = (lesson) => lesson.drawings.length + lesson.images.length;

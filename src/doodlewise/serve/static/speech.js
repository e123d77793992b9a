/** @file Saying guesses aloud: off until somebody turns it on, and only where the browser can. */

const KEY = "doodlewise-speech";

export const speech = {
  get available() { return "speechSynthesis" in window; },

  get on() {
    try {
      return this.available && localStorage.getItem(KEY) === "on";
    } catch {
      return false;
    }
  },

  set on(value) {
    try {
      localStorage.setItem(KEY, value ? "on" : "off");
    } catch { /* a browser that keeps nothing: off again next time */ }
    if (!value) this.stop();
  },

  /** @param {string} text @param {boolean} [important] whether what is being said gives way */
  say(text, important = false) {
    if (!this.on || (speechSynthesis.speaking && !important)) return;
    if (important) speechSynthesis.cancel();
    const words = new SpeechSynthesisUtterance(text);
    words.lang = "en";
    words.rate = 1.05;
    speechSynthesis.speak(words);
  },

  stop() { if (this.available) speechSynthesis.cancel(); },
};

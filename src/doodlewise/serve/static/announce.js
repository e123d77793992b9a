/**
 * @file What a screen reader says: politely, not too often, and never twice the same.
 *
 * Guesses change with every stroke, faster than anyone can listen; so the newest is said at most
 * every 2.5 seconds. What answers a key press is said at once, in a region of its own.
 */

const EVERY = 2500;
const last = { guess: -Infinity };
let waiting = 0;
let said = "";
let next = "";

/** @param {string} text @param {"guess"|"pen"|"note"} [kind] */
export function announce(text, kind = "note") {
  if (kind !== "guess") return say(kind === "pen" ? "say-pen" : "say-note", text);
  next = text;
  if (waiting) return undefined;
  const wait = Math.max(last.guess + EVERY - performance.now(), 250);
  waiting = window.setTimeout(() => {
    waiting = 0;
    last.guess = performance.now();
    if (next !== said) say("say-guess", next);
    said = next;
  }, wait);
  return undefined;
}

function say(id, text) {
  const region = document.getElementById(id);
  if (!region) return;
  // The same words again are no change, so nothing would be said.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
}

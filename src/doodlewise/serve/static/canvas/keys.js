/**
 * @file Drawing with the keyboard: arrow keys move a crosshair, space puts the pen down and lifts it.
 *
 * Steps are a fortieth of the side, with Shift a fifth of that. Two arrows held together go aslant.
 */

import { announce } from "../announce.js";

const STEP = 1 / 40;
const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  Home: [-1, -1], PageUp: [1, -1], End: [-1, 1], PageDown: [1, 1],
};

export class KeyPen {
  /** @param {import("./pad.js").Pad} pad */
  constructor(pad) {
    this.pad = pad;
    this.x = this.y = 0.5;
    this.isDown = false;
    this.held = new Set();
    const { canvas } = pad;
    canvas.addEventListener("keydown", (event) => this.#down(event));
    canvas.addEventListener("keyup", (event) => this.held.delete(event.key));
    canvas.addEventListener("focus", () => this.showNib());
    canvas.addEventListener("blur", () => { this.lift(); this.held.clear(); pad.placeNib(null, null); });
  }

  /** Pen up, if it was down. */
  lift() {
    if (!this.isDown) return;
    this.isDown = false;
    this.pad.nib.classList.remove("is-down");
    this.pad.sketch.finish();
  }

  /** The crosshair, where the keyboard is in use. */
  showNib() {
    const { canvas, nib } = this.pad;
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
      nib.classList.add("by-keys");
      this.pad.placeNib(this.x, this.y);
    } else this.pad.placeNib(null, null);
  }

  #down(event) {
    if (!this.pad.enabled || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " || event.key === "Spacebar") {
      event.preventDefault();
      if (event.repeat) return;
      if (this.isDown) this.#up();
      else this.#start();
    } else if (event.key === "Escape" && this.isDown) this.#up();
    else if (event.key in MOVES) {
      event.preventDefault();
      this.#move(event);
    }
  }

  #start() {
    if (this.pad.sketch.isOpen || !this.pad.sketch.begin(this.x, this.y)) return;
    this.isDown = true;
    this.pad.nib.classList.add("by-keys", "is-down");
    this.pad.placeNib(this.x, this.y);
    announce("Pen down.", "pen");
  }

  #up() {
    this.lift();
    announce("Pen up.", "pen");
  }

  #move(event) {
    this.held.add(event.key);
    let dx = 0, dy = 0;
    for (const key of this.held) {
      dx += MOVES[key]?.[0] ?? 0;
      dy += MOVES[key]?.[1] ?? 0;
    }
    const step = event.shiftKey ? STEP / 5 : STEP;
    this.x = Math.min(Math.max(this.x + Math.sign(dx) * step, 0), 1);
    this.y = Math.min(Math.max(this.y + Math.sign(dy) * step, 0), 1);
    if (this.isDown) this.pad.sketch.extend([this.x], [this.y]);
    this.pad.nib.classList.add("by-keys");
    this.pad.placeNib(this.x, this.y);
  }
}

/**
 * @file A sheet to draw on, by mouse, finger, pen or keys.
 *
 * One pointer draws at a time: a palm that comes down beside the pen, or a second finger, is
 * ignored. The eraser end of a pen rubs out whole strokes. The canvas has as many pixels as the
 * screen, and is drawn anew from the sketch whenever its size changes.
 */

import { h } from "../dom.js";
import { drawStrokes, setPen } from "./ink.js";
import { KeyPen } from "./keys.js";

const ERASER_BUTTON = 32;
/** A finger that comes down so soon after the pen is a palm, milliseconds. */
const PALM_AFTER_PEN = 700;

export class Pad {
  /**
   * @param {HTMLElement} host an element that is empty and square
   * @param {import("../sketch.js").Sketch} sketch
   * @param {{label: string, width: number, help?: string}} options `width`: of the pen, share of side
   */
  constructor(host, sketch, { label, width, help }) {
    this.sketch = sketch;
    this.host = host;
    this.width = width;
    this.canvas = h("canvas", {
      class: "pad", tabindex: 0, role: "application", "aria-roledescription": "drawing canvas",
      "aria-label": label, "aria-describedby": help ?? "pad-help",
    });
    this.nib = h("div", { class: "nib", hidden: true, "aria-hidden": "true" });
    host.append(this.canvas, this.nib);
    host.classList.add("has-pad");
    this.context = this.canvas.getContext("2d");
    /** @type {{strokes: any[], ghost: any[]} | null} what is shown instead of the sketch */
    this.shown = null;
    this.enabled = true;
    this.#pointer();
    this.keys = new KeyPen(this);
    this.open = new AbortController();
    const { signal } = this.open;
    sketch.addEventListener("change", (event) => this.#changed(event.detail), { signal });
    this.observer = new ResizeObserver((entries) => this.#resize(entries[0]));
    try {
      this.observer.observe(this.canvas, { box: "device-pixel-content-box" });
    } catch {
      this.observer.observe(this.canvas);
    }
    document.addEventListener("themechange", () => this.draw(), { signal });
  }

  /** No longer needed; the sketch lives on. */
  close() {
    this.open.abort();
    this.observer.disconnect();
  }

  /** Show another drawing for a while, the whole one behind it; null: the sketch again. */
  show(strokes, ghost = []) {
    this.shown = strokes && { strokes, ghost };
    this.draw();
  }

  draw() {
    const { context, canvas } = this;
    const side = canvas.width;
    if (!side) return;
    context.clearRect(0, 0, side, side);
    const style = getComputedStyle(canvas);
    const colour = style.getPropertyValue("--pen").trim() || "black";
    if (this.shown) {
      setPen(context, side, this.width, style.getPropertyValue("--pen-ghost").trim() || "silver");
      drawStrokes(context, this.shown.ghost, side);
    }
    setPen(context, side, this.width, colour);
    drawStrokes(context, this.shown ? this.shown.strokes : this.sketch.strokes, side);
  }

  #changed({ kind }) {
    this.shown = null;
    this.host.classList.toggle("is-empty", this.sketch.isEmpty);
    if (kind !== "begin" && kind !== "extend") return this.draw();
    // Only what is new; the pen is opaque, so what overlaps does no harm.
    const [xs, ys] = this.sketch.strokes[this.sketch.strokes.length - 1];
    const from = Math.max((kind === "begin" ? 0 : this.drawnTo) - 1, 0);
    if (kind === "begin") this.draw();
    else drawStrokes(this.context, [[xs.slice(from), ys.slice(from)]], this.canvas.width);
    this.drawnTo = xs.length;
    return undefined;
  }

  #resize(entry) {
    const about = entry.contentRect.width * devicePixelRatio;
    const exact = entry.devicePixelContentBoxSize?.[0]?.inlineSize ?? about;
    // An emulated screen tells its own pixels as exact, not those that it emulates.
    const side = Math.round(Math.abs(exact - about) <= 1 ? exact : about);
    this.nib.style.setProperty("--nib", `${this.width * entry.contentRect.width}px`);
    if (!side || side === this.canvas.width) return;
    this.canvas.width = this.canvas.height = side;
    this.draw();
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #pointer() {
    const { canvas, sketch } = this;
    let active = null;
    let erases = false;
    let penAt = -Infinity;

    canvas.addEventListener("pointerdown", (event) => {
      if (!this.enabled || active !== null || (event.pointerType === "mouse" && event.button !== 0)) {
        return;
      }
      if (event.pointerType === "pen") penAt = event.timeStamp;
      else if (event.pointerType === "touch" && event.timeStamp - penAt < PALM_AFTER_PEN) return;
      erases = event.pointerType === "pen" && (event.buttons & ERASER_BUTTON) !== 0;
      this.shown = null;
      this.keys.lift();
      const [x, y] = this.#place(event);
      if (erases) sketch.erase(x, y, this.width);
      else if (!sketch.begin(x, y)) return;
      active = event.pointerId;
      try {
        canvas.setPointerCapture(active);
      } catch { /* the pointer is gone already */ }
      canvas.focus({ preventScroll: true, focusVisible: false });
      event.preventDefault();
    });

    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") this.#moveNib(event, erases);
      if (event.pointerId !== active) return;
      if (event.pointerType === "pen") penAt = event.timeStamp;
      const every = event.getCoalescedEvents?.() ?? [];
      const places = (every.length ? every : [event]).map((each) => this.#place(each));
      if (erases) places.forEach(([x, y]) => sketch.erase(x, y, this.width));
      else sketch.extend(places.map(([x]) => x), places.map(([, y]) => y));
    });

    const up = (event) => {
      if (event.pointerId !== active) return;
      active = null;
      if (event.pointerType === "pen") penAt = event.timeStamp;
      if (erases) { erases = false; return; }
      if (event.type === "pointerup") {
        const [x, y] = this.#place(event);
        sketch.extend([x], [y], true);
      }
      // What the system took away (a call, a gesture) stays on the paper as far as it got.
      sketch.finish();
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("lostpointercapture", up);
    canvas.addEventListener("pointerleave", () => { if (active === null) this.keys.showNib(); });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    // Older Safari scrolls on touchmove whatever touch-action says.
    canvas.addEventListener("touchmove", (event) => event.preventDefault(), { passive: false });
  }

  #moveNib(event, erases) {
    const [x, y] = this.#place(event);
    this.placeNib(x, y);
    this.nib.classList.toggle("erases", erases);
    this.nib.classList.remove("by-keys");
  }

  /** Where the pen is; nowhere: null. */
  placeNib(x, y) {
    this.nib.hidden = x === null;
    if (x === null) return;
    this.nib.style.setProperty("--x", `${x * 100}%`);
    this.nib.style.setProperty("--y", `${y * 100}%`);
  }
}

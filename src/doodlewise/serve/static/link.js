/**
 * @file A sketch and an engine, held together: what is drawn is told as it is drawn.
 *
 * Points go out every 40 ms. From the pen being lifted to its guess being on the screen is measured
 * as "doodlewise:guess" in the browser's performance timeline.
 */

const EVERY = 40;

/**
 * @param {any} engine
 * @param {import("./sketch.js").Sketch} sketch
 * @param {(message: any) => void} heard guess, empty, error, offline, online
 * @param {string | null} [model] a taught one
 * @returns {{use: (model: string | null) => void, close: () => void}}
 */
export function link(engine, sketch, heard, model = null) {
  let xs = [], ys = [];
  let timer = 0;
  /** What the guess has to include to be the one that the pen-up asked for. */
  let due = null;

  const live = engine.live((message) => {
    // Late: meanwhile all was wiped away.
    if (message.type === "guess" && sketch.isEmpty) return;
    heard(message);
    if (message.type !== "guess" || !due) return;
    if (message.strokes !== due.strokes || message.points !== due.points) return;
    const { start } = due;
    due = null;
    requestAnimationFrame(() => {
      performance.measure("doodlewise:guess", { start, end: performance.now() });
    });
  });

  if (model) live.use(model);

  function flush() {
    clearTimeout(timer);
    timer = 0;
    if (xs.length) live.points(xs, ys);
    xs = [];
    ys = [];
  }

  function changed({ detail }) {
    if (detail.kind === "begin" || detail.kind === "extend") {
      xs.push(...detail.xs);
      ys.push(...detail.ys);
      timer ||= setTimeout(flush, EVERY);
      return;
    }
    due = null;
    if (detail.kind === "finish") {
      const { startTime } = performance.mark("doodlewise:pen-up");
      due = { strokes: sketch.strokes.length, points: sketch.points, start: startTime };
      flush();
      live.end();
      return;
    }
    flush();
    if (detail.kind === "undo") live.undo();
    else if (detail.kind === "clear") live.clear();
    else live.set(sketch.strokes);
  }

  sketch.addEventListener("change", changed);
  if (!sketch.isEmpty) live.set(sketch.strokes);
  return {
    use: (model) => live.use(model),
    close() {
      clearTimeout(timer);
      sketch.removeEventListener("change", changed);
      live.close();
    },
  };
}

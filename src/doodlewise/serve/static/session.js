/** @file Runs the network, in a worker: onnxruntime-web on one file. */

import { readModel } from "./onnx-patch.js";
import { limitsOf, problem, simplifiedPoints, strokeBatches } from "./tensors.js";

const FORMAT = 1; // of the metadata, as in predict/onnx_backend.py
const MAX_THREADS = 4;
const GZIP = [0x1f, 0x8b];

/**
 * Load the runtime and a model.
 *
 * @param {{model: string, runtime: string}} urls absolute; `runtime` ends in "/".
 * @returns {Promise<Session>}
 */
export async function openSession({ model, runtime }) {
  const [ort, wasm, bytes] = await Promise.all([
    import(`${runtime}ort.js`).catch(() => {
      throw missing(`${runtime}ort.js`);
    }),
    fetched(`${runtime}ort.wasm.gz`).then(unpacked),
    fetched(model),
  ]);
  const { metadata, head } = readable(() => readModel(bytes), model);
  const { format, input, info } = readable(() => JSON.parse(metadata.get("doodlewise")), model);
  if (format !== FORMAT || input !== "strokes") {
    throw problem("bad_model", `${fileName(model)} does not take strokes. Export the site again.`);
  }
  // Threads need memory that is shared, which a page has only with headers that most hosts lack.
  ort.env.wasm.numThreads = self.crossOriginIsolated
    ? Math.min(MAX_THREADS, navigator.hardwareConcurrency || 1)
    : 1;
  ort.env.wasm.wasmPaths = { mjs: `${runtime}ort-glue.js` };
  ort.env.wasm.wasmBinary = wasm;
  ort.env.logLevel = "error";
  let inner;
  try {
    inner = await ort.InferenceSession.create(bytes, {
      executionProviders: ["wasm"],
      // It would keep a plan of the memory for every length that there ever was.
      enableMemPattern: false,
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw problem(
      "cannot_run",
      `The network cannot be run in this browser (${error.message ?? error}). Use a newer browser:` +
        " Chrome 111, Firefox 114, Safari 16.4 or later.",
    );
  }
  return new Session(ort, inner, { bytes, metadata, head, info });
}

/** Takes drawings, one batch after the other. */
export class Session {
  #ort;
  #inner;
  #limits;
  #seesStrokes;
  #last = Promise.resolve();

  constructor(ort, inner, model) {
    this.#ort = ort;
    this.#inner = inner;
    /** Bytes of the file, its metadata, last layer and `BundleInfo`. */
    this.model = model;
    // Files of older versions do not say it: they all see images.
    this.#seesStrokes = (model.info.takes ?? "images") !== "images";
    this.#limits = limitsOf(model.info.image_shape.reduce((product, side) => product * side, 1));
  }

  /**
   * @param {{points: Float32Array, begins: Uint8Array}[]} drawings as `readStrokes` gives them.
   * @param {string[]} names of outputs.
   * @returns {Promise<Object<string, (Float32Array|Uint8Array)[]>>} of each output, a row for each.
   */
  async run(drawings, names) {
    if (this.#seesStrokes) drawings = drawings.map(simplifiedPoints);
    const found = Object.fromEntries(names.map((name) => [name, new Array(drawings.length)]));
    for (const batch of strokeBatches(drawings, this.#limits)) {
      const outputs = await this.#runBatch(batch, names);
      for (const name of names) {
        const { data } = outputs[name];
        const width = data.length / batch.rows.length;
        batch.rows.forEach((row, at) => {
          found[name][row] = data.slice(at * width, (at + 1) * width);
        });
      }
    }
    return found;
  }

  /** The runtime does one thing at a time, and wants to be asked so. */
  #runBatch({ rows, points, pen, length }, names) {
    const { Tensor } = this.#ort;
    const given = {
      points: new Tensor("float32", points, [rows.length, length, 2]),
      pen: new Tensor("int64", pen, [rows.length, length]),
    };
    const run = this.#last.then(() => this.#inner.run(given, names));
    this.#last = run.catch(() => {});
    return run;
  }
}

async function fetched(url) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin" });
  } catch {
    throw missing(url);
  }
  if (!answer.ok) throw missing(url, ` (${answer.status})`);
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch {
    throw missing(url);
  }
}

function missing(url, why = "") {
  return problem(
    "missing_file",
    `The file ${fileName(url)} of this site cannot be loaded${why}. Reload the page; if it stays` +
      " so, upload the whole site again.",
  );
}

/** Hosts that know .gz may have unpacked it already. */
async function unpacked(bytes) {
  if (bytes[0] !== GZIP[0] || bytes[1] !== GZIP[1]) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw problem(
      "bad_runtime",
      "The file ort.wasm.gz of this site is damaged. Upload the whole site again.",
    );
  }
}

function readable(read, url) {
  try {
    return read();
  } catch {
    throw problem(
      "bad_model",
      `${fileName(url)} is not a model, or is damaged. Export the site again, and upload it whole.`,
    );
  }
}

function fileName(url) {
  return new URL(url).pathname.split("/").pop();
}

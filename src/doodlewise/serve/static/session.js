// Runs the network, in a worker: onnxruntime-web on one file.

import { readModel, withoutDefault } from "./onnx-patch.js";
import { limitsOf, problem, strokeBatches } from "./tensors.js";

const FORMAT = 1; // of the metadata, as in predict/onnx_backend.py
const IMAGES = "images";
/** Images at once, as in Python. */
const IMAGE_ROWS = 32;
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
  const { input, info } = readable(() => JSON.parse(metadata.get("doodlewise")), model);
  if (JSON.parse(metadata.get("doodlewise")).format !== FORMAT || input !== "strokes") {
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
    inner = await ort.InferenceSession.create(withoutDefault(bytes, IMAGES), {
      executionProviders: ["wasm"],
      // It would keep a plan of the memory for every length that there ever was.
      enableMemPattern: false,
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw problem(
      "cannot_run",
      `The network cannot be run in this browser (${error.message ?? error}). Use a newer browser:` +
        " Chrome 91, Firefox 114, Safari 16.4 or later.",
    );
  }
  return new Session(ort, inner, { bytes, metadata, head, info });
}

/** Takes drawings and images, one batch after the other. */
export class Session {
  #ort;
  #inner;
  #limits;
  #last = Promise.resolve();

  constructor(ort, inner, model) {
    this.#ort = ort;
    this.#inner = inner;
    /** Bytes of the file, its metadata, last layer and `BundleInfo`. */
    this.model = model;
    this.#limits = limitsOf(this.#pixels);
  }

  /** Whether it takes images too; files that were exported long ago do not. */
  get takesImages() {
    return this.#inner.inputNames.includes(IMAGES);
  }

  /**
   * @param {{points: Float32Array, begins: Uint8Array}[]} drawings as `readStrokes` gives them.
   * @param {string[]} names of outputs.
   * @returns {Promise<Object<string, (Float32Array|Uint8Array)[]>>} of each output, a row for each.
   */
  async run(drawings, names) {
    const found = Object.fromEntries(names.map((name) => [name, new Array(drawings.length)]));
    const blank = new Uint8Array(this.#pixels);
    for (const { rows, points, pen, length } of strokeBatches(drawings, this.#limits)) {
      const outputs = await this.#runBatch(points, pen, [rows.length, length], blank, names);
      share(outputs, found, rows);
    }
    return found;
  }

  /**
   * @param {Uint8Array[]} images of levels from 0, paper, to 255, ink.
   * @param {string[]} names of outputs.
   */
  async runImages(images, names) {
    const found = Object.fromEntries(names.map((name) => [name, new Array(images.length)]));
    for (let first = 0; first < images.length; first += IMAGE_ROWS) {
      const some = images.slice(first, first + IMAGE_ROWS);
      const levels = new Uint8Array(some.length * this.#pixels);
      some.forEach((image, at) => levels.set(image, at * this.#pixels));
      const [points, pen] = [new Float32Array(some.length * 2), new BigInt64Array(some.length)];
      const outputs = await this.#runBatch(points, pen, [some.length, 1], levels, names);
      share(outputs, found, some.map((_, at) => first + at));
    }
    return found;
  }

  get #pixels() {
    return this.model.info.image_shape.reduce((product, side) => product * side, 1);
  }

  /** The runtime does one thing at a time, and wants to be asked so. */
  #runBatch(points, pen, size, images, names) {
    const { Tensor } = this.#ort;
    const given = {
      points: new Tensor("float32", points, [...size, 2]),
      pen: new Tensor("int64", pen, size),
    };
    if (this.takesImages) {
      const shape = [images.length / this.#pixels, ...this.model.info.image_shape];
      given[IMAGES] = new Tensor("uint8", images, shape);
    }
    const run = this.#last.then(() => this.#inner.run(given, names));
    this.#last = run.catch(() => {});
    return run;
  }
}

/** Put the rows of a batch where they belong. */
function share(outputs, found, rows) {
  for (const name of Object.keys(found)) {
    const { data } = outputs[name];
    const width = data.length / rows.length;
    rows.forEach((row, at) => {
      found[name][row] = data.slice(at * width, (at + 1) * width);
    });
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

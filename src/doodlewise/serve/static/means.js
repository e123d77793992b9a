/**
 * @file What the drawings of each word look like on average: a sheet of tiles, white paper, black ink.
 */

const A_ROW = 16;

export class Means {
  /** @param {HTMLImageElement} image @param {number} side @param {string[]} words in the sheet's order */
  constructor(image, side, words) {
    this.side = side;
    this.words = words;
    this.index = new Map(words.map((word, i) => [word, i]));
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    this.sheet = context.getImageData(0, 0, canvas.width, canvas.height);
  }

  /** @param {any} config @returns {Promise<Means | null>} */
  static async open(config) {
    if (!config.means || !config.model.render) return null;
    const image = new Image();
    image.src = config.means;
    try {
      await image.decode();
    } catch {
      return null;
    }
    return new Means(image, config.model.render.side, config.labels.map(({ word }) => word));
  }

  has(word) { return this.index.has(word); }

  /** Ink of a tile, 0 to 255. @returns {Float64Array} */
  ink(word) {
    const { side, sheet } = this;
    const i = this.index.get(word);
    const left = (i % A_ROW) * side, top = Math.floor(i / A_ROW) * side;
    const ink = new Float64Array(side * side);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        ink[y * side + x] = 255 - sheet.data[4 * ((top + y) * sheet.width + left + x)];
      }
    }
    return ink;
  }

  /** The tile of a word on a canvas of its own, in the colour of the pen. */
  tile(word) {
    return this.has(word) ? inkTile(this.ink(word), this.side) : null;
  }

  /** The words whose means are likest to some ink (correlation), best first. */
  nearest(ink, most) {
    const own = centred(ink);
    return this.words
      .map((word) => ({ word, likeness: dot(own, this.#unit(word)) }))
      .sort((a, b) => b.likeness - a.likeness)
      .slice(0, most);
  }

  #unit(word) {
    this.units ??= new Map();
    if (!this.units.has(word)) this.units.set(word, centred(this.ink(word)));
    return this.units.get(word);
  }
}

/** Ink (0 to 255) as a canvas whose alpha is the ink; the colour comes from the style sheet. */
export function inkTile(ink, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  canvas.className = "tile";
  const context = canvas.getContext("2d");
  const data = context.createImageData(side, side);
  for (let i = 0; i < ink.length; i++) data.data[4 * i + 3] = ink[i];
  context.putImageData(data, 0, 0);
  return canvas;
}

function centred(ink) {
  const mean = ink.reduce((sum, v) => sum + v, 0) / ink.length;
  const values = Float64Array.from(ink, (v) => v - mean);
  const length = Math.sqrt(dot(values, values)) || 1;
  return values.map((v) => v / length);
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

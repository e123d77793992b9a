/** @file The mean drawings that travel in a model's metadata, as images of ink; see predict/means.py. */

const KEY = "doodlewise.means";
const COLUMNS = 16;

/**
 * @param {{metadata: Map<string, string>, info: {classes: string[], image_shape: number[]}}} model
 * @returns {Promise<Uint8Array[] | null>} of each word, levels from 0, paper, to 255, ink; null
 *   where there are none
 */
export async function sheetOfMeans({ metadata, info }) {
  const text = metadata.get(KEY);
  if (!text) return null;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }), {
    colorSpaceConversion: "none",
  });
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data, width } = context.getImageData(0, 0, image.width, image.height);
  const side = info.image_shape[2];
  return info.classes.map((_, word) => {
    const left = (word % COLUMNS) * side, top = Math.floor(word / COLUMNS) * side;
    const ink = new Uint8Array(side * side);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        ink[y * side + x] = 255 - data[4 * ((top + y) * width + left + x)];
      }
    }
    return ink;
  });
}

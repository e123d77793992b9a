/** @file Pictures from files, small enough to be sent: what is seen of them has 28 or 64 pixels anyway. */

import { EngineError } from "./engine.js";

const SIDE = 320;
const MOST_BYTES = 20 * 2 ** 20;

/** @param {File} file @returns {Promise<string>} a data URL of a PNG */
export async function readPicture(file) {
  if (file.size > MOST_BYTES) throw new EngineError("too_large", `${file.name} is larger than 20 MB. Choose a smaller one.`);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new EngineError("no_picture", `${file.name} is not a picture that this browser can read. Choose a PNG or JPEG.`);
  }
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(Math.round(bitmap.width * scale), 1);
  canvas.height = Math.max(Math.round(bitmap.height * scale), 1);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.toDataURL("image/png");
}

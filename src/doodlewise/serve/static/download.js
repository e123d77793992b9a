/** @file Handing files to the person, made here and now. */

import { picture } from "./canvas/ink.js";

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function downloadText(text, name) {
  download(new Blob([text], { type: "application/x-ndjson" }), name);
}

/** A drawing as a picture of 1,024 pixels: black ink on white paper, with the pen of the page. */
export function downloadPicture(strokes, width, name) {
  const canvas = picture(strokes, { side: 1024, width, colour: "#000", paper: "#fff" });
  canvas.toBlob((blob) => blob && download(blob, name), "image/png");
}

/** A word as a file's name: letters and digits of any script, dashes. */
export function fileName(word, ending) {
  const stem = word.normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return `${stem || "drawing"}.${ending}`;
}

// Pictures between the browser's forms and plain numbers.

import { fromRgba } from "./picture.js";
import rules from "./rules.js";

/** @import { Picture } from "./picture.js" */

/** @param {number} width @param {number} height */
function sheet(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new RangeError("no memory for a canvas");
  return { canvas, context };
}

/** @param {Blob} file @returns {Promise<Picture>} */
export async function decoded(file) {
  const bitmap = await createImageBitmap(file);
  const { context } = sheet(bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const { width, height } = bitmap;
  bitmap.close();
  return fromRgba(context.getImageData(0, 0, width, height));
}

/** @param {Picture} rgb bytes @returns {Promise<Picture>} after one more JPEG */
export async function encodedAgain({ width, height, data }) {
  const { canvas, context } = sheet(width, height);
  const image = context.createImageData(width, height);
  image.data.fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    for (let c = 0; c < 3; c += 1) image.data[to + c] = data[from + c];
  }
  context.putImageData(image, 0, 0);
  const quality = rules.stability.JPEG_QUALITY / 100;
  return decoded(await canvas.convertToBlob({ type: "image/jpeg", quality }));
}

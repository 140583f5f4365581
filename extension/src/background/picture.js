// Pictures in the worker: from a data URL, from the screen, and whether there is anything on them.

/** @import { Rect } from "../verdict/geometry.js" */

/** A picture whose brightest spot stays under this is black: copy protection gives out only those. */
const BLACK = 12;
const PROBE_PX = 24;

/** @param {string} url a data URL in base64 */
export function blobOf(url) {
  const [head, body] = url.split(",");
  const type = head.slice("data:".length).split(";")[0];
  return new Blob([Uint8Array.from(atob(body), (sign) => sign.charCodeAt(0))], { type });
}

/** @param {Blob} blob @returns {Promise<string>} a data URL: an extension's page may show it, a message may carry it */
export async function dataUrlOf(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const signs = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return `data:${blob.type};base64,${btoa(signs)}`;
}

/** @param {number} width @param {number} height */
function sheet(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  return { canvas, context };
}

/** @param {Blob} picture @param {Rect} area in its pixels @returns {Promise<Blob>} */
export async function cropped(picture, { x, y, width, height }) {
  const whole = await createImageBitmap(picture);
  const { canvas, context } = sheet(Math.round(width), Math.round(height));
  context.drawImage(whole, x, y, width, height, 0, 0, canvas.width, canvas.height);
  whole.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
}

/** @param {Blob} picture */
export async function isBlack(picture) {
  const whole = await createImageBitmap(picture);
  const { context } = sheet(PROBE_PX, PROBE_PX);
  context.drawImage(whole, 0, 0, PROBE_PX, PROBE_PX);
  whole.close();
  const { data } = context.getImageData(0, 0, PROBE_PX, PROBE_PX);
  return data.every((value, i) => i % 4 === 3 || value < BLACK);
}

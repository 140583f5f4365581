// Colours as OpenCV turns them, bytes to bytes. Pure.

import { bytes } from "./picture.js";

/** @import { Picture } from "./picture.js" */

/** A byte of sRGB as light, 0..1. */
const LIGHT = Float64Array.from({ length: 256 }, (_, value) => {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
});
/** XYZ of red, green and blue, each row over that of D65's white. */
const XYZ = [
  [0.412453 / 0.950456, 0.35758 / 0.950456, 0.180423 / 0.950456],
  [0.212671, 0.71516, 0.072169],
  [0.019334 / 1.088754, 0.119193 / 1.088754, 0.950227 / 1.088754],
];

/** @param {number} share 0..1 */
const root = (share) => (share > 0.008856 ? Math.cbrt(share) : 7.787 * share + 16 / 116);

/** @param {Picture} rgb @returns {Picture} CIE L*a*b*: lightness times 2.55, both others plus 128 */
export function lab(rgb) {
  const found = bytes(rgb.width, rgb.height);
  for (let i = 0; i < rgb.data.length; i += 3) {
    const light = [LIGHT[rgb.data[i]], LIGHT[rgb.data[i + 1]], LIGHT[rgb.data[i + 2]]];
    const [x, y, z] = XYZ.map((row) => root(row[0] * light[0] + row[1] * light[1] + row[2] * light[2]));
    found.data[i] = (116 * y - 16) * 2.55;
    found.data[i + 1] = 500 * (x - y) + 128;
    found.data[i + 2] = 200 * (y - z) + 128;
  }
  return found;
}

/** @param {Picture} rgb @returns {Picture} one channel */
export function grey(rgb) {
  const found = bytes(rgb.width, rgb.height, 1);
  for (let to = 0, from = 0; to < found.data.length; to += 1, from += 3) {
    found.data[to] = 0.299 * rgb.data[from] + 0.587 * rgb.data[from + 1] + 0.114 * rgb.data[from + 2];
  }
  return found;
}

// Whether a verdict survives what a picture goes through on its way, as server/analysis/stability.py asks.

import { quality } from "./crops.js";
import { toLogit } from "./evidence.js";
import { highestFirst, mean } from "./numbers.js";
import { resized, rounded, square } from "./picture.js";
import rules from "./rules.js";

/**
 * @import { Crop } from "./crops.js"
 * @import { Picture } from "./picture.js"
 *
 * @typedef {(crops: Picture[]) => Promise<number[]>} Score P(fake) of each
 * @typedef {(rgb: Picture) => Promise<Picture>} Encode a picture after one more JPEG
 */

const { MOST_CROPS, SCALE, SHIFT } = rules.stability;

/** @param {Picture} rgb @returns {Picture} made smaller and larger again */
export function scaled(rgb) {
  return resized(resized(rgb, rounded(rgb.height * SCALE)), rgb.height);
}

/** @param {Picture} rgb @returns {Picture} framed a little further up and to the left; the edge is repeated */
export function shifted(rgb) {
  const step = Math.max(1, rounded(rgb.height * SHIFT));
  return square(rgb, [-step, -step], rgb.height);
}

/**
 * @param {Crop[]} crops @param {number[]} pFake of each @param {boolean} isFake the label
 * @param {{score: Score, encodedAgain: Encode}} means
 * @returns {Promise<boolean>} false if a change turns the best crops that carry the label to the other side
 */
export async function isStable(crops, pFake, isFake, { score, encodedAgain }) {
  const carrying = crops.filter((_, i) => (pFake[i] >= 0.5) === isFake);
  const best = highestFirst(carrying.map(quality)).slice(0, MOST_CROPS).map((i) => carrying[i].rgb);
  if (!best.length) return false;
  for (const change of [encodedAgain, scaled, shifted]) {
    const changed = await Promise.all(best.map(async (crop) => change(crop)));
    const evidence = mean((await score(changed)).map(toLogit));
    if ((evidence >= 0) !== isFake) return false;
  }
  return true;
}

// Which pictures of a face are worth scoring, as server/analysis/crops.py has it. Pure but for the choice.

import { grey } from "./colour.js";
import { variance } from "./numbers.js";
import { between, distance, resized } from "./picture.js";
import rules from "./rules.js";

/**
 * @import { Picture, Point } from "./picture.js"
 *
 * @typedef {object} Crop one cut-out face, and how good it is: 0..1 but for `size_px`
 * @property {number} time_s
 * @property {Picture} rgb
 * @property {number} sharpness
 * @property {number} frontality
 * @property {number} size_px the longer side of the face's box
 */

const { SHARPNESS_PX, SHARPNESS_HALF, FRONTAL_EYES } = rules.crops;

/** @param {number} at @param {number} size mirrored at the edge pixel, which is not repeated */
const mirrored = (at, size) => (at < 0 ? -at : at < size ? at : 2 * size - 2 - at);

/** @param {Picture} plane one channel @returns {Float32Array} how much each pixel differs from its neighbours */
function laplacian({ width, height, data }) {
  const found = new Float32Array(width * height);
  for (let y = 0, to = 0; y < height; y += 1) {
    const [above, below] = [mirrored(y - 1, height), mirrored(y + 1, height)].map((row) => row * width);
    for (let x = 0; x < width; x += 1, to += 1) {
      const [left, right] = [mirrored(x - 1, width), mirrored(x + 1, width)].map((column) => y * width + column);
      found[to] = data[above + x] + data[below + x] + data[left] + data[right] - 4 * data[to];
    }
  }
  return found;
}

/** @param {Picture} rgb a crop @returns {number} how much fine detail it has, 0..1 */
export function sharpness(rgb) {
  const plane = resized(grey(rgb), SHARPNESS_PX);
  const ratio = variance(laplacian(plane)) / (variance(plane.data) + 1);
  return ratio / (ratio + SHARPNESS_HALF);
}

/** @param {Point[]} landmarks @returns {number} how far the face looks towards the camera, 1 frontal, 0 profile */
export function frontality([leftEye, rightEye, nose, leftMouth, rightMouth]) {
  const middle = between(leftEye, rightEye);
  const apart = distance(leftEye, rightEye);
  const height = distance(between(leftMouth, rightMouth), middle);
  if (apart < 1 || height < 1) return 0;
  const line = [rightEye[0] - leftEye[0], rightEye[1] - leftEye[1]];
  const along = (nose[0] - middle[0]) * line[0] + (nose[1] - middle[1]) * line[1];
  const offset = Math.abs(along) / (apart / 2) / apart;
  return Math.max(0, 1 - offset) * Math.min(1, apart / height / FRONTAL_EYES);
}

/** @param {Crop} crop size (full at the crop's own side), sharpness and frontality together */
export function quality({ rgb, size_px, sharpness, frontality }) {
  return Math.cbrt(Math.min(1, size_px / rgb.height) * sharpness * frontality);
}

/**
 * At most `most` good crops of one face, spread over the time it was seen: of the two closest in time
 * the worse one goes.
 * @param {Crop[]} crops in order of time @param {number} most @returns {Crop[]}
 */
export function spread(crops, most) {
  if (crops.length <= Math.max(1, most)) return crops;
  let first = 0;
  for (let i = 1; i + 1 < crops.length; i += 1) {
    const gap = (/** @type {number} */ at) => crops[at + 1].time_s - crops[at].time_s;
    if (gap(i) < gap(first)) first = i;
  }
  const worse = quality(crops[first]) <= quality(crops[first + 1]) ? first : first + 1;
  return crops.toSpliced(worse, 1);
}

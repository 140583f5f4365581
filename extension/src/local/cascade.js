// The steps of the MTCNN cascade, as server/analysis/cascade.py has them; faces.js puts them in order.

import { area, shared, squareAround } from "./boxes.js";
import rules from "./rules.js";

/**
 * @import { Edges } from "./boxes.js"
 * @import { Picture, Point } from "./picture.js"
 *
 * @typedef {object} Find
 * @property {Edges} box in pixels of the picture
 * @property {number} logit of being a face
 * @property {Point[]} landmarks five, once the O-Net has seen it
 */

const { WINDOW_PX, STRIDE_PX } = rules.pyramid;
const { OUTSIDE } = rules.cascade;
/** An answer holds 4 offsets, a logit and, from the O-Net, 5 landmark x and 5 landmark y. */
const LOGIT = 4;
export const COLUMNS = 5;
export const ALL_COLUMNS = 15;

/**
 * What the P-Net's answer to one level holds that may be a face.
 * @param {Float32Array} answer cells row after row @param {number} across cells in a row
 * @param {number} scale of the level @param {number} leastLogit
 * @returns {Find[]} best first
 */
export function windows(answer, across, scale, leastLogit) {
  /** @type {Find[]} */
  const found = [];
  for (let cell = 0, at = 0; at < answer.length; cell += 1, at += COLUMNS) {
    const logit = answer[at + LOGIT];
    if (logit <= leastLogit) continue;
    const [x, y] = [cell % across, Math.floor(cell / across)].map((place) => place * STRIDE_PX + 1);
    const side = WINDOW_PX - 1;
    const edges = [x, y, x + side, y + side].map((edge, i) => (edge + answer[at + i] * side) / scale);
    found.push({ box: /** @type {Edges} */ (edges), logit, landmarks: [] });
  }
  return bestFirst(found);
}

/** @param {Find[]} finds @returns {Find[]} equal ones keep their order */
export function bestFirst(finds) {
  return finds.toSorted((one, other) => other.logit - one.logit);
}

/**
 * Those that overlap no better one by more than `most` of the area of both together, or of the
 * smaller one. Non-greedy suppression: a box that is dropped itself still drops others.
 * @param {Find[]} finds best first @param {number} most @param {"both"|"smaller"} of
 */
export function nmsNongreedy(finds, most, of = "both") {
  const sizes = finds.map(({ box }) => area(box));
  return finds.filter(({ box }, worse) => {
    for (let better = 0; better < worse; better += 1) {
      const both = shared(box, finds[better].box);
      const [one, other] = [sizes[worse], sizes[better]];
      const whole = of === "smaller" ? Math.min(one, other) : one + other - both;
      if (both > most * whole) return false;
    }
    return true;
  });
}

/** @param {Find[]} finds @returns {Find[]} */
export function toSquare(finds) {
  return finds.map((find) => ({ ...find, box: squareAround(find.box) }));
}

/**
 * Those that a network takes for faces, moved to where it found them.
 * @param {Find[]} finds @param {Float32Array} answers a row each @param {number} columns in a row
 * @param {number} leastLogit
 * @returns {Find[]}
 */
export function believed(finds, answers, columns, leastLogit) {
  return finds.flatMap(({ box }, i) => {
    const answer = answers.subarray(i * columns, (i + 1) * columns);
    const logit = answer[LOGIT];
    if (logit <= leastLogit) return [];
    const [across, down] = [box[2] - box[0] + 1, box[3] - box[1] + 1]; // once whole pixels were counted
    const moved = box.map((edge, k) => edge + answer[k] * (k % 2 ? down : across));
    const seen = answer.subarray(COLUMNS);
    const count = seen.length / 2;
    const landmarks = Array.from({ length: count }, (_, k) => /** @type {Point} */ (
      [seen[k] * across + box[0] - 1, seen[count + k] * down + box[1] - 1]));
    return [{ box: /** @type {Edges} */ (moved), logit, landmarks }];
  });
}

/**
 * Where on one axis to sample: the first and the last lie on the window's edges.
 * @param {number} start @param {number} end @param {number} count @param {number} size_px of the picture
 */
function samples(start, end, count, size_px) {
  return Array.from({ length: count }, (_, i) => {
    const place = (start + ((end - start) * i) / (count - 1)) * ((size_px - 1) / size_px);
    return place >= 0 && place <= size_px - 1 ? place : null;
  });
}

/**
 * Windows, sampled bilinearly; what lies outside the picture is OUTSIDE.
 * @param {Picture} picture floats @param {Find[]} finds @param {number} side_px
 * @param {Float32Array} into room for at least as many
 */
export function extractPatches({ width, height, data }, finds, side_px, into) {
  let to = 0;
  for (const { box: [left, top, right, bottom] } of finds) {
    const columns = samples(left, right, side_px, width);
    for (const y of samples(top, bottom, side_px, height)) {
      for (const x of columns) {
        if (x === null || y === null) into.fill(OUTSIDE, to, to + 3);
        else sample(data, width, height, x, y, into, to);
        to += 3;
      }
    }
  }
}

/**
 * @param {ArrayLike<number>} data @param {number} width @param {number} height
 * @param {number} x @param {number} y @param {Float32Array} into @param {number} to
 */
function sample(data, width, height, x, y, into, to) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - left, y - top];
  const row = (top * width + left) * 3;
  const right = left + 1 < width ? 3 : 0;
  const below = top + 1 < height ? width * 3 : 0;
  for (let c = 0; c < 3; c += 1) {
    const at = row + c;
    const upper = data[at] + (data[at + right] - data[at]) * fx;
    const lower = data[at + below] + (data[at + below + right] - data[at + below]) * fx;
    into[to + c] = upper + (lower - upper) * fy;
  }
}

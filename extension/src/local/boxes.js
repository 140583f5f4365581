// Boxes as left, top, right and bottom in pixels. Pure.

import { clamped } from "./numbers.js";

/**
 * @typedef {[left: number, top: number, right: number, bottom: number]} Edges
 * @import { Box } from "../verdict/types.js"
 * @import { Point } from "./picture.js"
 */

/** @param {Edges} box @returns {Point} */
export const center = ([left, top, right, bottom]) => [(left + right) / 2, (top + bottom) / 2];

/** @param {Edges} box the longer one */
export const side = ([left, top, right, bottom]) => Math.max(right - left, bottom - top);

/** @param {Edges} box 0 where it is turned inside out */
export const area = ([left, top, right, bottom]) => Math.max(0, right - left) * Math.max(0, bottom - top);

/** @param {Edges} one @param {Edges} other the area of what both cover */
export function shared(one, other) {
  const across = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const down = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  return Math.max(0, across) * Math.max(0, down);
}

/** @param {Edges} one @param {Edges} other 0..1; boxes without area have nothing in common */
export function iou(one, other) {
  const both = shared(one, other);
  const union = area(one) + area(other) - both;
  return union > 0 ? both / union : 0;
}

/** @param {Edges} box @returns {Edges} the square of its longer side around the same middle */
export function squareAround(box) {
  const [x, y] = center(box);
  const half = side(box) / 2;
  return [x - half, y - half, x + half, y + half];
}

/** @param {number} value @param {number} digits */
export const toDigits = (value, digits) => Number(value.toFixed(digits));

/** @param {Edges} box @param {{width: number, height: number}} picture @returns {Box} cut off at the edges */
export function toFractions(box, { width, height }) {
  const [left, top, right, bottom] = box.map((edge, i) => toDigits(clamped(edge / (i % 2 ? height : width), 0, 1), 4));
  return [left, top, toDigits(Math.max(0, right - left), 4), toDigits(Math.max(0, bottom - top), 4)];
}

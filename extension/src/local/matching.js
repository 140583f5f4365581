// Which face of this picture is which person of the last, as server/analysis/matching.py has it. Pure.

import { lab } from "./colour.js";
import { mean, variance } from "./numbers.js";
import { asFloats, distance, faceCrop, floats, shrunk } from "./picture.js";
import rules from "./rules.js";

/**
 * @import { Picture, Point } from "./picture.js"
 *
 * @typedef {object} Expected where a person should be by now
 * @property {Point} middle of the face
 * @property {number} size_px
 * @property {number} age_s how long ago they were seen
 * @property {boolean} headingKnown
 */

const { REACH, REACH_MOST, REACH_PER_S, REACH_PER_S_HEADING } = rules.matching;
const { GROWTH, GROWTH_PER_S, GROWTH_MOST, SAME_LOOK, MOST_UNLIKE, LOOK_AROUND } = rules.matching;
/** Sides of a look's crop, of its lightness and of its colours, and numbers in all. */
const [CROP_PX, LIGHT_PX, CHROMA_PX] = [32, 8, 4];
const NUMBERS = LIGHT_PX ** 2 + 2 * CHROMA_PX ** 2;

/** @param {Picture} picture floats @param {number} channel @returns {Picture} */
function channelOf({ width, height, channels, data }, channel) {
  const plane = floats(width, height, 1);
  for (let i = 0; i < plane.data.length; i += 1) plane.data[i] = data[i * channels + channel];
  return plane;
}

/**
 * What a face and its surroundings look like, to compare by distance: its lightness, freed of
 * exposure and contrast, and its colours.
 * @param {Picture} rgb @param {Point[]} landmarks @returns {Float32Array}
 */
export function appearance(rgb, landmarks) {
  const [x, y] = [0, 1].map((axis) => mean(landmarks.map((point) => point[axis])));
  const around = landmarks.map((point) => /** @type {Point} */ (
    [(point[0] - x) * LOOK_AROUND + x, (point[1] - y) * LOOK_AROUND + y]));
  const crop = faceCrop(rgb, around, CROP_PX);
  const found = new Float32Array(NUMBERS);
  if (!crop) return found; // wholly outside the picture: resembles nothing in particular
  const colours = asFloats(lab(crop));
  const light = channelOf(colours, 0);
  const [middle, deviation] = [mean(light.data), Math.sqrt(variance(light.data)) + 1];
  light.data.forEach((value, i) => { light.data[i] = (value - middle) / deviation; });
  shrunk(light, LIGHT_PX, LIGHT_PX).data.forEach((value, i) => { found[i] = value / LIGHT_PX; });
  const scale = 5 * Math.sqrt(2 * CHROMA_PX ** 2);
  for (const channel of [1, 2]) {
    shrunk(channelOf(colours, channel), CHROMA_PX, CHROMA_PX).data.forEach((value, i) => {
      found[LIGHT_PX ** 2 + 2 * i + channel - 1] = (value - 128) / scale;
    });
  }
  return found;
}

/**
 * How much of the allowed movement it would take; above 1 is too much.
 * @param {Expected} person @param {Point} middle @param {number} face_px
 */
export function motionCost({ middle: expected, size_px, age_s, headingKnown }, middle, face_px) {
  const speed = headingKnown ? REACH_PER_S_HEADING : REACH_PER_S;
  const reach = Math.min(REACH + speed * age_s, REACH_MOST);
  const growing = Math.log(Math.min(GROWTH + GROWTH_PER_S * age_s, GROWTH_MOST));
  const apart = distance(expected, middle) / Math.sqrt(size_px * face_px);
  return Math.max(apart / reach, Math.abs(Math.log(face_px / size_px)) / growing);
}

/** @param {Float32Array} one @param {Float32Array} other looks @returns {number} in units of SAME_LOOK, capped */
export function appearanceCost(one, other) {
  const squares = one.reduce((sum, value, i) => sum + (value - other[i]) ** 2, 0);
  return Math.min(Math.sqrt(squares) / SAME_LOOK, MOST_UNLIKE);
}

/**
 * The pairs of the cheapest assignment; none costs `most` or more, which is what leaving a row and a
 * column unpaired costs. The Hungarian method with potentials (Kuhn 1955, Munkres 1957), O(n³).
 * @param {number[][]} costs rows of as many columns each @param {number} most
 * @returns {[row: number, column: number][]}
 */
export function assign(costs, most) {
  const [rows, columns] = [costs.length, costs[0]?.length ?? 0];
  const size = Math.max(rows, columns);
  const cost = (/** @type {number} */ row, /** @type {number} */ column) =>
    Math.min(costs[row - 1]?.[column - 1] ?? most, most);
  const owner = new Array(size + 1).fill(0); // of each column; rows and columns count from 1
  const [forRow, forColumn] = [new Array(size + 1).fill(0), new Array(size + 1).fill(0)];
  for (let row = 1; row <= size; row += 1) augment(row, { size, cost, owner, forRow, forColumn });
  return owner.flatMap((row, column) =>
    (column && row <= rows && column <= columns && costs[row - 1][column - 1] < most ? [[row - 1, column - 1]] : []));
}

/**
 * Finds `row` a column along the cheapest chain of changes.
 * @param {number} row
 * @param {{size: number, cost: (row: number, column: number) => number, owner: number[], forRow: number[], forColumn: number[]}} state
 */
function augment(row, { size, cost, owner, forRow, forColumn }) {
  const least = new Array(size + 1).fill(Infinity);
  const before = new Array(size + 1).fill(0);
  const done = new Array(size + 1).fill(false);
  owner[0] = row;
  let column = 0;
  while (owner[column]) {
    done[column] = true;
    let [delta, next] = [Infinity, 0];
    for (let other = 1; other <= size; other += 1) {
      if (done[other]) continue;
      const reduced = cost(owner[column], other) - forRow[owner[column]] - forColumn[other];
      if (reduced < least[other]) [least[other], before[other]] = [reduced, column];
      if (least[other] < delta) [delta, next] = [least[other], other];
    }
    for (let other = 0; other <= size; other += 1) {
      if (done[other]) {
        forRow[owner[other]] += delta;
        forColumn[other] -= delta;
      } else least[other] -= delta;
    }
    column = next;
  }
  for (; column; column = before[column]) owner[column] = owner[before[column]];
}

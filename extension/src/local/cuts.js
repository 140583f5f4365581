// Where one scene ends and another begins, as server/analysis/cuts.py finds it.

import { lab } from "./colour.js";
import { clamped, mean, variance } from "./numbers.js";
import { bytes, rounded, shrunk } from "./picture.js";
import rules from "./rules.js";

/** @import { Picture } from "./picture.js" */

const { SMALL_PX, SHIFT, SAME_SCENE, FLASH_S, FLAT } = rules.cuts;
const [WIDTH, HEIGHT] = SMALL_PX;
/** Of the histograms: how many steps, and from where to where. */
const CHROMA = { steps: 16, from: 80, to: 176 };
const LIGHT = { steps: 24, from: -3, to: 3 };

/** @param {Picture} rgb bytes @returns {Picture} a small one, L*a*b* in bytes */
export function thumbnail(rgb) {
  const step = Math.max(1, Math.floor(rgb.height / (4 * HEIGHT)));
  const thin = bytes(Math.ceil(rgb.width / step), Math.ceil(rgb.height / step));
  for (let y = 0, to = 0; y < rgb.height; y += step) {
    for (let x = 0; x < rgb.width; x += step, to += 3) {
      const from = (y * rgb.width + x) * 3;
      for (let c = 0; c < 3; c += 1) thin.data[to + c] = rgb.data[from + c];
    }
  }
  return lab(shrunk(thin, WIDTH, HEIGHT));
}

/** @param {Picture} first @param {Picture} second thumbnails @returns {number} 0..1 */
export function likeness(first, second) {
  return (layout(lightness(first), lightness(second)) + colours(first, second) + light(first, second)) / 3;
}

/** @param {Picture} small @returns {Float32Array} its first channel */
function lightness({ data }) {
  return Float32Array.from({ length: data.length / 3 }, (_, i) => data[3 * i]);
}

/** @param {Float32Array} one @param {Float32Array} two how well the middle of one is found in the other */
function layout(one, two) {
  const flat = [one, two].map((values) => Math.sqrt(variance(values)) < FLAT);
  if (flat.some(Boolean)) return Number(flat.every(Boolean));
  return clamped(Math.max(found(one, two), found(two, one)), 0, 1);
}

/** @param {Float32Array} values @param {number} left @param {number} top @param {[number, number]} size a part */
function part(values, left, top, [across, down]) {
  const cut = new Float32Array(across * down);
  for (let y = 0; y < down; y += 1) {
    const from = (top + y) * WIDTH + left;
    cut.set(values.subarray(from, from + across), y * across);
  }
  return cut;
}

/** @param {Float32Array} values @returns {Float32Array} less their mean */
function centred(values) {
  const middle = mean(values);
  return values.map((value) => value - middle);
}

/** @param {Float32Array} one @param {Float32Array} other the sum of products */
function product(one, other) {
  let sum = 0;
  for (let i = 0; i < one.length; i += 1) sum += one[i] * other[i];
  return sum;
}

/** @param {Float32Array} where @param {Float32Array} what the best correlation of its middle with a part of `where` */
function found(where, what) {
  const [columns, rows] = [rounded(SHIFT * WIDTH), rounded(SHIFT * HEIGHT)];
  /** @type {[number, number]} */
  const size = [WIDTH - 2 * columns, HEIGHT - 2 * rows];
  const middle = centred(part(what, columns, rows, size));
  const strength = product(middle, middle);
  let best = -1;
  for (let top = 0; top <= 2 * rows; top += 1) {
    for (let left = 0; left <= 2 * columns; left += 1) {
      const here = centred(part(where, left, top, size));
      const both = Math.sqrt(strength * product(here, here));
      if (both > 0) best = Math.max(best, product(here, middle) / both);
    }
  }
  return best;
}

/** @param {number[]} one @param {number[]} other what two histograms share */
const overlap = (one, other) => one.reduce((sum, value, i) => sum + Math.min(value, other[i]), 0);

/** @param {Picture} small @returns {number[]} the share of each hue and saturation, a little blurred */
function chroma({ data }) {
  const { steps, from, to } = CHROMA;
  const counts = new Array(steps * steps).fill(0);
  let all = 0;
  for (let i = 0; i < data.length; i += 3) {
    const [a, b] = [data[i + 1], data[i + 2]].map((value) => Math.floor(((value - from) * steps) / (to - from)));
    if (Math.min(a, b) < 0 || Math.max(a, b) >= steps) continue;
    counts[a * steps + b] += 1;
    all += 1;
  }
  return blurred(counts, steps).map((count) => count / Math.max(1, all));
}

/** @param {number[]} counts @param {number} side @returns {number[]} each mixed with its neighbours, 1 : 2 : 1 both ways */
function blurred(counts, side) {
  const near = (/** @type {number} */ at) => [at === 0 ? 1 : at - 1, at, at, at === side - 1 ? side - 2 : at + 1];
  return counts.map((_, i) => {
    const [row, column] = [Math.floor(i / side), i % side];
    let sum = 0;
    for (const y of near(row)) for (const x of near(column)) sum += counts[y * side + x];
    return sum / 16;
  });
}

/** @param {Picture} first @param {Picture} second */
const colours = (first, second) => overlap(chroma(first), chroma(second));

/** @param {Picture} small @returns {number[]} the share of each lightness, once exposure and contrast are equal */
function contrast(small) {
  const values = lightness(small);
  const [middle, deviation] = [mean(values), Math.sqrt(variance(values)) + 2];
  const { steps, from, to } = LIGHT;
  const counts = new Array(steps).fill(0);
  for (const value of values) {
    const place = ((value - middle) / deviation - from) / (to - from);
    if (place >= 0 && place <= 1) counts[Math.min(steps - 1, Math.floor(place * steps))] += 1;
  }
  return counts.map((count) => count / values.length);
}

/** @param {Picture} first @param {Picture} second */
const light = (first, second) => overlap(contrast(first), contrast(second));

/** Gives every picture the number of its scene; a scene that a flash interrupts keeps its own. */
export class Scenes {
  #number = 0;
  #count = 0;
  #time_s = 0;
  /** @type {Picture|null} */
  #picture = null;
  /** The scene before the last cut. @type {{number: number, picture: Picture, time_s: number}|null} */
  #former = null;

  /** @param {Picture} rgb @param {number} time_s later than the one before @returns {number} counted from 0 */
  number(rgb, time_s) {
    const picture = thumbnail(rgb);
    if (this.#picture && likeness(this.#picture, picture) < SAME_SCENE) {
      const former = this.#former;
      this.#former = { number: this.#number, picture: this.#picture, time_s: this.#time_s };
      const flash = former && time_s - former.time_s <= FLASH_S && likeness(former.picture, picture) >= SAME_SCENE;
      this.#number = flash ? former.number : (this.#count += 1);
    }
    [this.#picture, this.#time_s] = [picture, time_s];
    return this.#number;
  }
}

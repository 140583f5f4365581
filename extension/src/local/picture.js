// Pictures as plain numbers: scaled and cut the way OpenCV does it for the service. Pure.

import rules from "./rules.js";

/**
 * Rows of pixels, `channels` numbers each; bytes are rounded and bounded by their array.
 * @typedef {object} Picture
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 * @property {Float32Array|Uint8ClampedArray} data
 *
 * @typedef {{start: number, weights: number[]}} Mix which pixels make one, and how much of each
 * @typedef {[x: number, y: number]} Point
 */

/** What weights of whole numbers add up to. */
const ONE = 2048;

/** @param {number} width @param {number} height @param {number} channels @returns {Picture} of floats */
export function floats(width, height, channels = 3) {
  return { width, height, channels, data: new Float32Array(width * height * channels) };
}

/** @param {number} width @param {number} height @param {number} channels @returns {Picture} of bytes */
export function bytes(width, height, channels = 3) {
  return { width, height, channels, data: new Uint8ClampedArray(width * height * channels) };
}

/** @param {Picture} picture @param {number} width @param {number} height @returns {Picture} an empty one of its kind */
function like({ data, channels }, width, height) {
  return (data instanceof Float32Array ? floats : bytes)(width, height, channels);
}

/** @param {{width: number, height: number, data: ArrayLike<number>}} rgba a canvas's pixels @returns {Picture} */
export function fromRgba({ width, height, data }) {
  const picture = bytes(width, height);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    picture.data[to] = data[from];
    picture.data[to + 1] = data[from + 1];
    picture.data[to + 2] = data[from + 2];
  }
  return picture;
}

/** @param {Picture} picture @returns {Picture} */
export function asFloats(picture) {
  return { ...picture, data: Float32Array.from(picture.data) };
}

/** Halves go to the even number, as in Python. @param {number} value */
export function rounded(value) {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return Math.round(value);
  return down % 2 ? down + 1 : down;
}

/** By area, for shrinking. @param {number} from @param {number} to @returns {Mix[]} one for each new pixel */
function areas(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [begin, end] = [i * scale, Math.min((i + 1) * scale, from)];
    const start = Math.floor(begin + 1e-3);
    const stop = Math.min(from, Math.ceil(end - 1e-3));
    const weights = [];
    for (let at = start; at < stop; at += 1) {
      weights.push((Math.min(end, at + 1) - Math.max(begin, at)) / (end - begin));
    }
    return { start, weights };
  });
}

/**
 * Between two pixels, for growing: how much of each, in parts of ONE.
 * @param {number} from @param {number} to @returns {{one: number, other: number, shares: [number, number]}[]}
 */
function lines(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(Math.max((i + 0.5) * (from / to) - 0.5, 0), from - 1);
    const one = Math.floor(place);
    const share = place - one;
    return { one, other: Math.min(one + 1, from - 1), shares: [rounded((1 - share) * ONE), rounded(share * ONE)] };
  });
}

/**
 * Each row of a picture made as long as there are `columns`. Plain loops: this is most of the work.
 * @param {Picture} picture @param {Mix[]} columns @returns {Float32Array}
 */
function narrowed({ width, height, channels, data }, columns) {
  const narrow = new Float32Array(height * columns.length * channels);
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x = 0; x < columns.length; x += 1) {
      const { start, weights } = columns[x];
      for (let c = 0; c < channels; c += 1, to += 1) {
        let sum = 0;
        for (let i = 0, from = (y * width + start) * channels + c; i < weights.length; i += 1, from += channels) {
          sum += data[from] * weights[i];
        }
        narrow[to] = sum;
      }
    }
  }
  return narrow;
}

/**
 * @param {Picture} picture @param {Mix[]} columns @param {Mix[]} rows
 * @param {number} raise added to each number before it is rounded
 * @returns {Picture}
 */
function mixed(picture, columns, rows, raise) {
  const narrow = narrowed(picture, columns);
  const found = like(picture, columns.length, rows.length);
  const across = columns.length * picture.channels;
  const row = new Float32Array(across);
  rows.forEach(({ start, weights }, y) => {
    row.fill(raise);
    for (let i = 0, from = start * across; i < weights.length; i += 1) {
      for (let x = 0; x < across; x += 1, from += 1) row[x] += narrow[from] * weights[i];
    }
    found.data.set(row, y * across);
  });
  return found;
}

/** @param {Picture} picture @param {number} width @param {number} height @returns {Picture} shrunk by area */
export function shrunk(picture, width, height) {
  const halved = picture.width === 2 * width && picture.height === 2 * height;
  const raise = halved && picture.data instanceof Uint8ClampedArray ? 1 / 16 : 0; // OpenCV rounds halves up there
  return mixed(picture, areas(picture.width, width), areas(picture.height, height), raise);
}

/** @param {Picture} square bytes @param {number} side_px @returns {Picture} in integers, as OpenCV computes it */
function grown(square, side_px) {
  const { channels, data } = square;
  const mixes = lines(square.width, side_px);
  const wide = new Int32Array(square.height * side_px * channels);
  for (let y = 0, to = 0; y < square.height; y += 1) {
    for (const { one, other, shares } of mixes) {
      const [left, right] = [one, other].map((x) => (y * square.width + x) * channels);
      for (let c = 0; c < channels; c += 1, to += 1) wide[to] = (data[left + c] * shares[0] + data[right + c] * shares[1]) >> 4;
    }
  }
  const found = bytes(side_px, side_px, channels);
  const across = side_px * channels;
  mixes.forEach(({ one, other, shares }, y) => {
    for (let x = 0; x < across; x += 1) {
      const sum = ((shares[0] * wide[one * across + x]) >> 16) + ((shares[1] * wide[other * across + x]) >> 16);
      found.data[y * across + x] = (sum + 2) >> 2;
    }
  });
  return found;
}

/** @param {Picture} square bytes @param {number} side_px @returns {Picture} by area where it shrinks, linearly where it grows */
export function resized(square, side_px) {
  return square.height > side_px ? shrunk(square, side_px, side_px) : grown(square, side_px);
}

/**
 * A square part; what lies outside the picture repeats its edge.
 * @param {Picture} picture @param {Point} corner @param {number} side_px @returns {Picture}
 */
export function square(picture, [left, top], side_px) {
  const { width, height, channels, data } = picture;
  const part = like(picture, side_px, side_px);
  for (let y = 0, to = 0; y < side_px; y += 1) {
    const row = Math.min(Math.max(top + y, 0), height - 1) * width;
    for (let x = 0; x < side_px; x += 1) {
      const from = (row + Math.min(Math.max(left + x, 0), width - 1)) * channels;
      for (let c = 0; c < channels; c += 1, to += 1) part.data[to] = data[from + c];
    }
  }
  return part;
}

/**
 * The face, upright, as the classifier wants it: models/preprocess.py defines the margin.
 * @param {Picture} rgb bytes @param {Point[]} landmarks eyes, nose, corners of the mouth @param {number} side_px
 * @returns {Picture|null} null where the landmarks lie outside the picture
 */
export function faceCrop(rgb, landmarks, side_px) {
  const [leftEye, rightEye, , leftMouth, rightMouth] = landmarks;
  const eyes = between(leftEye, rightEye);
  const mouth = between(leftMouth, rightMouth);
  const spread = Math.hypot(distance(leftEye, rightEye), distance(eyes, mouth));
  const side = Math.max(2, rounded(rules.preprocess.SIDE_PER_FACE * spread));
  const [x, y] = between(eyes, mouth).map((middle) => rounded(middle - side / 2));
  if (x >= rgb.width || y >= rgb.height || x + side <= 0 || y + side <= 0) return null;
  return resized(square(rgb, [x, y], side), side_px);
}

/** @param {Point} one @param {Point} other @returns {Point} */
export const between = (one, other) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];

/** @param {Point} one @param {Point} other */
export const distance = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);

/** @param {Picture} picture @returns {Picture} seen in a mirror */
export function flipped(picture) {
  const { width, height, channels, data } = picture;
  const found = like(picture, width, height);
  for (let to = 0; to < data.length; to += channels) {
    const pixel = to / channels;
    const from = (pixel + width - 1 - 2 * (pixel % width)) * channels;
    found.data.set(data.subarray(from, from + channels), to);
  }
  return found;
}

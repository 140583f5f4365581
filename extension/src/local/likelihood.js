// How much more probable a person's scores are if the face is manipulated than if it is genuine:
// server/analysis/likelihood.py explains it. Pure.

import { estimate } from "./evidence.js";
import { clamped, mean } from "./numbers.js";
import rules from "./rules.js";

/**
 * @import { Crop } from "./crops.js"
 * @import { Guarantee, Ratio, Support } from "../verdict/types.js"
 *
 * @typedef {[low: number, usual: number, high: number]} Seen in what a line was fitted on
 *
 * @typedef {object} Likelihood of a network, as convert/browser.py writes it
 * @property {number} views of each crop: as it is, and mirrored
 * @property {number[]} line
 * @property {number[][]} covariance
 * @property {[sharpness: Seen, size: Seen]} quality
 * @property {number} people
 * @property {number} clips
 * @property {number} frames
 * @property {number} correlation
 * @property {number} still
 * @property {[number, number]} bounds
 * @property {number} fake_at
 * @property {number} suspect_at
 * @property {number} real_at
 * @property {number} genuine
 * @property {number} manipulated
 * @property {string} part
 * @property {Guarantee} guarantee
 * @property {string[]} covers
 * @property {string[]} blind_to
 */

const { STRENGTHS, STRENGTH_FROM, SHARPNESS_WITHIN } = rules.likelihood;
const { Z_95 } = rules.evidence;
const [LEAST, MOST] = SHARPNESS_WITHIN;
export const NEUTRAL = Math.log(STRENGTH_FROM[0]);

/** @param {number} sharpness 0..1 */
function logSharpness(sharpness) {
  const inside = clamped(sharpness, LEAST, MOST);
  return Math.log(inside) - Math.log1p(-inside);
}

/** @param {Crop[]} crops @param {Likelihood} model @returns {number[]} 1, and how sharp and large they are against what is usual */
function terms(crops, { quality }) {
  const logs = [
    crops.map(({ sharpness }) => logSharpness(sharpness)),
    crops.map(({ size_px }) => Math.log(Math.max(size_px, 1))),
  ];
  return [1, ...logs.map((values, i) => {
    const [low, usual, high] = quality[i];
    return clamped(mean(values), low, high) - usual;
  })];
}

/** @param {number[]} one @param {number[]} other */
const dot = (one, other) => one.reduce((sum, value, i) => sum + value * other[i], 0);

/** @param {Likelihood} model @returns {Likelihood} for a still picture instead of a video */
export function ofStills(model) {
  return { ...model, line: model.line.map((value, i) => (i ? value : value - model.still)) };
}

/**
 * @param {number[]} logits at least one, in order of time @param {Crop[]} crops of the same
 * @param {Likelihood} model @param {number} [ways] the number of stretches of which it is the strongest
 * @returns {Ratio}
 */
export function ratio(logits, crops, model, ways = 1) {
  const usual = { ...rules.rules.usual, frames: model.frames, correlation: model.correlation, clips: 0 };
  const [all, one] = [estimate(logits, usual), estimate(logits.slice(0, 1), usual)];
  const quality = terms(crops, model);
  const shared = model.people ** 2 + model.clips ** 2;
  const gain = (shared + one.error ** 2) / (shared + all.error ** 2);
  const slope = dot(quality, model.line.slice(3));
  const log = gain * (dot(quality, model.line.slice(0, 3)) + slope * all.logit) - Math.log(ways);
  const row = [...quality, ...quality.map((value) => all.logit * value)];
  const fitted = dot(row, model.covariance.map((line) => dot(line, row)));
  const error = gain * Math.sqrt(fitted + (slope * all.error) ** 2);
  const [low, high] = model.bounds;
  const bounded = (/** @type {number} */ value) => clamped(Math.exp(clamped(value, Math.log(low), Math.log(high))), low, high);
  return { log, lr: bounded(log), interval: [bounded(log - Z_95 * error), bounded(log + Z_95 * error)] };
}

/** @param {number} lr @returns {Support} in the ENFSI guideline's words */
export function support(lr) {
  const size = Math.max(lr, 1 / lr);
  const strength = STRENGTHS[STRENGTH_FROM.filter((from) => size >= from).length];
  if (strength === "none") return { direction: null, strength };
  return { direction: lr > 1 ? "manipulated" : "genuine", strength };
}

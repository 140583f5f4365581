// From the scores of one person to a level, by the rules of server/analysis/weighing.py. Pure.

import { estimate, fromLogit, interval, stretches, strongestStretch } from "./evidence.js";
import { NEUTRAL, ratio, support } from "./likelihood.js";
import rules from "./rules.js";

/**
 * @import { FaceLabel, Level, Ratio } from "../verdict/types.js"
 * @import { Crop } from "./crops.js"
 * @import { Estimate } from "./evidence.js"
 * @import { Likelihood } from "./likelihood.js"
 *
 * @typedef {{level: Level, answer: Estimate|null, z: number, reasons: string[], ratio: Ratio|null, run?: [number, number]}} Weighed
 *   `run`: the crops that look more manipulated than the rest, where scores disagree
 *
 * @typedef {object} Thresholds
 * @property {number} fake_at on P(fake), for a model without a likelihood ratio
 * @property {number} real_at
 * @property {Likelihood|null} [likelihood]
 */

const { Z_95, Z_STRETCH } = rules.evidence;

/** @param {Level} level @returns {FaceLabel} */
export const labelOf = (level) => (level === "suspicious" ? "inconclusive" : level);

/**
 * @param {number[]} logits at least one @param {Crop[]} crops of the same
 * @param {Thresholds} thresholds @param {number} least crops in a stretch
 * @returns {Weighed}
 */
export function weigh(logits, crops, thresholds, least) {
  if (thresholds.likelihood) return byLikelihood(logits, crops, thresholds.likelihood, least);
  return byThresholds(logits, crops.map(({ time_s }) => time_s), thresholds, least);
}

/** @param {Ratio} found @param {number} at */
const reaches = (found, at) => found.log >= at && support(found.lr).direction === "manipulated";

/** @param {number[]} logits @param {Crop[]} crops @param {Likelihood} model @param {number} least @returns {Weighed} */
function byLikelihood(logits, crops, model, least) {
  const whole = ratio(logits, crops, model);
  const part = strongestPart(logits, crops, model, least);
  const onWhole = { answer: estimate(logits), z: Z_95, ratio: whole };
  /** @type {[Level, number][]} */
  const levels = [["fake", model.fake_at], ["suspicious", model.suspect_at]];
  for (const [level, at] of levels) {
    if (reaches(whole, at)) return { ...onWhole, level, reasons: [] };
    if (part && reaches(part.ratio, at)) {
      const answer = estimate(logits.slice(...part.run));
      return { level, answer, z: Z_STRETCH, reasons: ["scores-disagree"], ratio: part.ratio, run: part.run };
    }
  }
  if (part && part.ratio.log >= NEUTRAL && whole.log < NEUTRAL) {
    return { ...onWhole, level: "inconclusive", reasons: ["scores-disagree"], run: part.run };
  }
  if (whole.log <= model.real_at && support(whole.lr).direction === "genuine") {
    return { ...onWhole, level: "real", reasons: [] };
  }
  return { ...onWhole, level: "inconclusive", reasons: ["not-certain"] };
}

/**
 * @param {number[]} logits @param {Crop[]} crops @param {Likelihood} model @param {number} least
 * @returns {{ratio: Ratio, run: [number, number]}|null} the stretch with the highest ratio
 */
function strongestPart(logits, crops, model, least) {
  /** @type {{ratio: Ratio, run: [number, number]}|null} */
  let best = null;
  for (const run of stretches(crops.map(({ time_s }) => time_s), least)) {
    const found = ratio(logits.slice(...run), crops.slice(...run), model, crops.length / least);
    if (!best || found.log > best.ratio.log) best = { ratio: found, run };
  }
  return best;
}

/** @param {Estimate} evidence @param {number} z @param {Thresholds} thresholds */
function isFake(evidence, z, { fake_at }) {
  return fromLogit(evidence.logit) >= fake_at && interval(evidence, z)[0] > 0.5;
}

/** @param {number[]} logits @param {number[]} times_s @param {Thresholds} thresholds @param {number} least @returns {Weighed} */
function byThresholds(logits, times_s, thresholds, least) {
  const whole = estimate(logits);
  const part = strongestStretch(logits, times_s, least);
  const onWhole = { answer: whole, z: Z_95, ratio: null };
  if (isFake(whole, Z_95, thresholds)) return { ...onWhole, level: "fake", reasons: [] };
  if (part && isFake(part, Z_STRETCH, thresholds)) {
    return { level: "fake", answer: part, z: Z_STRETCH, reasons: ["scores-disagree"], ratio: null };
  }
  const p = fromLogit(whole.logit);
  if (part && fromLogit(part.logit) >= thresholds.fake_at && p < thresholds.fake_at) {
    return { ...onWhole, level: "inconclusive", reasons: ["scores-disagree"] };
  }
  if (p <= thresholds.real_at && interval(whole, Z_95)[1] < 0.5) return { ...onWhole, level: "real", reasons: [] };
  return { ...onWhole, level: "inconclusive", reasons: ["not-certain"] };
}

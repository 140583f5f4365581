// From crops to P(fake): the only place here where a model's polarity is known.

import { fromLogit } from "./evidence.js";
import { toInput } from "./networks.js";
import { flipped } from "./picture.js";

/**
 * @import { Networks } from "./networks.js"
 * @import { Picture } from "./picture.js"
 * @import { Score } from "./stability.js"
 */

/** @param {Networks} networks @param {Picture[]} crops of the classifier's side @returns {Promise<number[]>} its own logits */
async function logits({ classifier }, crops) {
  /** @type {number[]} */
  const found = [];
  for (const { data } of crops) found.push(...await classifier.run(toInput(Float32Array.from(data))));
  return found;
}

/** @param {Networks} networks @param {Picture[]} crops @returns {Promise<number[]>} the mean over the views of each */
async function viewed(networks, crops) {
  const found = await logits(networks, crops);
  if (networks.manifest.classifier.likelihood?.views !== 2) return found;
  const mirrored = await logits(networks, crops.map(flipped));
  return found.map((logit, i) => (logit + mirrored[i]) / 2);
}

/** @param {Networks} networks @returns {Score} calibrated */
export function createScore(networks) {
  const { positive_class, calibration: { scale, offset } } = networks.manifest.classifier;
  const sign = positive_class === "real" ? -1 : 1;
  return async (crops) => (await viewed(networks, crops)).map((logit) => fromLogit(scale * sign * logit + offset));
}

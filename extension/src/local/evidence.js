// What the scores of one face tell together, and how surely: server/analysis/evidence.py explains it. Pure.

import { clamped, mean } from "./numbers.js";
import rules from "./rules.js";

const { MOST_LOGIT, Z_STRETCH } = rules.evidence;
const { usual } = rules.rules;

/** @typedef {{logit: number, error: number}} Estimate a mean logit and its standard error */

/** @param {number} logit @returns {number} 0..1 */
export const fromLogit = (logit) => 0.5 * (1 + Math.tanh(0.5 * logit));

/** @param {number} p 0..1 @returns {number} bounded: one overconfident picture must not outvote the others */
export function toLogit(p) {
  const inside = clamped(p, 1e-9, 1 - 1e-9);
  return clamped(Math.log(inside) - Math.log1p(-inside), -MOST_LOGIT, MOST_LOGIT);
}

/** @param {Estimate} estimate @param {number} z @returns {[number, number]} the bounds of P(fake) */
export function interval({ logit, error }, z) {
  return [fromLogit(logit - z * error), fromLogit(logit + z * error)];
}

/** @param {number[]} logits in order of time, at least one @param {typeof usual} spread @returns {Estimate} */
export function estimate(logits, spread = usual) {
  const [n, middle, { weight }] = [logits.length, mean(logits), spread];
  const rest = logits.map((logit) => logit - middle);
  const squares = rest.reduce((sum, value) => sum + value * value, 0);
  const lagged = rest.reduce((sum, value, i) => sum + (i ? value * rest[i - 1] : 0), 0);
  let seen = squares > 1e-9 ? lagged / squares : 0;
  seen += (1 + 3 * seen) / n; // short series seem less correlated than they are (Kendall 1954)
  const drawn = (weight * spread.correlation + (n - 1) * seen) / (weight + n - 1);
  const correlation = clamped(drawn, 0, 0.95);
  const perIndependent = (1 + correlation) / (1 - correlation);
  const freedom = Math.max(1, n - perIndependent);
  const variance = (weight * spread.frames ** 2 + squares) / (weight + freedom);
  const effective = Math.max(1, n / perIndependent);
  return { logit: middle, error: Math.sqrt(variance / effective + spread.clips ** 2) };
}

/** @param {number[]} times_s @param {number} least @returns {[number, number][]} each run of at least `least` neighbouring pictures, but for the whole */
export function stretches(times_s, least) {
  const { min_stretch_s } = rules.rules;
  /** @type {[number, number][]} */
  const found = [];
  for (let start = 0; start < times_s.length; start += 1) {
    for (let stop = start + least; stop <= times_s.length; stop += 1) {
      const isWhole = stop - start === times_s.length;
      if (!isWhole && times_s[stop - 1] - times_s[start] >= min_stretch_s) found.push([start, stop]);
    }
  }
  return found;
}

/**
 * Of all runs of neighbouring pictures, but for the whole, the one that is most surely fake.
 * @param {number[]} logits @param {number[]} times_s @param {number} leastCrops in a run
 * @returns {Estimate|null}
 */
export function strongestStretch(logits, times_s, leastCrops) {
  /** @type {Estimate|null} */
  let best = null;
  const least = (/** @type {Estimate} */ { logit, error }) => logit - Z_STRETCH * error;
  for (const [start, stop] of stretches(times_s, leastCrops)) {
    const run = estimate(logits.slice(start, stop));
    if (!best || least(run) > least(best)) best = run;
  }
  return best;
}

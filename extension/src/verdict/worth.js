// What a flag is worth where fakes are rare. Pure.

/** @import { Rates } from "./types.js" */

/**
 * Of 100 videos with evidence like this, how many are fake, if `prior` of 100 such videos are (Bayes).
 * @param {number} lr likelihood ratio @param {number} prior 0 to 100
 */
export function fakeInHundred(lr, prior) {
  const odds = (lr * prior) / (100 - prior);
  return (100 * odds) / (1 + odds);
}

/**
 * Of 100 videos that are called fake, how many are, if `share` of all such videos is fake (Bayes).
 * @param {Rates} rates @param {number} [share]
 * @returns {number|null} 0 to 100; null where nothing is ever called fake
 */
export function rightInHundred({ flags_fake, flags_real }, share = 0.01) {
  const right = share * flags_fake;
  const wrong = (1 - share) * flags_real;
  return right + wrong > 0 ? (100 * right) / (right + wrong) : null;
}

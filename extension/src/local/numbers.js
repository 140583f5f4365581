// Sums over lists of numbers. Pure.

/** @param {ArrayLike<number>} values */
export function mean(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i];
  return sum / values.length;
}

/** @param {ArrayLike<number>} values */
export function variance(values) {
  const middle = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += (values[i] - middle) ** 2;
  return sum / values.length;
}

/** @param {number} value @param {number} least @param {number} most */
export const clamped = (value, least, most) => Math.min(Math.max(value, least), most);

/**
 * The places of the values, the highest value first; equal ones keep their order.
 * @param {ArrayLike<number>} values
 */
export function highestFirst(values) {
  return Array.from(values, (_, i) => i).sort((one, other) => values[other] - values[one]);
}

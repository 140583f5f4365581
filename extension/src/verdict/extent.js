// How much of the media was looked at so far. Pure.

/** @import { Verdict } from "./types.js" */

/**
 * Each picture stands for the time to the next one, as the options choose them: a first look at a few
 * that lie far apart is no look at all between them. A check in the browser looks at what plays.
 * @param {Pick<Verdict, "media"|"options">} verdict
 * @returns {{seconds: number, of: number}|null} null where there is no time, or no end is known
 */
export function lookedAt({ media: { kind, duration_s, analyzed_s: [from, to], sampled_s }, options }) {
  if (kind !== "video" || !duration_s) return null;
  if (!options || !sampled_s) return whole(to - from, duration_s);
  const { start_s, end_s, samples_per_s, max_samples } = options;
  const of = Math.min(duration_s, Number(end_s ?? Infinity)) - Number(start_s);
  const each = Math.max(1 / Number(samples_per_s), of / Number(max_samples));
  return whole(sampled_s.length * each, of);
}

/** @param {number} seconds @param {number} of */
const whole = (seconds, of) => ({ seconds: Math.floor(Math.min(seconds, of)), of: Math.ceil(of) });

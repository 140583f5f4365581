// A verdict at one moment of the media. Pure.

/** @import { Box, Face, Media, Sample, Verdict } from "./types.js" */

/** Samples farther apart than this are not joined: the face may have been away in between. */
const JOIN_S = 1.5;
/** How long a face is shown before its first and after its last sample. */
const LINGER_S = 0.25;
/** And after its last one while what plays is being looked at: the next sample comes that late. */
export const LIVE_S = 1.5;
/** From where on a moment is clearly marked or clearly clean, if the model does not say. */
const USUAL = { fake_at: 0.9, real_at: 0.1 };

/** @param {Sample[]} samples @param {number} time_s @returns {number} how many lie at or before it */
function passed(samples, time_s) {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (samples[middle].t <= time_s) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The face's box at a moment, between two samples on the straight line; null where it is not seen.
 * @param {Sample[]} samples in time order @param {number} time_s @param {number} [after_s] how long the last one holds
 * @returns {Box|null}
 */
export function boxAt(samples, time_s, after_s = LINGER_S) {
  const next = passed(samples, time_s);
  const before = samples[next - 1];
  const after = samples[next];
  if (before && after && after.t - before.t <= JOIN_S) {
    const share = (time_s - before.t) / (after.t - before.t);
    return /** @type {Box} */ (before.box.map((v, i) => v + (after.box[i] - v) * share));
  }
  if (before && time_s - before.t <= after_s) return before.box;
  if (after && after.t - time_s <= LINGER_S) return after.box;
  return null;
}

/**
 * The faces of a verdict so far, and those that an earlier one of the same check knows of later
 * moments: a first look is spread over the whole media, what follows begins at its start.
 * @param {Verdict} verdict @param {Verdict|null} earlier
 * @returns {Face[]}
 */
export function withLater({ media, faces }, earlier) {
  const later = (earlier?.faces ?? []).map((face) => ({
    ...face,
    samples: face.samples.filter((sample) => sample.t > media.analyzed_s[1]),
  }));
  return [...faces, ...later.filter((face) => face.samples.length > 0)];
}

/**
 * @param {number} p @param {{fake_at?: number, real_at?: number}} [model] with its own thresholds
 * @returns {"high"|"middle"|"low"}
 */
export function level(p, { fake_at = USUAL.fake_at, real_at = USUAL.real_at } = {}) {
  return p >= fake_at ? "high" : p <= real_at ? "low" : "middle";
}

/**
 * A person's time on screen as stretches of one level each, for a lane. One whom the service did not
 * judge is unclear throughout.
 * @param {Face} face @param {Verdict["model"]} [model] that judged
 * @returns {{from_s: number, to_s: number, level: "high"|"middle"|"low"}[]}
 */
export function stretches(face, model) {
  if (face.p_fake === null) return [{ from_s: face.start_s, to_s: face.end_s, level: "middle" }];
  const scored = face.samples.filter((sample) => sample.p_fake !== null);
  /** @type {ReturnType<typeof stretches>} */
  const found = [];
  scored.forEach((sample, i) => {
    const from_s = i === 0 ? face.start_s : (scored[i - 1].t + sample.t) / 2;
    const to_s = i === scored.length - 1 ? face.end_s : (sample.t + scored[i + 1].t) / 2;
    const last = found.at(-1);
    const now = level(sample.p_fake ?? 0.5, model);
    if (last?.level === now) last.to_s = to_s;
    else found.push({ from_s, to_s, level: now });
  });
  return found;
}

/**
 * Whether what plays is what was judged: the same length and shape. An advert is neither.
 * @param {Media} judged @param {{width: number, height: number, duration_s: number}} playing
 */
export function sameMedia(judged, playing) {
  const shape = judged.width_px / judged.height_px;
  const turned = Math.abs(playing.width / playing.height / shape - 1);
  if (!playing.width || turned > 0.03) return false;
  if (judged.kind === "image" || !judged.duration_s || !Number.isFinite(playing.duration_s)) return true;
  const slack_s = Math.max(1, judged.duration_s * 0.02);
  return Math.abs(playing.duration_s - judged.duration_s) <= slack_s;
}

/**
 * A verdict on a part of the media, whose times count from its first picture, in the times of the whole.
 * @template {Verdict|null} V
 * @param {V} verdict @param {number} offset_s where the part begins @param {number|null} duration_s of the whole
 * @returns {V}
 */
export function placedIn(verdict, offset_s, duration_s) {
  if (!verdict) return verdict;
  const { media, faces } = verdict;
  const later = /** @param {number} time_s */ (time_s) => time_s + offset_s;
  /** @param {{stretch_s?: [number, number]|null}} judged */
  const stretch = ({ stretch_s }) => ({ stretch_s: stretch_s && /** @type {[number, number]} */ (stretch_s.map(later)) });
  return {
    ...verdict,
    ...stretch(verdict),
    media: { ...media, duration_s, analyzed_s: media.analyzed_s.map(later), sampled_s: media.sampled_s?.map(later) },
    faces: faces.map((face) => ({
      ...face,
      ...stretch(face),
      start_s: later(face.start_s),
      end_s: later(face.end_s),
      samples: face.samples.map((sample) => ({ ...sample, t: later(sample.t) })),
      moments: face.moments?.map((moment) => ({ ...moment, t: later(moment.t) })),
    })),
  };
}

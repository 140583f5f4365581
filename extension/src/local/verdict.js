// From P(fake) over time to a label with reasons, by the rules of server/analysis/verdict.py.

import { toDigits, toFractions } from "./boxes.js";
import { estimate, fromLogit, interval, strongestStretch, toLogit } from "./evidence.js";
import { highestFirst } from "./numbers.js";
import rules from "./rules.js";
import { isStable } from "./stability.js";

/**
 * @import { Face, FaceLabel, Media, Moment, Verdict } from "../verdict/types.js"
 * @import { Crop } from "./crops.js"
 * @import { Estimate } from "./evidence.js"
 * @import { Encode, Score } from "./stability.js"
 * @import { Track } from "./tracks.js"
 *
 * @typedef {object} Judging
 * @property {{fake_at: number, real_at: number}} thresholds of the model
 * @property {boolean} still a picture offers one crop, which may decide
 * @property {{width: number, height: number}} size of the media
 * @property {{score: Score, encodedAgain: Encode}|null} means with which a label must also be stable
 *
 * @typedef {{label: FaceLabel, answer: Estimate|null, z: number, reasons: string[]}} Weighed
 */

const { Z_95, Z_STRETCH } = rules.evidence;
const { SCHEMA, MOST_MOMENTS, MOMENTS_APART_S, WORST_FIRST } = rules.verdict;
const { min_face_px, min_frontality, min_sharpness, min_crops } = rules.rules;
/** What can be wrong with a crop; where two are as frequent, the first is named. */
const FAULTS = Object.entries({
  "face-too-small": (/** @type {Crop} */ { size_px }) => size_px < min_face_px,
  "out-of-scope": (/** @type {Crop} */ { frontality }) => frontality < min_frontality,
  blurred: (/** @type {Crop} */ { sharpness }) => sharpness < min_sharpness,
});

/** @param {Crop[]} crops @returns {string[]} what is wrong with most of those that cannot be judged */
function causesIn(crops) {
  const counts = FAULTS.map(([, isBad]) => crops.filter(isBad).length);
  const [main] = highestFirst(counts);
  return counts[main] ? [FAULTS[main][0]] : [];
}

/** @param {Crop} crop */
const isUsable = (crop) => !FAULTS.some(([, isBad]) => isBad(crop));

/** @param {Estimate} evidence @param {number} z @param {{fake_at: number}} thresholds */
function isFake(evidence, z, { fake_at }) {
  return fromLogit(evidence.logit) >= fake_at && interval(evidence, z)[0] > 0.5;
}

/**
 * @param {number[]} logits @param {number[]} times_s @param {Judging["thresholds"]} thresholds
 * @param {number} least crops in a stretch
 * @returns {Weighed}
 */
function weigh(logits, times_s, thresholds, least) {
  const whole = estimate(logits);
  const part = strongestStretch(logits, times_s, least);
  const onWhole = { answer: whole, z: Z_95 };
  if (isFake(whole, Z_95, thresholds)) return { ...onWhole, label: "fake", reasons: [] };
  if (part && isFake(part, Z_STRETCH, thresholds)) {
    return { label: "fake", answer: part, z: Z_STRETCH, reasons: ["scores-disagree"] };
  }
  const p = fromLogit(whole.logit);
  if (part && fromLogit(part.logit) >= thresholds.fake_at && p < thresholds.fake_at) {
    return { ...onWhole, label: "inconclusive", reasons: ["scores-disagree"] };
  }
  if (p <= thresholds.real_at && interval(whole, Z_95)[1] < 0.5) return { ...onWhole, label: "real", reasons: [] };
  return { ...onWhole, label: "inconclusive", reasons: ["not-certain"] };
}

/** @param {Crop[]} crops usable @param {number[]} pFake @param {string[]} causes @param {Judging} how @returns {Promise<Weighed>} */
async function weighed(crops, pFake, causes, { thresholds, still, means }) {
  const nothing = { label: /** @type {const} */ ("inconclusive"), z: Z_95 };
  if (!crops.length) {
    return { ...nothing, answer: null, reasons: causes.length ? causes : ["too-few-frames"] };
  }
  const logits = pFake.map(toLogit);
  const least = still ? 1 : min_crops;
  if (logits.length < least) {
    return { ...nothing, answer: estimate(logits), reasons: ["too-few-frames", ...causes] };
  }
  const found = weigh(logits, crops.map(({ time_s }) => time_s), thresholds, least);
  if (found.label === "inconclusive" || !means) return found;
  if (await isStable(crops, pFake, found.label === "fake", means)) return found;
  return { ...found, label: "inconclusive", reasons: ["unstable"] };
}

/** @param {Crop[]} crops @param {number[]} pFake @returns {Moment[]} the strongest, not too close together */
function moments(crops, pFake) {
  /** @type {Moment[]} */
  const found = [];
  for (const i of highestFirst(pFake)) {
    const t = crops[i].time_s;
    if (found.every((other) => Math.abs(other.t - t) >= MOMENTS_APART_S)) {
      found.push({ t, p_fake: toDigits(pFake[i], 4), regions: null });
    }
  }
  return found.slice(0, MOST_MOMENTS);
}

/**
 * @param {Track} track @param {number[]} pFake of each of its crops @param {Judging} how
 * @returns {Promise<Face>} the verdict on one person
 */
export async function judge({ id, times_s, boxes, crops }, pFake, how) {
  const usable = crops.map(isUsable);
  const good = crops.filter((_, i) => usable[i]);
  const scores = pFake.filter((_, i) => usable[i]);
  const { label, answer, z, reasons } = await weighed(good, scores, causesIn(crops), how);
  const scored = new Map(crops.map(({ time_s }, i) => [time_s, toDigits(pFake[i], 4)]));
  return {
    id, label, reasons,
    p_fake: answer && toDigits(fromLogit(answer.logit), 4),
    interval: answer && /** @type {[number, number]} */ (interval(answer, z).map((end) => toDigits(end, 4))),
    start_s: times_s[0],
    end_s: times_s[times_s.length - 1],
    samples: times_s.map((t, i) => ({ t, box: toFractions(boxes[i], how.size), p_fake: scored.get(t) ?? null })),
    moments: moments(good, scores),
  };
}

/** @param {Face[]} faces @returns {Face|undefined} fake before inconclusive before real */
function worst(faces) {
  const badness = (/** @type {Face} */ { label, p_fake }) => WORST_FIRST.indexOf(label) - (p_fake ?? 0) / 2;
  return faces.toSorted((one, other) => badness(one) - badness(other))[0];
}

/**
 * The answer for the media: that of its worst face.
 * @param {Face[]} faces @param {Media} media @param {Pick<Verdict, "model"|"detector">} networks
 * @returns {Verdict}
 */
export function combine(faces, media, networks) {
  const face = worst(faces);
  return {
    schema: SCHEMA,
    label: face?.label ?? "no-face",
    p_fake: face?.p_fake ?? null,
    reasons: face?.reasons ?? [],
    media, faces, ...networks,
  };
}

// From P(fake) over time to a label with reasons, by the rules of server/analysis/verdict.py.

import { toDigits, toFractions } from "./boxes.js";
import { estimate, fromLogit, interval, toLogit } from "./evidence.js";
import { ofStills, support } from "./likelihood.js";
import { highestFirst } from "./numbers.js";
import { WORST_FIRST } from "../verdict/labels.js";
import rules from "./rules.js";
import { isStable } from "./stability.js";
import { labelOf, weigh } from "./weighing.js";

/**
 * @import { Basis, Face, Level, Media, Moment, Ratio, Verdict } from "../verdict/types.js"
 * @import { Crop } from "./crops.js"
 * @import { Likelihood } from "./likelihood.js"
 * @import { Thresholds, Weighed } from "./weighing.js"
 * @import { Encode, Score } from "./stability.js"
 * @import { Track } from "./tracks.js"
 *
 * @typedef {object} Judging
 * @property {string} [name] of the model
 * @property {Thresholds} thresholds of the model
 * @property {boolean} still a picture offers one crop, which may decide
 * @property {{width: number, height: number}} size of the media
 * @property {{score: Score, encodedAgain: Encode}|null} means with which a label must also be stable
 */

const { Z_95 } = rules.evidence;
const { MOST_MOMENTS, MOMENTS_APART_S } = rules.verdict;
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

/** @param {Crop[]} crops usable @param {number[]} pFake @param {string[]} causes @param {Judging} how @returns {Promise<Weighed>} */
async function weighed(crops, pFake, causes, { thresholds, still, means }) {
  const nothing = { level: /** @type {const} */ ("inconclusive"), z: Z_95, ratio: null };
  if (!crops.length) {
    return { ...nothing, answer: null, reasons: causes.length ? causes : ["too-few-frames"] };
  }
  const logits = pFake.map(toLogit);
  const least = still ? 1 : min_crops;
  if (logits.length < least) {
    return { ...nothing, answer: estimate(logits), reasons: ["too-few-frames", ...causes] };
  }
  const { likelihood } = thresholds;
  const own = { ...thresholds, likelihood: likelihood && still ? ofStills(likelihood) : likelihood };
  const found = weigh(logits, crops, own, least);
  if (!["fake", "real"].includes(found.level) || !means) return found;
  if (await isStable(crops, pFake, found.level === "fake", means)) return found;
  return { ...found, level: "inconclusive", reasons: ["unstable"], run: undefined };
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
  const found = await weighed(good, scores, causesIn(crops), how);
  const { answer, z, reasons } = found;
  const p_fake = answer && toDigits(fromLogit(answer.logit), 4);
  const scored = new Map(crops.map(({ time_s }, i) => [time_s, toDigits(pFake[i], 4)]));
  return {
    id, reasons, p_fake,
    label: labelOf(found.level),
    ...evidence(found.level, found.ratio),
    stretch_s: found.run ? [good[found.run[0]].time_s, good[found.run[1] - 1].time_s] : null,
    crops: good.length,
    scores: how.name && good.length ? { [how.name]: toDigits(fromLogit(estimate(scores.map(toLogit)).logit), 4) } : {},
    interval: answer && /** @type {[number, number]} */ (interval(answer, z).map((end) => toDigits(end, 4))),
    start_s: times_s[0],
    end_s: times_s[times_s.length - 1],
    samples: times_s.map((t, i) => ({ t, box: toFractions(boxes[i], how.size), p_fake: scored.get(t) ?? null })),
    moments: moments(good, scores),
  };
}

/** @param {number} lr */
const threeDigits = (lr) => Number(lr.toPrecision(3));

/** @param {Level} level @param {Ratio|null} ratio the evidence part of each judgement */
function evidence(level, ratio) {
  return {
    level,
    support: ratio && support(ratio.lr),
    lr: ratio && threeDigits(ratio.lr),
    lr_interval: ratio && /** @type {[number, number]} */ (ratio.interval.map(threeDigits)),
  };
}

/** @param {Likelihood|null} [model] @returns {Basis|null} what stands behind the likelihood ratios */
export function basis(model) {
  if (!model) return null;
  const { genuine, manipulated, part, views, bounds, guarantee, covers, blind_to } = model;
  return { people: { genuine, manipulated }, part, views, bounds, guarantee, covers, blind_to };
}

/** @param {Face[]} faces @returns {Face|undefined} by level, then by the evidence that it is manipulated */
function worst(faces) {
  const badness = (/** @type {Face} */ { level, label, lr, p_fake }) =>
    [WORST_FIRST.indexOf(level ?? label), -(lr ?? 1), -(p_fake ?? 0)];
  return faces.toSorted((one, other) => {
    const [mine, theirs] = [badness(one), badness(other)];
    const at = mine.findIndex((value, i) => value !== theirs[i]);
    return at < 0 ? 0 : mine[at] - theirs[at];
  })[0];
}

/**
 * The answer for the media: that of its worst face.
 * @param {Face[]} faces @param {Media} media @param {Pick<Verdict, "model"|"detector"|"basis">} networks
 * @returns {Verdict}
 */
export function combine(faces, media, networks) {
  const face = worst(faces);
  return {
    schema: rules.options.schema_version,
    label: face?.label ?? "no-face",
    level: face?.level ?? null,
    support: face?.support ?? null,
    lr: face?.lr ?? null,
    lr_interval: face?.lr_interval ?? null,
    stretch_s: face?.stretch_s ?? null,
    p_fake: face?.p_fake ?? null,
    reasons: face?.reasons ?? [],
    media, faces, ...networks,
  };
}

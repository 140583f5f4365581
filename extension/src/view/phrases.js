// A verdict in words.

import { lookedAt } from "../verdict/extent.js";
import { PRIORS, SHAPES, UNTRAINED_RIGHT } from "../verdict/labels.js";
import { fakeInHundred, rightInHundred } from "../verdict/worth.js";
import { badge } from "./element.js";

/**
 * @import { Basis, Face, MediaLabel, Rates, Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 */

/**
 * @typedef {Pick<Verdict, "label"|"level">} Labelled
 * @typedef {Pick<Basis, "covers">} Scope
 */

/** @param {Words} words @param {string} kind of fakes */
function kindText(words, kind) {
  const key = `made_${kind.replaceAll(" ", "_")}`;
  return words.knows(key) ? words.say(key) : kind;
}

/** @param {Words} words @param {string[]} kinds */
function kindsText(words, kinds) {
  return words.list(kinds.map((kind) => kindText(words, kind)));
}

/** @param {Labelled} judged @returns {MediaLabel|"suspicious"} */
const nameOf = ({ label, level }) => (level === "suspicious" ? level : label);

/** @param {Words} words @param {Labelled} judged @param {Scope|null} [basis] bounds what "no sign" was looked for */
export function labelText(words, judged, basis) {
  if (judged.label === "real" && basis?.covers.length) return words.say("label_real_of", kindsText(words, basis.covers));
  return words.say(`label_${nameOf(judged).replace("-", "_")}`);
}

/** @param {Words} words @param {Labelled} judged @param {Scope|null} [basis] */
export function labelBadge(words, judged, basis) {
  return badge(judged.label, SHAPES[nameOf(judged)] ?? "○", labelText(words, judged, basis));
}

/** @param {Labelled} judged whether a check that goes on may still find something to tell */
export const isOpen = (judged) => ["inconclusive", "no-face"].includes(nameOf(judged));

/** @param {Words} words @param {Face|Verdict} judged by a check that goes on @param {Scope|null} [basis] */
export function badgeSoFar(words, judged, basis) {
  if (!isOpen(judged)) return labelBadge(words, judged, basis);
  const extent = "media" in judged ? lookedAt(judged) : null;
  const said = extent ? words.say("nothing_yet_of", String(extent.seconds), String(extent.of)) : words.say("nothing_yet");
  return badge("no-face", SHAPES["no-face"], said);
}

/** @param {Words} words @param {Verdict} verdict of a check that goes on @returns {string} how much was looked at, beside a finding; empty where that is not known */
export function extentText(words, verdict) {
  const extent = isOpen(verdict) ? null : lookedAt(verdict);
  return extent ? words.say("looked_at", String(extent.seconds), String(extent.of)) : "";
}

/** @param {Words} words @param {Labelled} judged what its label means */
export function meaningText(words, judged) {
  return words.say(`meaning_${nameOf(judged).replace("-", "_")}`);
}

/** @param {Words} words @param {Face|Verdict} judged @returns {string} how strong the evidence is, and which way; empty where that was not measured */
export function supportText(words, { support }) {
  if (!support) return "";
  if (!support.direction) return words.say("support_none");
  return words.say(`support_${support.direction}`, words.say(`strength_${support.strength.replaceAll("-", "_")}`));
}

/** @param {Words} words @param {Face|Verdict} judged @returns {string} its support, or the probability of a verdict without one */
export const evidenceText = (words, judged) =>
  (judged.level === undefined ? probabilityText(words, judged) : supportText(words, judged));

/** @param {Words} words @param {Verdict} verdict @returns {string[]} what its evidence is worth where fakes are rare and where they are not */
export function hundredTexts(words, { lr }) {
  if (!lr) return [];
  return PRIORS.map((prior) => words.say("worth_prior", String(prior), words.inHundred(fakeInHundred(lr, prior) / 100)));
}

/** @param {Words} words @param {Verdict} verdict @returns {string[]} what is behind its evidence, and what people reach without it */
export function worthTexts(words, { label, basis, model: { rates } }) {
  if (!basis) return flagTexts(words, label, rates ?? null);
  const number = new Intl.NumberFormat(words.language, { maximumFractionDigits: 0 });
  const { people: { genuine, manipulated }, guarantee: { people, flagged, flagged_at_most }, blind_to } = basis;
  const hundredths = new Intl.NumberFormat(words.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const share = words.say("percent", hundredths.format(100 * flagged_at_most));
  return [
    ...(blind_to.length ? [words.say("blind_to", kindsText(words, blind_to))] : []),
    words.say("worth_people", number.format(genuine), number.format(manipulated)),
    words.say("worth_guarantee", number.format(people), number.format(flagged), share),
    words.say("worth_viewers", String(UNTRAINED_RIGHT)),
  ];
}

/** @param {Words} words @param {Pick<Basis, "covers"|"blind_to">} scope @returns {string} what a model looks for */
export function scopeText(words, { covers, blind_to }) {
  const rest = blind_to.length ? ` ${words.say("blind_to", kindsText(words, blind_to))}` : "";
  return words.say("scope_does", kindsText(words, covers)) + rest;
}

/** @param {Words} words @param {Rates} rates @returns {string} how often a model was right, and on what */
export function measuredText(words, { part, flags_fake, flags_real }) {
  const key = `part_${(part.toLowerCase().match(/\w+/g) ?? []).join("_")}`;
  const on = words.knows(key) ? words.say(key) : part;
  return words.say("scope_measured", on, words.percent(flags_fake), words.percent(flags_real));
}

/** @param {Words} words @param {MediaLabel} label @param {Rates|null} rates @returns {string[]} what a flag is worth, of a verdict without likelihood ratios */
function flagTexts(words, label, rates) {
  if (!rates || label === "no-face") return [];
  const right = label === "fake" ? rightInHundred(rates) : null;
  const hundred = new Intl.NumberFormat(words.language, { maximumFractionDigits: right !== null && right < 1 ? 1 : 0 });
  return [
    ...(right === null ? [] : [words.say("worth_flag", hundred.format(right))]),
    measuredText(words, rates),
    words.say("worth_viewers", String(UNTRAINED_RIGHT)),
  ];
}

/** @param {Words} words @param {Face|Verdict} judged @returns {string[]} what each network scored, for the details */
export function scoreTexts(words, judged) {
  const scores = "scores" in judged ? Object.entries(judged.scores ?? {}) : [];
  return scores.map(([name, p]) => `${name}: ${words.say("score", words.percent(p))}`);
}

/** @param {Words} words @param {string} reason @param {Face|Verdict} judged where its scores disagree, it is told when */
export function reasonText(words, reason, { label, stretch_s }) {
  if (reason === "scores-disagree" && stretch_s) {
    const [from, to] = [Math.floor(stretch_s[0]), Math.ceil(stretch_s[1])].map(words.clock);
    return words.say(`stretch_${label === "fake" ? "fake" : "unsure"}`, from, to);
  }
  const key = `reason_${reason.replaceAll("-", "_")}`;
  return words.knows(key) ? words.say(key) : reason;
}

/** @param {Words} words @param {string[]} regions of a face @returns {string} */
export function regionsText(words, regions) {
  const names = regions.map((region) => {
    const key = `region_${region.replaceAll("-", "_")}`;
    return words.knows(key) ? words.say(key) : region;
  });
  return words.list(names);
}

/** @param {Words} words @param {Face|Verdict} judged @returns {string} empty where nothing was scored */
export function probabilityText(words, judged) {
  if (judged.p_fake === null) return "";
  const p = words.percent(judged.p_fake);
  const interval = "interval" in judged ? judged.interval : null;
  if (!interval) return words.say("probability", p);
  return words.say("probability_interval", p, words.percent(interval[0]), words.percent(interval[1]));
}

/** @param {Words} words @param {number} count */
export function peopleText(words, count) {
  const form = new Intl.PluralRules(words.language).select(count);
  const key = `people_${form}`;
  const number = new Intl.NumberFormat(words.language).format(count);
  return words.say(words.knows(key) ? key : "people_other", number);
}

// A verdict in words.

import { SHAPES } from "../verdict/labels.js";
import { badge } from "./element.js";

/**
 * @import { Face, MediaLabel, Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 */

/** @param {Words} words @param {MediaLabel} label */
export function labelText(words, label) {
  return words.say(`label_${label.replace("-", "_")}`);
}

/** @param {Words} words @param {MediaLabel} label */
export function labelBadge(words, label) {
  return badge(label, SHAPES[label] ?? "○", labelText(words, label));
}

/** @param {Words} words @param {string} reason */
export function reasonText(words, reason) {
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

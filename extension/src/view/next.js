// What to do next about a verdict: one step for each reason. Nothing is opened or sent but by a click.

import { NEXT_OF_LEVEL, NEXT_OF_REASON, SEARCHES } from "../verdict/labels.js";
import { element } from "./element.js";

/** @import { Verdict } from "../verdict/types.js" @import { Words } from "../words.js" */

/** @param {Verdict} verdict @returns {string[]} each once, the most useful first */
export function nextSteps({ label, level, reasons }) {
  const steps = [NEXT_OF_LEVEL[level ?? label], ...reasons.map((reason) => NEXT_OF_REASON[reason])];
  return [...new Set(steps)].filter(Boolean);
}

/** @param {Words} words @param {string} step */
function item(words, step) {
  const addresses = step === "reverse-search" ? Object.entries(SEARCHES) : [];
  const links = addresses.flatMap(([name, href]) =>
    [" ", element("a", { text: name, attributes: { href, target: "_blank", rel: "noreferrer" } })]);
  return element("li", {}, words.say(`next_${step.replaceAll("-", "_")}`), ...links);
}

/** @param {Words} words @param {Verdict} verdict @param {"h3"|"h4"} [heading] @returns {HTMLElement[]} */
export function next(words, verdict, heading = "h3") {
  const steps = nextSteps(verdict);
  if (!steps.length) return [];
  return [element("div", { class: "next" }, element(heading, { text: words.say("next") }),
    element("ul", { class: "plain" }, ...steps.map((step) => item(words, step))))];
}

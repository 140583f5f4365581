// What a file, or the site it plays on, declares of its origin: beside the verdict, no part of it.

import { element } from "./element.js";

/**
 * @import { Declaration, Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 */

/** @param {Words} words @param {string} kind @param {string} name @param {string[]} values */
const say = (words, kind, name, ...values) => words.say(`${kind}_${name.replaceAll("-", "_")}`, ...values);

/** @param {Words} words @param {Declaration} declaration @returns {string} what is claimed */
function claimText(words, { claims, seal }) {
  if (claims.length) return claims.map((claim) => say(words, "declared", claim)).join(" · ");
  return seal === "trusted" || seal === "unknown" || !seal ? words.say("declared_no_claim") : "";
}

/** @param {Words} words @param {Declaration} declaration @returns {string} in what form, and what that is worth */
function sourceText(words, { source, seal, signer, by }) {
  const form = seal ? say(words, "seal", seal, signer ?? words.say("declared_nameless")) : say(words, "source", source);
  return by ? `${form} ${words.say("declared_by", by)}` : form;
}

/** @param {string} claim @param {string} source */
function entry(claim, source) {
  return element("li", {},
    ...(claim ? [element("strong", { text: `${claim}.`, attributes: { dir: "auto" } })] : []),
    element("span", { class: "note", text: ` ${source}` }));
}

/**
 * Whether there is a declaration, which then stands before the verdict.
 * @param {Verdict} verdict @param {string|null} [label] of the site
 */
export function declares({ provenance }, label = null) {
  return Boolean(label || provenance?.declarations.length);
}

/**
 * @param {Words} words @param {Verdict} verdict
 * @param {string|null} [label] of the site, in its own words
 * @returns {HTMLElement[]} nothing where nothing was read
 */
export function declared(words, { provenance }, label = null) {
  const said = provenance?.declarations ?? [];
  const entries = said.map((each) => entry(claimText(words, each), sourceText(words, each)));
  if (label) entries.unshift(entry(`“${label}”`, words.say("source_site")));
  if (!provenance && !entries.length) return [];
  const missing = provenance?.state === "unreadable" ? "declared_unreadable" : "declared_none";
  return [element("section", { class: "declared", attributes: { "aria-label": words.say("declared") } },
    element("h2", { text: words.say("declared") }),
    ...(entries.length
      ? [element("ul", { class: "plain" }, ...entries), element("p", { class: "note", text: words.say("declared_note") })]
      : [element("p", { class: "note", text: words.say(missing) })]))];
}

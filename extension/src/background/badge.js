// The icon's badge: how far the tab's newest check is, and what it found.

import { SHAPES } from "../verdict/labels.js";

/** @import { Check } from "./store.js" */

/** Names in verdict/colours.css. */
const COLOURS = { fake: "fake", real: "real", inconclusive: "unsure", "no-face": "soft" };
const WORKING = "accent";

/** @param {Check} check */
function sign(check) {
  const verdict = check.result;
  if (verdict) return { text: SHAPES[verdict.label] ?? "?", colour: COLOURS[verdict.label] ?? WORKING };
  if (check.state === "failed") return { text: "!", colour: COLOURS.inconclusive };
  if (check.state === "cancelled") return { text: "", colour: WORKING };
  return { text: `${Math.round(check.progress * 100)}%`, colour: WORKING };
}

/** @param {string} name @returns {Promise<string>} the colour for a light ground, such as "#b3261e" */
async function onLight(name) {
  const style = await (await fetch(chrome.runtime.getURL("verdict/colours.css"))).text();
  return style.match(`--${name}: light-dark\\((#\\w+)`)?.[1] ?? "#000000";
}

/** @param {Check} check */
export async function showBadge(check) {
  const { text, colour } = sign(check);
  const { tabId } = check;
  const color = await onLight(colour);
  try {
    await chrome.action.setBadgeText({ tabId, text });
    await chrome.action.setBadgeBackgroundColor({ tabId, color });
    await chrome.action.setBadgeTextColor({ tabId, color: "#ffffff" });
  } catch {
    // The tab was closed meanwhile: there is no badge to set.
  }
}

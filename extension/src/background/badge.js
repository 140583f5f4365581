// The icon's badge: how far the tab's newest check is, and what it found.

import { SHAPES } from "../verdict/labels.js";

/** @import { Check } from "./store.js" */

const COLOURS = { fake: "#b3261e", real: "#1d5fa8", inconclusive: "#6a5a00", "no-face": "#4c5d61" };
const WORKING = "#0b6a60";

/** @param {Check} check */
function sign(check) {
  const verdict = check.result;
  if (verdict) return { text: SHAPES[verdict.label] ?? "?", color: COLOURS[verdict.label] ?? WORKING };
  if (check.state === "failed") return { text: "!", color: COLOURS.inconclusive };
  if (check.state === "cancelled") return { text: "", color: WORKING };
  return { text: `${Math.round(check.progress * 100)}%`, color: WORKING };
}

/** @param {Check} check */
export async function showBadge(check) {
  const { text, color } = sign(check);
  const { tabId } = check;
  try {
    await chrome.action.setBadgeText({ tabId, text });
    await chrome.action.setBadgeBackgroundColor({ tabId, color });
    await chrome.action.setBadgeTextColor({ tabId, color: "#ffffff" });
  } catch {
    // The tab was closed meanwhile: there is no badge to set.
  }
}

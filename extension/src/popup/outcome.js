// Below the choice: the running check, its verdict, or what went wrong.

import { isOpen } from "../background/store.js";
import { ask } from "../view/ask.js";
import { element } from "../view/element.js";
import { byId } from "../view/translate.js";
import { problemView } from "./problem-view.js";
import { verdictView } from "./verdict-view.js";

/**
 * @import { Subject } from "../content/subjects.js"
 * @import { Check } from "../background/store.js"
 * @import { Settings } from "../settings.js"
 * @import { Words } from "../words.js"
 */

/**
 * @typedef {object} OutcomeView
 * @property {Check|null} check
 * @property {Words} words
 * @property {Settings} settings
 * @property {AbortSignal} signal ends when it is rendered anew
 * @property {(of: {id: string, face: number}) => Promise<string|null>} picture of a face, as a data URL
 * @property {(subject: Subject, type?: "start"|"ask"|"whole") => void} start the check, "ask" the service for it, or look at the "whole"
 */

/** @param {OutcomeView} view @param {Check} check */
function progressView({ words, signal }, check) {
  const stage = words.say(`stage_${check.stage}`);
  const bar = element("progress", { attributes: { max: 1, value: check.progress, "aria-label": words.say("progress") } });
  const cancel = element("button", {
    class: "quiet", text: words.say("cancel"), attributes: { type: "button", "data-do": "cancel" },
    click: () => ask({ type: "cancel", id: check.id }), signal,
  });
  const note = check.silentSince ? [element("p", { class: "note", text: words.say("silent") })] : [];
  return element("div", { class: "progress" }, element("p", { text: stage, class: "stage" }), bar, ...note, cancel);
}

/** @param {OutcomeView} view */
function parts(view) {
  const { check, words } = view;
  if (!check) return [];
  const found = check.result ?? check.partial;
  if (isOpen(check)) return [progressView(view, check), ...(found ? [verdictView(view, check, found)] : [])];
  if (check.state === "failed" && check.problem) return [problemView(view, check, check.problem)];
  if (check.state === "cancelled") return [element("p", { text: words.say("cancelled") })];
  return found ? [verdictView(view, check, found)] : [];
}

/** @param {Check|null} check @param {Words} words @returns {string} what is said aloud */
function aloud(check, words) {
  return check && isOpen(check) ? words.say(`stage_${check.stage}`) : "";
}

/** @param {OutcomeView} view */
export function outcome(view) {
  const place = byId("outcome");
  const focused = document.activeElement?.getAttribute("data-do");
  place.replaceChildren(...parts(view));
  place.hidden = !place.childElementCount;
  if (focused) place.querySelector(`[data-do="${focused}"]`)?.focus();
  const said = aloud(view.check, view.words);
  if (byId("stage").textContent !== said) byId("stage").textContent = said;
  // While it runs, the stage is announced by itself; the rest is announced once it stands.
  place.setAttribute("aria-live", view.check && isOpen(view.check) ? "off" : "polite");
}

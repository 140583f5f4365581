// From a check of what plays to one of the whole: in the browser, or by the service.

import { CAPTURE_S } from "../background/capture.js";
import { ask } from "../view/ask.js";
import { element } from "../view/element.js";

/** @import { Check } from "../background/store.js" @import { OutcomeView } from "./outcome.js" */

/** @param {OutcomeView} view @param {Check} check */
export function serviceButton({ words, signal, start }, check) {
  return element("button", {
    class: "quiet", text: words.say("ask_service"), attributes: { type: "button", "data-do": "ask-service" }, signal,
    click: () => start(check.subject, "ask"),
  });
}

/** @param {OutcomeView} view @param {Check} check @returns {HTMLElement[]} shown where the page lets the whole be looked at */
export function wholeButton({ words, signal, start }, check) {
  if (check.subject.kind !== "video" || check.whole || (check.subject.duration_s ?? 0) <= CAPTURE_S) return [];
  const button = element("button", {
    class: "quiet", text: words.say("local_whole"), attributes: { type: "button", "data-do": "whole", hidden: true }, signal,
    click: () => start(check.subject, "whole"),
  });
  ask({ type: "copyable", id: check.id }).then((copyable) => { button.hidden = !copyable; });
  return [button];
}

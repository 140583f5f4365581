// From a check in the browser to one by the service, which can look at the whole.

import { element } from "../view/element.js";

/** @import { Check } from "../background/store.js" @import { OutcomeView } from "./outcome.js" */

/** @param {OutcomeView} view @param {Check} check */
export function serviceButton({ words, signal, start }, check) {
  return element("button", {
    class: "quiet", text: words.say("ask_service"), attributes: { type: "button", "data-do": "ask-service" }, signal,
    click: () => start(check.subject, "ask"),
  });
}

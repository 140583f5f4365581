// A verdict that is wrong, told in one click. Kept by the person's own service and sent nowhere else.

import { element } from "./element.js";

/**
 * @import { Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 *
 * @typedef {"fake"|"real"} Right
 */

/**
 * @param {Words} words @param {Verdict} verdict @param {Right|null} told what was told before
 * @param {(right: Right|null) => Promise<boolean>} tell null: to forget it; false where that failed
 * @param {AbortSignal} signal
 */
export function wrong(words, verdict, told, tell, signal) {
  const place = element("section", { class: "wrong", attributes: { "aria-label": words.say("wrong") } });

  /** @param {Right|null} right what to tell @param {string} text */
  const button = (right, text) => element("button", {
    class: "quiet small", text, signal, attributes: { type: "button", "data-do": `wrong-${right ?? "forget"}` },
    click: async () => show((await tell(right)) ? right : told, true),
  });
  /** @param {Right|null} now @param {boolean} [asked] whether the person just did something */
  const show = (now, asked = false) => {
    const failed = asked && now === told;
    told = now;
    const rights = /** @type {Right[]} */ (["fake", "real"]).filter((right) => right !== verdict.label);
    place.replaceChildren(...(told
      ? [element("p", { text: words.say("wrong_kept", words.say(`wrong_${told}`)), attributes: { role: "status" } }),
        button(null, words.say("wrong_forget"))]
      : [element("p", { text: words.say("wrong") }),
        ...rights.map((right) => button(right, words.say(`wrong_${right}`))),
        element("p", { class: "note", text: words.say("wrong_note") })]));
    if (failed) place.append(element("p", { class: "reason", text: words.say("wrong_failed"), attributes: { role: "alert" } }));
  };
  show(told);
  return place;
}

/** @param {Words} words @param {Verdict} verdict which model stands behind it, and which version of it */
export function judgedBy(words, { model }) {
  return element("p", { class: "note", text: words.say("judged_by", model.name, model.sha256.slice(0, 12)) });
}

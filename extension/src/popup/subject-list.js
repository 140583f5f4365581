// The choice of what to check, with what will be sent of each.

import { element } from "../view/element.js";

/**
 * @import { Subject } from "../content/subjects.js"
 * @import { Words } from "../words.js"
 */

/** @param {string} url as short as it can be and still be known */
function short(url) {
  const { host, pathname } = new URL(url);
  const path = pathname.length > 36 ? `…${pathname.slice(-35)}` : pathname;
  return host + path;
}

/** @param {Subject} subject @param {Words} words @returns {string} what would be sent */
function address(subject, words) {
  if (subject.url) return short(subject.url);
  if (subject.kind === "video" && /^https?:/.test(subject.page)) return words.say("via_page", short(subject.page));
  return words.say("no_address");
}

/** @param {Subject} subject @param {Words} words */
function name(subject, words) {
  const kind = words.say(`kind_${subject.kind}`);
  const pixels = `\u2066${subject.width} × ${subject.height}\u2069`; // width first, in Arabic too
  const size = subject.width ? ` · ${pixels}` : "";
  const length = subject.duration_s ? ` · ${words.clock(subject.duration_s)}` : "";
  const playing = subject.playing ? ` · ${words.say("playing")}` : "";
  return kind + size + length + playing;
}

/** @param {HTMLElement} place @param {Words} words */
export function subjectList(place, words) {
  /** @type {Subject[]} */
  let subjects = [];
  /** @type {HTMLInputElement[]} */
  let inputs = [];
  let touched = false;
  place.addEventListener("change", () => { touched = true; });
  return {
    /** @param {Subject[]} found the best first; it is chosen */
    show(found) {
      subjects = found;
      inputs = subjects.map((_, i) =>
        element("input", { attributes: { type: "radio", name: "subject", value: i, checked: i === 0 } }));
      const labels = subjects.map((subject, i) => element("label", { class: "subject" }, inputs[i],
        element("span", {}, element("span", { class: "kind", text: name(subject, words) }),
          element("bdi", { class: "address", text: address(subject, words) }))));
      place.replaceChildren(...labels);
      if (!subjects.length) place.append(element("p", { text: words.say("nothing_here") }));
    },
    /** @returns {Subject|undefined} */
    chosen: () => subjects[inputs.findIndex((input) => input.checked)],
    /** Whether the person chose by hand. */
    touched: () => touched,
    /** @param {string} key */
    choose(key) {
      const at = subjects.findIndex((subject) => subject.key === key);
      if (at >= 0) inputs[at].checked = true;
    },
  };
}

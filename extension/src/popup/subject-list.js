// The choice of what to check, with what will be sent of each.

import { isShown } from "../content/subjects.js";
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

/** @param {Subject} subject @param {number|null} number of several videos @param {Words} words */
function name(subject, number, words) {
  const kind = number ? words.say("kind_video_number", String(number)) : words.say(`kind_${subject.kind}`);
  const pixels = `\u2066${subject.width} × ${subject.height}\u2069`; // width first, in Arabic too
  const size = subject.width ? ` · ${pixels}` : "";
  const length = subject.duration_s ? ` · ${words.clock(subject.duration_s)}` : "";
  const playing = subject.playing ? ` · ${words.say("playing")}` : "";
  return kind + size + length + playing;
}

/**
 * @typedef {object} Page where the subjects are
 * @property {(subject: Subject) => Promise<string|null>} preview a small picture, as a data URL
 * @property {(subject: Subject) => void} point shows which one it is
 */

/** @param {Subject} subject @param {Page} page @returns {HTMLImageElement} seen once there is a picture */
function preview(subject, page) {
  const image = element("img", { class: "preview", attributes: { alt: "", hidden: true } });
  page.preview(subject).then((url) => {
    if (!url) return;
    image.src = url;
    image.hidden = false;
  });
  return image;
}

/** @param {Subject[]} subjects @returns {(number|null)[]} for each its number among the videos, if there are several */
function numbers(subjects) {
  const videos = subjects.filter(({ kind }) => kind === "video");
  return subjects.map((subject) => (videos.length > 1 ? videos.indexOf(subject) + 1 || null : null));
}

/** @param {HTMLElement} place @param {Words} words @param {Page} page */
export function subjectList(place, words, page) {
  /** @type {Subject[]} */
  let subjects = [];
  /** @type {HTMLInputElement[]} */
  let inputs = [];
  let touched = false;
  place.addEventListener("change", () => { touched = true; });
  return {
    /** @param {Subject[]} found the best first; it is chosen, unless it is only the page itself */
    show(found) {
      subjects = found;
      const seen = subjects.filter(({ kind }) => kind !== "page");
      inputs = subjects.map((subject, i) => element("input", {
        attributes: { type: "radio", name: "subject", value: i, required: true, checked: i === 0 && subject === seen[0] },
      }));
      const number = numbers(subjects);
      const labels = subjects.map((subject, i) => {
        const pictured = seen.length > 1 && isShown(subject) ? [preview(subject, page)] : [];
        const label = element("label", { class: "subject" }, inputs[i], ...pictured,
          element("span", {}, element("span", { class: "kind", text: name(subject, number[i], words) }),
            element("bdi", { class: "address", text: address(subject, words) })));
        for (const type of ["pointerenter", "change"]) label.addEventListener(type, () => page.point(subject));
        return label;
      });
      place.replaceChildren(...(seen.length ? [] : [element("p", { text: words.say("nothing_here") })]), ...labels);
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

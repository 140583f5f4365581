// The verdict as the popup tells it: the whole first, then each person, then what it is worth.

import { ask } from "../view/ask.js";
import { element } from "../view/element.js";
import { lane } from "../view/lane.js";
import { momentsTable } from "../view/moments-table.js";
import { labelBadge, peopleText, probabilityText, reasonText } from "../view/phrases.js";

/**
 * @import { Check } from "../background/store.js"
 * @import { Face, Verdict } from "../verdict/types.js"
 * @import { OutcomeView } from "./outcome.js"
 */

/** @param {OutcomeView} view @param {Face} face @param {Verdict} verdict @param {((t: number) => void)|null} seek */
function faceView({ words, signal }, face, verdict, seek) {
  const card = element("article", { class: "face" },
    element("h3", { text: words.say("person", String(face.id)) }),
    element("p", {}, labelBadge(words, face.label)));
  const p = probabilityText(words, face);
  if (p) card.append(element("p", { text: p }));
  for (const reason of face.reasons) card.append(element("p", { class: "reason", text: reasonText(words, reason) }));
  if (verdict.media.kind !== "video") return card;
  const when = words.say("seen", words.clock(face.start_s), words.clock(face.end_s));
  card.append(seek
    ? element("button", { class: "link", text: when, click: () => seek(face.start_s), signal, attributes: { type: "button" } })
    : element("p", { text: when }));
  const details = element("details", {}, element("summary", { text: words.say("moments") }),
    momentsTable([face], words, seek, signal));
  card.append(element("div", { class: "strip", attributes: { dir: "ltr" } },
    lane(face, verdict.media.duration_s ?? face.end_s)), details);
  return card;
}

/** @param {OutcomeView} view @param {Verdict} verdict */
function saveLink({ words, signal }, verdict) {
  const href = URL.createObjectURL(new Blob([JSON.stringify(verdict, null, 2)], { type: "application/json" }));
  signal.addEventListener("abort", () => URL.revokeObjectURL(href), { once: true });
  return element("a", { text: words.say("save"), attributes: { href, download: "mesoscope-verdict.json" } });
}

/** @param {OutcomeView} view @param {Check} check @param {Verdict} verdict */
export function verdictView(view, check, verdict) {
  const { words, settings } = view;
  const tentative = !check.result;
  const onPage = check.subject.kind === "video";
  const seek = onPage ? (/** @type {number} */ time_s) => ask({ type: "seek", id: check.id, time_s }) : null;
  const meaning = words.say(`meaning_${verdict.label.replace("-", "_")}`);
  const summary = element("div", { class: "summary" },
    ...(tentative ? [element("p", { class: "tentative", text: words.say("so_far") })] : []),
    element("h2", {}, labelBadge(words, verdict.label)),
    element("p", { text: probabilityText(words, verdict) }),
    ...verdict.reasons.map((reason) => element("p", { class: "reason", text: reasonText(words, reason) })),
    element("p", { class: "note", text: peopleText(words, verdict.faces.length) }));
  const other = element("p", { class: "note", text: words.say("other_media"), attributes: { hidden: true, role: "status" } });
  if (!tentative && (onPage || check.subject.kind === "image")) {
    ask({ type: "draw", id: check.id }).then((fits) => { other.hidden = fits !== false; });
  }
  const worth = element("section", { class: "worth" }, element("h3", { text: words.say("worth") }),
    element("p", { text: meaning }));
  const links = element("p", { class: "links" }, saveLink(view, verdict),
    element("a", { text: words.say("open_service"), attributes: { href: settings.server, target: "_blank", rel: "noreferrer" } }));
  return element("div", { class: "verdict" }, summary, other,
    ...verdict.faces.map((face) => faceView(view, face, verdict, seek)), ...(tentative ? [] : [worth, links]));
}

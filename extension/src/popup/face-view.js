// One person as the popup tells it: the face, the finding, when, and the moments that stand out.

import { element } from "../view/element.js";
import { lane } from "../view/lane.js";
import { momentsTable } from "../view/moments-table.js";
import { badgeSoFar, evidenceText, isOpen, labelBadge, reasonText, regionsText, scoreTexts } from "../view/phrases.js";

/**
 * @import { Check } from "../background/store.js"
 * @import { Face, Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 * @import { OutcomeView } from "./outcome.js"
 */

/** @typedef {((time_s: number) => void)|null} Seek null where there is nothing to seek in */

/**
 * The face at its strongest moment; nothing where the service kept no picture of it.
 * @param {OutcomeView} view @param {Check} check @param {Face} face
 */
function thumbnail({ words, picture }, check, face) {
  const [strongest] = face.moments ?? [];
  if (!check.result || !check.jobId || !strongest) return [];
  const alt = words.say("face_of", String(face.id), words.clock(strongest.t));
  const image = element("img", { class: "thumbnail", attributes: { alt, width: 72, height: 72, hidden: true } });
  picture({ id: check.id, face: face.id }).then((url) => {
    if (!url) return;
    image.src = url;
    image.hidden = false;
  });
  return [image];
}

/** @param {OutcomeView} view @param {string} text @param {number} time_s @param {Seek} seek */
function when({ signal }, text, time_s, seek) {
  if (!seek) return element("span", { text });
  return element("button", { class: "link", text, click: () => seek(time_s), signal, attributes: { type: "button" } });
}

/** @param {OutcomeView} view @param {Face} face @param {Seek} seek */
function strongest(view, face, seek) {
  const { words } = view;
  if (!face.moments?.length) return [];
  const items = face.moments.map(({ t, regions }) =>
    element("li", {}, when(view, words.clock(t), t, seek), ...(regions?.length ? [` · ${regionsText(words, regions)}`] : [])));
  return [element("h4", { text: words.say("strongest") }), element("ul", { class: "strongest" }, ...items)];
}

/** @param {Words} words @param {Face} face the scores, which decide nothing by themselves */
function details(words, face) {
  const texts = scoreTexts(words, face);
  if (!texts.length) return [];
  return [element("details", {}, element("summary", { text: words.say("details") }),
    ...texts.map((text) => element("p", { class: "note", text })))];
}

/** @param {OutcomeView} view @param {Check} check @param {Face} face @param {Verdict} verdict @param {Seek} seek */
export function faceView(view, check, face, verdict, seek) {
  const { words, signal } = view;
  const undecided = !check.result && isOpen(face); // it may still find something to tell
  const p = undecided ? "" : evidenceText(words, face);
  const finding = element("div", {},
    element("h3", { text: words.say("person", String(face.id)) }),
    element("p", {}, (check.result ? labelBadge : badgeSoFar)(words, face, verdict.basis)),
    ...(p ? [element("p", { text: p })] : []),
    ...(undecided ? [] : face.reasons).map((reason) => element("p", { class: "reason", text: reasonText(words, reason, face) })),
    ...details(words, face));
  const card = element("article", { class: "face" },
    element("div", { class: "who" }, ...thumbnail(view, check, face), finding));
  if (verdict.media.kind !== "video") return card;
  const span = words.say("seen", words.clock(face.start_s), words.clock(Math.ceil(face.end_s)));
  card.append(
    element("p", {}, when(view, span, face.start_s, seek)),
    ...strongest(view, face, seek),
    element("div", { class: "strip", attributes: { dir: "ltr" } },
      lane(face, verdict.media.duration_s ?? face.end_s, verdict.model)),
    element("details", {}, element("summary", { text: words.say("moments") }),
      momentsTable({ ...verdict, faces: [face] }, words, seek, signal)));
  return card;
}

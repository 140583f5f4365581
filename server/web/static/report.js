// A verdict, as a person reads it: the answer first, then what it is worth, then what it rests on.
import { element } from "./dom.js";
import {
  evidenceText, labelBadge as spokenBadge, meaningText, peopleText, reasonText, worthTexts,
} from "./extension/view/phrases.js";
import { downloads } from "./downloads.js";
import { personCard } from "./person.js";
import { createScreen } from "./player.js";
import { words } from "./words.js";

/**
 * @import { Check } from "./checks.js"
 * @import { Face, Verdict } from "./extension/verdict/types.js"
 */

/** @param {Pick<Verdict, "label"|"level">} judged @param {Verdict["basis"]} [basis] */
export const labelBadge = (judged, basis) => spokenBadge(words, judged, basis);

/** @param {Face|Verdict} judged */
export const reasons = (judged) =>
  judged.reasons.map((reason) => element("p", { class: "reason", text: reasonText(words, reason) }));

/** The verdict so far, which may still change. @param {Verdict} verdict */
export function tentativeView(verdict) {
  const faces = verdict.faces.map((face) =>
    element("li", {}, `${words.say("person", String(face.id))}: `, labelBadge(face, verdict.basis)));
  return element("section", { class: "panel tentative", attributes: { "aria-label": words.say("so_far") } },
    element("h2", { text: `${words.say("so_far")}, and not final` }),
    element("p", {}, labelBadge(verdict, verdict.basis)),
    element("p", { class: "note", text: peopleText(words, verdict.faces.length) }),
    element("ul", { class: "plain" }, ...faces));
}

/** @param {Verdict} verdict */
function answer(verdict) {
  const p = evidenceText(words, verdict);
  return element("section", { class: `panel answer ${verdict.label}`, attributes: { "aria-label": "Verdict" } },
    element("h2", { class: "headline" }, labelBadge(verdict, verdict.basis)),
    ...(p ? [element("p", { class: "probability", text: p })] : []),
    ...reasons(verdict),
    element("p", { class: "note", text: `${peopleText(words, verdict.faces.length)}. ${extent(verdict)}` }));
}

/** @param {Verdict} verdict */
function extent({ media, model }) {
  const by = `by the model ${model.name}.`;
  if (media.kind === "image") return `One picture was judged ${by}`;
  const [from, to] = media.analyzed_s.map(words.clock);
  return `Judged from ${from} to ${to} ${by}`;
}

/** @param {Verdict} verdict */
function worth(verdict) {
  return element("section", { class: "panel", attributes: { "aria-labelledby": "worth" } },
    element("h2", { text: words.say("worth"), attributes: { id: "worth" } }),
    element("p", { text: meaningText(words, verdict) }),
    ...worthTexts(words, verdict).map((text) => element("p", { class: "rates", text })));
}

/** @param {Verdict} verdict what is needed to tell this media and this check from others */
function facts({ media, model, detector }) {
  const rows = [
    ["Picture", `${media.width_px} × ${media.height_px} px`],
    ...(media.duration_s === null || media.kind === "image" ? [] : [["Length", words.clock(media.duration_s)]]),
    ...(media.sampled_s ? [["Pictures looked at", String(media.sampled_s.length)]] : []),
    ...(media.sha256 ? [["SHA-256 of the media", media.sha256]] : []),
    ["Model", `${model.name} (${model.backend})`],
    ["SHA-256 of the model", model.sha256],
    ...(detector ? [[`SHA-256 of ${detector.name}, which finds faces`, detector.sha256]] : []),
  ];
  return element("details", { class: "facts" }, element("summary", { text: "What was looked at, and with what" }),
    element("dl", {}, ...rows.flatMap(([name, value]) =>
      [element("dt", { text: name }), element("dd", { text: value })])));
}

/**
 * @param {Check} check @param {string} id of its job @param {Verdict} verdict
 * @param {AbortSignal} signal ends what plays and listens
 * @param {() => void} onDelete
 */
export function reportView(check, id, verdict, signal, onDelete) {
  const screen = createScreen(check.file, verdict, signal);
  const remove = element("button", {
    class: "quiet danger", text: "Delete this check", click: onDelete, signal, attributes: { type: "button" },
  });
  const people = element("section", { attributes: { "aria-labelledby": "people" } },
    element("h2", { text: "Person by person", attributes: { id: "people" } }),
    ...verdict.faces.map((face) => personCard(face, verdict, id, screen.seek, signal)));
  return element("div", { class: "report", attributes: { id: "report" } },
    answer(verdict),
    ...(verdict.faces.length ? [screen.node] : []),
    worth(verdict),
    ...(verdict.faces.length ? [people] : []),
    facts(verdict),
    element("section", { class: "keep", attributes: { "aria-label": "Keep or delete" } },
      ...downloads(check, id, signal), remove));
}

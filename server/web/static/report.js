// A verdict, as a person reads it: the answer first, then what it is worth, then what it rests on.
import { badge, element } from "./dom.js";
import { SHAPES } from "./extension/verdict/labels.js";
import { rightInHundred } from "./extension/verdict/worth.js";
import { declared, declares } from "./extension/view/declared.js";
import { judgedBy, wrong } from "./extension/view/wrong.js";
import { peopleText, probabilityText, reasonText } from "./extension/view/phrases.js";
import { tellRight } from "./api.js";
import { downloads } from "./downloads.js";
import { personCard } from "./person.js";
import { createScreen } from "./player.js";
import { words } from "./words.js";

/**
 * @import { Check } from "./checks.js"
 * @import { Face, MediaLabel, Verdict } from "./extension/verdict/types.js"
 */

/** @param {MediaLabel} label */
export const labelBadge = (label) =>
  badge(label, SHAPES[label] ?? "○", words.say(`label_${label.replace("-", "_")}`));

/** @param {Face|Verdict} judged */
export const reasons = (judged) =>
  judged.reasons.map((reason) => element("p", { class: "reason", text: reasonText(words, reason) }));

/** The verdict so far, which may still change. @param {Verdict} verdict */
export function tentativeView(verdict) {
  const faces = verdict.faces.map((face) =>
    element("li", {}, `${words.say("person", String(face.id))}: `, labelBadge(face.label)));
  return element("section", { class: "panel tentative", attributes: { "aria-label": words.say("so_far") } },
    element("h2", { text: `${words.say("so_far")}, and not final` }),
    element("p", {}, labelBadge(verdict.label)),
    element("p", { class: "note", text: peopleText(words, verdict.faces.length) }),
    element("ul", { class: "plain" }, ...faces));
}

/** @param {Verdict} verdict */
function answer(verdict) {
  const p = probabilityText(words, verdict);
  return element("section", { class: `panel answer ${verdict.label}`, attributes: { "aria-label": "Verdict" } },
    element("h2", { class: "headline" }, labelBadge(verdict.label)),
    ...(p ? [element("p", { class: "probability", text: p })] : []),
    ...reasons(verdict),
    element("p", { class: "note", text: `${peopleText(words, verdict.faces.length)}. ${extent(verdict)}` }),
    judgedBy(words, verdict));
}

/** @param {Verdict} verdict */
function extent({ media }) {
  if (media.kind === "image") return "One picture was judged.";
  const [from, to] = media.analyzed_s.map(words.clock);
  return `Judged from ${from} to ${to}.`;
}

/** @param {Verdict} verdict */
function worth({ label, model }) {
  const section = element("section", { class: "panel", attributes: { "aria-labelledby": "worth" } },
    element("h2", { text: words.say("worth"), attributes: { id: "worth" } }),
    element("p", { text: words.say(`meaning_${label.replace("-", "_")}`) }));
  const right = label === "fake" && model.rates ? rightInHundred(model.rates) : null;
  if (right !== null && model.rates) {
    const { flags_fake, flags_real, part } = model.rates;
    section.append(
      element("p", { class: "rates", text: `If 1 in 100 such videos is fake, a flag like this is right in ${Math.round(right)} of 100.` }),
      element("p", { class: "note", text: `As measured on ${part}: it flags ${words.percent(flags_fake)} of the fakes and ${words.percent(flags_real)} of the genuine ones.` }));
  }
  return section;
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

/** @param {Check} check @param {string} id of its job @param {Verdict} verdict @param {AbortSignal} signal */
function tellWrong(check, id, verdict, signal) {
  const tell = async (/** @type {"fake"|"real"|null} */ right) => {
    try {
      await tellRight(id, right);
    } catch {
      return false;
    }
    if (check.job) check.job.feedback = right;
    return true;
  };
  const section = wrong(words, verdict, check.job?.feedback ?? null, tell, signal);
  section.classList.add("panel");
  return section;
}

/** @param {Verdict} verdict */
function declaredPanel(verdict) {
  const sections = declared(words, verdict);
  for (const section of sections) section.classList.add("panel");
  return sections;
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
  const [said, first] = [declaredPanel(verdict), declares(verdict)];
  return element("div", { class: "report", attributes: { id: "report" } },
    ...(first ? said : []),
    answer(verdict),
    ...(first ? [] : said),
    ...(verdict.faces.length ? [screen.node] : []),
    worth(verdict),
    ...(verdict.faces.length ? [people] : []),
    tellWrong(check, id, verdict, signal),
    facts(verdict),
    element("section", { class: "keep", attributes: { "aria-label": "Keep or delete" } },
      ...downloads(check, id, signal), remove));
}

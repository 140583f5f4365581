// A verdict, as a person reads it: the answer first, then what it is worth, then what it rests on.
import { tellRight } from "./api.js";
import { element } from "./dom.js";
import { crowd } from "./extension/verdict/crowd.js";
import { crowdView } from "./extension/view/crowd-view.js";
import { declared, declares } from "./extension/view/declared.js";
import { next } from "./extension/view/next.js";
import {
  badgeSoFar, evidenceText, extentText, hundredTexts, labelBadge, meaningText, peopleText, reasonText, worthTexts,
} from "./extension/view/phrases.js";
import { judgedBy, wrong } from "./extension/view/wrong.js";
import { downloads } from "./downloads.js";
import { personCard } from "./person.js";
import { createScreen } from "./player.js";
import { stills } from "./stills.js";
import { words } from "./words.js";

/**
 * @import { Check } from "./checks.js"
 * @import { Face, Verdict } from "./extension/verdict/types.js"
 */

/** @param {Face|Verdict} judged */
export const reasons = (judged) =>
  judged.reasons.map((reason) => element("p", { class: "reason", text: reasonText(words, reason, judged) }));

/** The verdict so far, which may still change. @param {Verdict} verdict */
export function tentativeView(verdict) {
  const { shown, folded } = crowd(verdict.faces);
  const faces = shown.map((face) =>
    element("li", {}, `${words.say("person", String(face.id))}: `, badgeSoFar(words, face, verdict.basis)));
  if (folded.length) faces.push(element("li", { text: words.say("unjudged", String(folded.length)) }));
  return element("section", { class: "panel tentative", attributes: { "aria-label": words.say("so_far") } },
    element("h2", { text: words.say("not_final") }),
    element("p", {}, badgeSoFar(words, verdict, verdict.basis)),
    ...(extentText(words, verdict) ? [element("p", { class: "note", text: extentText(words, verdict) })] : []),
    element("p", { class: "note", text: peopleText(words, verdict.faces.length) }),
    element("ul", { class: "plain" }, ...faces));
}

/** @param {Verdict} verdict */
function answer(verdict) {
  const p = evidenceText(words, verdict);
  return element("section", { class: `panel answer ${verdict.label}`, attributes: { "aria-label": words.say("verdict") } },
    element("h2", { class: "headline" }, labelBadge(words, verdict, verdict.basis)),
    ...(p ? [element("p", { class: "probability", text: p })] : []),
    ...hundredTexts(words, verdict).map((text) => element("p", { text })),
    ...reasons(verdict),
    ...next(words, verdict),
    element("p", { class: "note", text: `${peopleText(words, verdict.faces.length)}. ${extent(verdict)}` }),
    ...(verdict.faces.length ? [judgedBy(words, verdict)] : []));
}

/** @param {Verdict} verdict */
function extent({ faces, media }) {
  if (!faces.length) return words.say("judged_nothing");
  if (media.kind === "image") return words.say("judged_picture");
  const [from, to] = media.analyzed_s.map(words.clock);
  return words.say("judged_span", from, to);
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
    [words.say("fact_size"), `${media.width_px} × ${media.height_px} px`],
    ...(media.duration_s === null || media.kind === "image" ? [] : [[words.say("fact_length"), words.clock(media.duration_s)]]),
    ...(media.sampled_s ? [[words.say("fact_pictures"), String(media.sampled_s.length)]] : []),
    ...(media.sha256 ? [[words.say("fact_sha256"), media.sha256]] : []),
    [words.say("fact_model"), `${model.name} (${model.backend})`],
    [words.say("fact_model_sha256"), model.sha256],
    ...(detector ? [[words.say("fact_detector_sha256", detector.name), detector.sha256]] : []),
  ];
  return element("details", { class: "facts" }, element("summary", { text: words.say("facts") }),
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
    class: "quiet danger", text: words.say("delete_check"), click: onDelete, signal, attributes: { type: "button" },
  });
  const people = element("section", { attributes: { "aria-labelledby": "people" } },
    element("h2", { text: words.say("person_by_person"), attributes: { id: "people" } }),
    ...crowdView(words, verdict.faces, (face) => personCard(face, verdict, id, screen.seek, signal)));
  const [said, first] = [declaredPanel(verdict), declares(verdict)];
  return element("div", { class: "report", attributes: { id: "report" } },
    ...(first ? said : []),
    answer(verdict),
    ...(first ? [] : said),
    ...(check.file ? [] : stills(id, verdict, signal)), // a file at hand is played
    ...(verdict.faces.length ? [screen.node] : []),
    worth(verdict),
    ...(verdict.faces.length ? [people] : []),
    tellWrong(check, id, verdict, signal),
    facts(verdict),
    element("section", { class: "keep", attributes: { "aria-label": words.say("keep_or_delete") } },
      ...downloads(check, id, signal), remove));
}

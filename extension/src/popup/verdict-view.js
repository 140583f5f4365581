// The verdict as the popup tells it: the whole first, then each person, then what it is worth.

import { ask } from "../view/ask.js";
import { crowdView } from "../view/crowd-view.js";
import { declared, declares } from "../view/declared.js";
import { element } from "../view/element.js";
import { next } from "../view/next.js";
import {
  badgeSoFar, evidenceText, extentText, hundredTexts, isOpen, labelBadge, meaningText, peopleText, reasonText, worthTexts,
} from "../view/phrases.js";
import { judgedBy, wrong } from "../view/wrong.js";
import { faceView } from "./face-view.js";
import { reportButton, saveLink } from "./report.js";
import { serviceButton, wholeButton } from "./service-button.js";

/**
 * @import { Check } from "../background/store.js"
 * @import { Verdict } from "../verdict/types.js"
 * @import { OutcomeView } from "./outcome.js"
 */

/**
 * The full report, on the service's page: it asks for the token where one is needed, which a tab cannot carry.
 * @param {OutcomeView} view @param {Check} check
 */
function reportLink({ words, settings }, { jobId }) {
  const href = `${settings.server}/?language=${words.language}#/jobs/${jobId}`;
  return element("a", { class: "report", text: words.say("report"), attributes: { href, target: "_blank", rel: "noreferrer" } });
}

/** @param {OutcomeView} view @param {Verdict} verdict what its label means, and what its evidence is worth */
function worth({ words }, verdict) {
  return element("section", { class: "worth" }, element("h3", { text: words.say("worth") }),
    element("p", { text: meaningText(words, verdict) }),
    ...worthTexts(words, verdict).map((text) => element("p", { class: "note", text })));
}

/** @param {OutcomeView} view @param {Check} check @param {Verdict} verdict only the service can keep that */
function tellWrong({ words, signal }, check, verdict) {
  if (!check.jobId) return [];
  const tell = (/** @type {import("../view/wrong.js").Right|null} */ right) =>
    ask({ type: "wrong", id: check.id, right });
  return [wrong(words, verdict, check.told ?? null, tell, signal)];
}

/** @param {OutcomeView} view @param {Verdict} verdict the finding, its evidence, its reasons, and what to do next */
function finding({ words }, verdict) {
  return [
    element("h2", {}, labelBadge(words, verdict, verdict.basis)),
    element("p", { text: evidenceText(words, verdict) }),
    ...hundredTexts(words, verdict).map((text) => element("p", { text })),
    ...verdict.reasons.map((reason) => element("p", { class: "reason", text: reasonText(words, reason, verdict) })),
    ...next(words, verdict),
  ];
}

/** @param {OutcomeView} view @param {Verdict} verdict of a check that goes on: what it cannot tell yet is no finding */
function findingSoFar({ words }, verdict) {
  return [
    element("p", { class: "tentative", text: words.say("so_far") }),
    element("h2", {}, badgeSoFar(words, verdict, verdict.basis)),
    ...(isOpen(verdict) ? [] : [element("p", { text: evidenceText(words, verdict) })]),
    ...(extentText(words, verdict) ? [element("p", { class: "note", text: extentText(words, verdict) })] : []),
  ];
}

/** @param {OutcomeView} view @param {Check} check @param {Verdict} verdict */
export function verdictView(view, check, verdict) {
  const { words } = view;
  const tentative = !check.result;
  const onPage = check.subject.kind === "video";
  const seek = onPage ? (/** @type {number} */ time_s) => ask({ type: "seek", id: check.id, time_s }) : null;
  const summary = element("div", { class: "summary" },
    ...(tentative ? findingSoFar(view, verdict) : finding(view, verdict)),
    element("p", { class: "note", text: peopleText(words, verdict.faces.length) }),
    ...(verdict.faces.length ? [judgedBy(words, verdict)] : []),
    ...(check.way === "browser" ? [element("p", { class: "note", text: words.say(check.whole ? "local_note_whole" : "local_note") })] : []),
    ...(verdict.versions && "slower" in verdict.versions ? [element("p", { class: "note slower", text: words.say("local_slower") })] : []));
  const other = element("p", { class: "note", text: words.say("other_media"), attributes: { hidden: true, role: "status" } });
  if (!tentative && (onPage || check.subject.kind === "image")) {
    ask({ type: "draw", id: check.id }).then((fits) => { other.hidden = fits !== false; });
  }
  const more = check.way === "browser"
    ? [...wholeButton(view, check), serviceButton(view, check), reportButton(view, check, verdict, () => whole)] : [reportLink(view, check)];
  const links = element("p", { class: "links" }, ...more, saveLink(view, verdict));
  const { label } = check.subject;
  const [said, first] = [declared(words, verdict, label), declares(verdict, label)];
  /** @type {HTMLElement} */
  const whole = element("div", { class: "verdict" }, ...(first ? said : []), summary, ...(first ? [] : said), other,
    ...crowdView(words, verdict.faces, (face) => faceView(view, check, face, verdict, seek)),
    ...(tentative ? [] : [worth(view, verdict), ...tellWrong(view, check, verdict), links]));
  return whole;
}

// One check on the whole page: its progress and what was found so far, then its report.
import { announce, element } from "./dom.js";
import { labelText } from "./extension/view/phrases.js";
import { createProgress, createSteps, inFlight } from "./progress.js";
import { problemView } from "./problem.js";
import { reportView, tentativeView } from "./report.js";
import { dateText, stageText, words } from "./words.js";

/** @import { Check, Checks } from "./checks.js" */

const EXPIRED = { code: "not-found", type: "", title: "", detail: words.say("results_expire") };

/** @param {Check} check what decides how the page is built; the rest is only updated */
const form = (check) =>
  [inFlight(check), check.state, check.problem?.code, Boolean(check.job), check.title].join();

/** @param {HTMLElement} place @param {Checks} checks @param {(check: Check) => void} retry */
export function createOne(place, checks, retry) {
  /** @type {{check: Check|null, form: string, update: () => void, end: AbortController}} */
  const shown = { check: null, form: "", update: () => {}, end: new AbortController() };

  /** @param {Check} check */
  const build = (check) => {
    shown.end.abort();
    shown.end = new AbortController();
    const { signal } = shown.end;
    shown.form = form(check);
    shown.update = () => {};
    const kind = words.say(check.kind === "file" ? "file" : "address");
    const [title, body] = [element("h1", { class: "subject", text: check.title, attributes: { tabindex: -1 } }), element("div")];
    const focused = place.contains(document.activeElement);
    place.replaceChildren(
      element("a", { class: "back", text: words.say("all_checks"), attributes: { href: "#/" } }), title,
      element("p", { class: "note", text: words.say("checked_at", kind, dateText(check.at)) }), body);
    if (focused) title.focus({ preventScroll: true }); // what had the focus is gone

    const again = check.kind === "url" || check.asked ? () => retry(check) : null;
    const result = check.job?.result;
    if (inFlight(check) && check.state !== "done") body.append(...flight(check, signal));
    else if (result && check.id) {
      body.append(reportView(check, check.id, result, signal, async () => {
        await checks.forget(check);
        location.hash = "#/";
      }));
      const label = labelText(words, result, result.basis);
      document.title = `${label}: ${check.title} – Mesoscope`;
      announce(`${check.title}: ${label}`);
    } else if (check.problem) {
      const gone = check.problem.code === "not-found" && !check.job;
      body.append(problemView(gone ? EXPIRED : check.problem, again, signal));
    } else if (check.state === "cancelled") {
      body.append(problemView({ code: "", type: "", title: words.say("cancelled"), detail: "" }, again, signal));
    } else body.append(element("p", { class: "note", text: stageText(check) }));
  };

  /** @param {Check} check @param {AbortSignal} signal */
  const flight = (check, signal) => {
    const [steps, progress] = [createSteps(check), createProgress(check)];
    const soFar = element("div");
    const cancel = element("button", {
      class: "quiet", text: words.say("cancel"), click: () => checks.cancel(check), signal,
      attributes: { type: "button", id: "cancel" },
    });
    shown.update = () => {
      steps.update(check);
      progress.update(check);
      announce(stageText(check));
      const partial = check.job?.partial;
      if (partial) soFar.replaceChildren(tentativeView(partial));
    };
    shown.update();
    return [element("section", { class: "panel", attributes: { "aria-label": words.say("progress") } }, steps.node, progress.node, cancel), soFar];
  };

  checks.addEventListener("change", (event) => {
    const check = /** @type {CustomEvent<Check>} */ (event).detail;
    if (check !== shown.check) return;
    if (shown.form === form(check)) shown.update();
    else build(check);
  });
  return {
    /** @param {Check} check */
    show(check) {
      shown.check = check;
      document.title = `${check.title} – Mesoscope`;
      build(check);
      place.querySelector("h1")?.focus();
    },
    hide() {
      shown.check = null;
      shown.end.abort(); // frees the player and its file
      place.replaceChildren();
    },
  };
}

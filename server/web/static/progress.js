// A check in flight, as a line of words and a bar.
import { element } from "./dom.js";
import { stageText, words } from "./words.js";

/** @import { Check } from "./checks.js" */

/** @param {Check} check */
export const inFlight = ({ state, problem }) =>
  !problem && (state === "sending" || state === "queued" || state === "running");

/** @param {Check} check */
export function createProgress(check) {
  const bar = element("progress", { attributes: { max: 1, "aria-label": words.say("progress_of", check.title) } });
  const stage = element("span", { class: "stage" });
  const node = element("div", { class: "progress" }, stage, bar);

  /** @param {Check} now */
  const update = (now) => {
    const share = now.state === "sending" ? now.sent : now.state === "running" ? (now.job?.progress ?? 0) : 0;
    if (share > 0) bar.value = share;
    else bar.removeAttribute("value");
    const text = stageText(now);
    if (stage.textContent !== text) stage.textContent = text;
  };
  update(check);
  return { node, update };
}

const STAGES = ["queued", "fetch", "faces", "scores"];

/** The way that a check goes, and where on it this one is. @param {Check} check */
export function createSteps({ kind }) {
  const stages = STAGES.filter((stage) => kind === "url" || stage !== "fetch");
  const steps = stages.map((stage) => element("li", { text: words.say(`stage_${stage}`) }));
  const node = element("ol", { class: "steps" }, ...steps);

  /** @param {Check} now */
  const update = ({ state, job }) => {
    const at = state === "sending" ? 0 : stages.indexOf(job?.stage ?? "queued");
    steps.forEach((step, i) => {
      step.className = i < at ? "past" : "";
      if (i === at) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
  };
  return { node, update };
}

// What went wrong with a check, and what helps.
import { element } from "./dom.js";
import { mayChange, problemText } from "./extension/view/problems.js";
import { words } from "./words.js";

/** @import { ProblemBody } from "./api.js" */

/** In a list, where the rest stands on the check's own page. @param {ProblemBody} problem */
export const problemLine = (problem) => element("p", { class: "note why", text: problemText(words, problem).title });

/** @param {ProblemBody} problem @param {(() => void)|null} again @param {AbortSignal} [signal] */
export function problemView(problem, again, signal) {
  const { title, detail } = problemText(words, problem);
  const more = /^[a-z-]+$/.test(problem.code) && problem.type
    ? [element("a", { text: words.say("problem_about"), attributes: { href: `/problems/${problem.code}` } })]
    : [];
  const retry = again && mayChange(problem.code)
    ? [element("button", { class: "quiet", text: words.say("again"), click: again, signal, attributes: { type: "button" } })]
    : [];
  return element("div", { class: "problem", attributes: { role: "alert" } },
    element("strong", { text: title }),
    element("p", { text: detail, attributes: { dir: "auto" } }),
    ...(more.length + retry.length ? [element("p", { class: "actions" }, ...retry, ...more)] : []));
}

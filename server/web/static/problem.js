// What went wrong with a check, and what helps.
import { element } from "./dom.js";

/** @import { ProblemBody } from "./api.js" */

/** @param {ProblemBody} problem @param {(() => void)|null} again @param {AbortSignal} [signal] */
export function problemView(problem, again, signal) {
  const more = /^[a-z-]+$/.test(problem.code) && problem.type
    ? [element("a", { text: "About this kind of problem", attributes: { href: `/problems/${problem.code}` } })]
    : [];
  const retry = again
    ? [element("button", { class: "quiet", text: "Try again", click: again, signal, attributes: { type: "button" } })]
    : [];
  return element("div", { class: "problem", attributes: { role: "alert" } },
    element("strong", { text: problem.title }),
    element("p", { text: problem.detail }),
    ...(more.length + retry.length ? [element("p", { class: "actions" }, ...retry, ...more)] : []));
}

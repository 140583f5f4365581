// What went wrong, in a form that can be stored, shown and translated.

/**
 * @typedef {"options"|"permit"|"retry"|"capture"|null} Cure what the popup offers to do about it
 * @typedef {{code: string, title: string, detail: string, cure: Cure}} Problem `title` and `detail`
 *   are the service's words, empty where the catalogue has its own for `code`
 */

/** The service's codes for media that it cannot get itself but this browser may show. */
const NOT_FETCHABLE = [
  "needs-login", "bot-check", "unsupported-site", "blocked-address", "download-failed",
  "download-timeout", "gone", "bad-url", "live-stream", "copy-protected",
];

export class CheckFailed extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.code);
    this.problem = problem;
  }
}

/** @param {string} code one that the catalogues know as `problem_<code>` @param {Cure} cure */
export function fail(code, cure) {
  return new CheckFailed({ code, title: "", detail: "", cure });
}

/**
 * The service's own account of a failure (problem+json, or a failed job's error).
 * @param {{code?: string, type?: string, title?: string, detail?: string}} body
 * @returns {Problem}
 */
export function fromService(body) {
  const code = body.code ?? body.type?.split(/[/#:]/).at(-1) ?? "internal";
  const cure = NOT_FETCHABLE.includes(code) ? "capture" : "retry";
  return { code, title: body.title ?? "", detail: body.detail ?? "", cure };
}

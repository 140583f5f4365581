// The service's HTTP interface, as far as this page needs it.
import { askToken, token } from "./token.js";
import { words } from "./words.js";

/**
 * @import { Verdict } from "./extension/verdict/types.js"
 * @import { Right } from "./extension/view/wrong.js"
 *
 * @typedef {{code: string, title: string, detail: string, type: string}} ProblemBody
 * @typedef {object} Job
 * @property {string} id
 * @property {"url"|"file"} kind
 * @property {string|null} source the address, if it was one
 * @property {string|null} title the name of the file that was sent
 * @property {"queued"|"running"|"done"|"failed"|"cancelled"} state
 * @property {string} stage
 * @property {number} progress 0 to 1
 * @property {number|null} position how many wait before it
 * @property {Verdict|null} partial
 * @property {Verdict|null} result
 * @property {ProblemBody|null} error
 * @property {Right|null} [feedback] what somebody told to be right instead
 * @property {number} created_at
 * @property {number|null} finished_at
 *
 * @typedef {Record<string, string|number|boolean>} Options what was asked beyond the media itself
 */

const SILENT = {
  code: "silent",
  title: words.say("problem_server_down"),
  detail: words.say("cure_restart"),
  type: "",
};

/** A problem+json answer: what went wrong and what helps. */
export class Problem extends Error {
  /** @param {Partial<ProblemBody>} body */
  constructor(body) {
    super(body.title ?? words.say("problem_internal"));
    this.body = { code: "internal", detail: "", type: "", ...body, title: this.message };
  }
}

/** @returns {Record<string, string>} */
export function credentials() {
  return token() ? { Authorization: `Bearer ${token()}` } : {};
}

/**
 * Send a request; where the service requires a token, ask the person for it and try again.
 * @param {string} path @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function request(path, options = {}) {
  for (;;) {
    const given = token();
    let answer;
    try {
      answer = await fetch(path, { ...options, headers: { ...options.headers, ...credentials() } });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Problem(SILENT);
    }
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => ({}));
    if (answer.status !== 401 || !(await askToken(given))) throw new Problem(body);
  }
}

/** An answer that nobody reads holds its connection. @param {Response} answer */
const drained = (answer) => answer.arrayBuffer();

/** Ask for the token now, where one is needed, and not after a long upload. */
export async function enter() {
  await drained(await request("/jobs?limit=1"));
}

/** @param {string} url @param {Options} options @param {AbortSignal} signal @returns {Promise<Job>} */
export async function checkUrl(url, options, signal) {
  const body = JSON.stringify({ url, wait: 0, ...options });
  const headers = { "Content-Type": "application/json" };
  return (await request("/check-url", { method: "POST", headers, body, signal })).json();
}

/**
 * Not by fetch(), which does not tell how much has been sent.
 * @param {File} file @param {Options} options @param {AbortSignal} signal
 * @param {(share: number) => void} onSent
 * @returns {Promise<Job>}
 */
export async function checkFile(file, options, signal, onSent) {
  await enter();
  const body = new FormData();
  for (const [name, value] of Object.entries(options)) body.append(name, String(value));
  body.append("file", file);
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", "/check-file?wait=0");
    for (const [name, value] of Object.entries(credentials())) sending.setRequestHeader(name, value);
    sending.responseType = "json";
    sending.upload.onprogress = ({ loaded, total }) => onSent(total ? loaded / total : 0);
    sending.onload = () => {
      if (sending.status < 300) resolve(sending.response);
      else reject(new Problem(sending.response ?? {}));
    };
    sending.onerror = () => reject(new Problem(SILENT));
    sending.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => sending.abort(), { once: true });
    sending.send(body);
  });
}

/** @param {string} id @param {string} [part] */
export const jobPath = (id, part = "") => `/jobs/${encodeURIComponent(id)}${part}`;

/** @param {string} id @param {AbortSignal} [signal] @returns {Promise<Job>} */
export async function job(id, signal) {
  return (await request(jobPath(id), { signal })).json();
}

/** @param {string} id @param {Right|null} right instead of its verdict; null: to forget it */
export async function tellRight(id, right) {
  const headers = { "Content-Type": "application/json" };
  const options = right ? { method: "POST", headers, body: JSON.stringify({ right }) } : { method: "DELETE" };
  await drained(await request(jobPath(id, "/feedback"), options));
}

/** Cancels a check in flight, removes one that has ended. @param {string} id */
export async function remove(id) {
  await drained(await request(jobPath(id), { method: "DELETE" }));
}

// The service's HTTP interface. Only the service worker calls it: a page's own request to loopback
// is blocked by the browser, the worker's is not.

import { permissionToSend, readSettings } from "../settings.js";
import { CheckFailed, fail, fromService } from "./problem.js";

/** @import { Verdict } from "../verdict/types.js" @import { Right } from "../view/wrong.js" */

/** The browser ends a worker when one request lasts 30 s; an answer that takes this long is as good as none. */
const PATIENCE_MS = 20_000;

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {"queued"|"running"|"done"|"failed"|"cancelled"} state
 * @property {string} stage
 * @property {number} progress 0..1
 * @property {Verdict|null} partial
 * @property {Verdict|null} result
 * @property {{code?: string, title: string, detail: string}|null} error
 */

/** @param {Response} answer */
async function refusal(answer) {
  if (answer.status === 401) return fail("wrong-token", "options");
  const body = await answer.json().catch(() => null);
  if (!body || typeof body !== "object") return fail("not-the-service", "options");
  return new CheckFailed(fromService(body));
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} a good one */
async function answered(path, options = {}) {
  const { server, token } = await readSettings();
  if (!(await chrome.permissions.contains(permissionToSend(server)))) throw fail("no-permission", "permit");
  const headers = new Headers(options.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  let answer;
  try {
    answer = await fetch(server + path, {
      ...options, headers, credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (error) {
    throw fail(/** @type {Error} */ (error).name === "TimeoutError" ? "server-slow" : "server-down", "retry");
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
async function request(path, options) {
  const answer = await answered(path, options);
  if (answer.status === 204) return null;
  return answer.json().catch(() => { throw fail("not-the-service", "options"); });
}

/** @param {string} url @param {number|null} watched_s where in the video the person is @returns {Promise<Job>} */
export function checkUrl(url, watched_s) {
  return request("/check-url?wait=0", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(watched_s === null ? { url } : { url, watched_s }),
  });
}

/** @param {Blob} file @param {string} name @returns {Promise<Job>} */
export function checkFile(file, name) {
  const body = new FormData();
  body.append("file", file, name);
  return request("/check-file?wait=0", { method: "POST", body });
}

/** @param {import("./capture.js").Captured[]} frames in the order of their times @returns {Promise<Job>} */
export function checkFrames(frames) {
  const body = new FormData();
  body.append("times_s", JSON.stringify(frames.map(({ time_s }) => time_s)));
  for (const { picture } of frames) body.append("frames", picture, "frame.jpg");
  return request("/check-frames?wait=0", { method: "POST", body });
}

/** @param {string} id @returns {Promise<Job>} */
export function getJob(id) {
  return request(`/jobs/${encodeURIComponent(id)}`);
}

/**
 * The job once it is not what `known` names any more, as the service's events tell it: so no
 * poll has to be waited for.
 * @param {string} id @param {string} known its last event; empty: none
 * @returns {Promise<{job: Job, known: string}|null>} null where nothing is new, or no event can be had
 */
export async function nextJob(id, known) {
  try {
    const headers = known ? { "Last-Event-ID": known } : undefined;
    const { body } = await answered(`/jobs/${encodeURIComponent(id)}/events`, { headers });
    return body && await firstEvent(body);
  } catch {
    return null; // the next request for the job itself tells why
  }
}

/** @param {ReadableStream<any>} body of server-sent events; closed after the first that has data */
async function firstEvent(body) {
  let text = "";
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const event = /^id: (.*)\nevent: job\ndata: (.*)\n\n/m.exec(text);
    if (event) return { known: event[1], job: /** @type {Job} */ (JSON.parse(event[2])) };
  }
  return null;
}

/** @param {string} id @param {number} face @returns {Promise<Blob>} its picture at its strongest moment */
export async function facePicture(id, face) {
  const answer = await answered(`/jobs/${encodeURIComponent(id)}/faces/${face}.jpg`);
  return answer.blob();
}

/** @param {string} id @param {Right|null} right instead of its verdict; null: to forget it @returns {Promise<void>} */
export function tellRight(id, right) {
  const path = `/jobs/${encodeURIComponent(id)}/feedback`;
  if (!right) return request(path, { method: "DELETE" });
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers, body: JSON.stringify({ right }) });
}

/** @param {string} id @returns {Promise<void>} */
export function cancelJob(id) {
  return request(`/jobs/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/**
 * Whether the service is there, is ours and takes our token: what says how it is asks for none, so
 * a job that cannot exist is asked for as well.
 * @returns {Promise<{status: "ok"|"no-worker"}>}
 */
export async function health() {
  const said = await request("/healthz");
  if (typeof said?.status !== "string") throw fail("not-the-service", "options");
  await getJob("0".repeat(32)).catch((error) => {
    if (!(error instanceof CheckFailed) || error.problem.code !== "not-found") throw error;
  });
  return said;
}

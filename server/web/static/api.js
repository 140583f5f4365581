// The service's HTTP interface, as far as this page needs it.

/** A problem+json answer: what went wrong and what helps. */
export class Problem extends Error {
  /** @param {{title?: string, detail?: string}} body */
  constructor(body) {
    super(body.title ?? "The service did not answer");
    this.detail = body.detail ?? "";
  }
}

/**
 * @typedef {{id: string, state: "queued"|"running"|"done"|"failed"|"cancelled", stage: string,
 *   progress: number, result: Verdict|null, error: {title: string, detail: string}|null}} Job
 * @typedef {{t: number, box: [number, number, number, number], p_fake: number|null}} Sample
 * @typedef {{id: number, label: string, p_fake: number|null, interval: [number, number]|null,
 *   reasons: string[], start_s: number, end_s: number, samples: Sample[]}} Face
 * @typedef {{schema: number, label: string, p_fake: number|null, reasons: string[],
 *   media: {kind: string, width_px: number, height_px: number, duration_s: number|null,
 *   analyzed_s: [number, number]}, faces: Face[], model: {name: string, sha256: string}}} Verdict
 */

/** @param {string} path @param {RequestInit} options @returns {Promise<any>} */
async function request(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem({ detail: "Is it still running? Start it again with: make run" });
  }
  const body = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(body);
  return body;
}

/** @param {string} url @param {AbortSignal} signal @returns {Promise<Job>} */
export function checkUrl(url, signal) {
  return request("/check-url?wait=0", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ url }),
    signal,
  });
}

/** @param {File} file @param {AbortSignal} signal @returns {Promise<Job>} */
export function checkFile(file, signal) {
  const body = new FormData();
  body.append("file", file);
  return request("/check-file?wait=0", { method: "POST", body, signal });
}

/** @param {string} id @param {AbortSignal} signal @returns {Promise<Job>} */
export function job(id, signal) {
  return request(`/jobs/${encodeURIComponent(id)}`, { signal });
}

/** @param {string} id */
export function cancel(id) {
  return request(`/jobs/${encodeURIComponent(id)}`, { method: "DELETE" });
}

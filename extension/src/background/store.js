// The checks of this browser session, in storage.session: the worker may die at any moment.

import { keepOnly } from "./looked-at.js";

/**
 * @import { Right } from "../view/wrong.js"
 * @import { Subject } from "../content/subjects.js"
 * @import { Verdict } from "../verdict/types.js"
 * @import { Problem } from "./problem.js"
 */

/**
 * @typedef {"sending"|"queued"|"running"|"done"|"failed"|"cancelled"} CheckState
 * @typedef {object} Check
 * @property {string} id
 * @property {number} tabId
 * @property {Subject} subject
 * @property {CheckState} state
 * @property {"browser"|"service"} way where it is carried out
 * @property {boolean} whole in the browser: of the whole video, not of what plays
 * @property {string|null} jobId the service's, null where it does not know of the check
 * @property {string} stage
 * @property {number} progress 0..1
 * @property {Verdict|null} partial
 * @property {Verdict|null} result
 * @property {Problem|null} problem
 * @property {number|null} offset_s where in the media a captured part begins; null where the whole was checked
 * @property {Right|null} told what the person said to be right instead
 * @property {number} startedAt ms since the epoch
 * @property {number|null} silentSince when the service stopped answering, ms since the epoch
 */

const PREFIX = "check:";

/** @param {Check} check */
export function isOpen(check) {
  return check.state === "sending" || check.state === "queued" || check.state === "running";
}

/** @param {Check} before @param {Check} after whether there is something new to draw */
export function drawable(before, after) {
  return (after.result ?? after.partial) !== null
    && JSON.stringify(before.result ?? before.partial) !== JSON.stringify(after.result ?? after.partial);
}

/** @param {number} tabId @param {Subject} subject @param {Check["way"]} way @param {boolean} whole @returns {Check} */
export function newCheck(tabId, subject, way, whole) {
  return {
    id: crypto.randomUUID(), tabId, subject, way, whole, state: "sending", jobId: null, stage: "queued",
    progress: 0, partial: null, result: null, problem: null, offset_s: null, told: null, startedAt: Date.now(), silentSince: null,
  };
}

/** @param {Check} check */
export function save(check) {
  return chrome.storage.session.set({ [PREFIX + check.id]: check });
}

/** @param {string} id @returns {Promise<Check|undefined>} */
export async function find(id) {
  return /** @type {Check|undefined} */ ((await chrome.storage.session.get(PREFIX + id))[PREFIX + id]);
}

/** @param {string} id @returns {Promise<boolean>} whether it is neither ended nor forgotten by now */
export async function isStillOpen(id) {
  const check = await find(id);
  return check !== undefined && isOpen(check);
}

/** @returns {Promise<Check[]>} the newest first */
export async function all() {
  const kept = await chrome.storage.session.get(null);
  const checks = Object.entries(kept).filter(([key]) => key.startsWith(PREFIX));
  return checks.map(([, check]) => /** @type {Check} */ (check)).sort((a, b) => b.startedAt - a.startedAt);
}

/** @param {number} tabId @returns {Promise<Check[]>} the newest first */
export async function ofTab(tabId) {
  return (await all()).filter((check) => check.tabId === tabId);
}

/** @param {string[]} ids */
export async function forget(ids) {
  await chrome.storage.session.remove(ids.map((id) => PREFIX + id));
  await tidy();
}

/** Let go of what belongs to no check any more; the browser may have ended before. */
export async function tidy() {
  await keepOnly((await all()).map(({ id }) => id));
}

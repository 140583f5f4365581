// What this browser remembers of one's checks: never the media, never the verdict's details.

/**
 * @import { MediaLabel } from "./extension/verdict/types.js"
 *
 * @typedef {{face: number, moment: number}} Shown a face at one of its strongest moments
 *
 * @typedef {object} Entry
 * @property {string} id of the job
 * @property {string} title
 * @property {"url"|"file"} kind
 * @property {number} at when it was asked for, in Unix milliseconds
 * @property {"queued"|"running"|"done"|"failed"|"cancelled"} state as last received
 * @property {MediaLabel|null} label
 * @property {Shown|null} [shown] its picture in the list, which the service keeps
 * @property {string[]} [covers] the kinds of fakes that "no sign" is said of
 */

const KEY = "mesoscope.checks";
const MOST = 200;

/** @param {any} entry @returns {entry is Entry} */
const valid = (entry) =>
  typeof entry?.id === "string" && typeof entry.title === "string" && typeof entry.at === "number";

/** @returns {Entry[]} the newest first; empty where the browser keeps nothing */
export function readHistory() {
  try {
    const entries = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(entries) ? entries.filter(valid) : [];
  } catch {
    return [];
  }
}

/** @param {Entry[]} entries the newest first */
export function writeHistory(entries) {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries.slice(0, MOST)));
  } catch {
    // private browsing or a full disk: the checks of this visit are still listed
  }
}

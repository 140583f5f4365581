// The way to the pages: bringing the content modules in, and speaking to one document's frame.

import { isShown } from "../content/subjects.js";
import { loadCatalogue } from "../words.js";
import { readSettings } from "../settings.js";

/**
 * @import { Subject } from "../content/subjects.js"
 * @import { PageMessage } from "../content/main.js"
 * @import { Check } from "./store.js"
 * @import { Verdict } from "../verdict/types.js"
 */

/**
 * Bring the content modules into every frame that may be entered; a second time changes nothing.
 * @param {number} tabId @returns {Promise<number[]>} those frames; empty where none may be
 */
export async function enter(tabId) {
  const target = { tabId, allFrames: true };
  const entered = await chrome.scripting.executeScript({ target, files: ["content/boot.js"] }).catch(() => []);
  if (entered.length) return entered.map(({ frameId }) => frameId);
  return (await tell(tabId, 0, { type: "list" })) ? [0] : []; // a page of ours has them: welcome/sample.js
}

/** @param {number} tabId @param {number} frameId @param {PageMessage} message @returns {Promise<any>} null: not there */
export function tell(tabId, frameId, message) {
  return chrome.tabs.sendMessage(tabId, message, { frameId }).catch(() => null);
}

/** @param {Subject} subject @param {number} frameId @returns {Subject} */
function inFrame(subject, frameId) {
  return { ...subject, frameId };
}

/** @param {chrome.tabs.Tab} tab @returns {Subject} */
function wholePage(tab) {
  return {
    key: `page:${tab.url}`, kind: "page", url: /^https?:/.test(tab.url ?? "") ? tab.url ?? null : null,
    page: tab.url ?? "", frameId: 0, title: tab.title ?? "", width: 0, height: 0, duration_s: null, playing: false,
  };
}

/**
 * What can be checked in a tab: what its frames show, best first, then the page itself.
 * @param {number} tabId @returns {Promise<Subject[]>}
 */
export async function look(tabId) {
  const tab = await chrome.tabs.get(tabId);
  const frames = await enter(tabId);
  const lists = await Promise.all(frames.map(async (frameId) => {
    const list = /** @type {Subject[]|null} */ (await tell(tabId, frameId, { type: "list" }));
    return (list ?? []).map((subject) => inFrame(subject, frameId));
  }));
  const found = lists.flat();
  const videos = found.filter(({ kind }) => kind === "video");
  videos.sort((a, b) => Number(b.playing) - Number(a.playing) || b.width * b.height - a.width * a.height);
  const entered = new Set(videos.map(({ page }) => page));
  const players = found.filter(({ kind, url }) => kind === "frame" && !entered.has(url ?? ""));
  const images = found.filter(({ kind }) => kind === "image");
  const label = videos.find((video) => video.label && video.frameId === 0)?.label ?? null;
  return [...videos, ...players, ...images, { ...wholePage(tab), label }];
}

/**
 * @param {Subject} subject @param {Verdict|null} verdict null: it is being checked
 * @param {{tentative: boolean, live?: boolean}} how
 */
async function drawing(subject, verdict, { tentative, live = false }) {
  const { language, boxes, lanes, dim } = await readSettings();
  const catalogue = await loadCatalogue(language);
  return { type: /** @type {const} */ ("draw"), key: subject.key, drawing: { verdict, tentative, live, catalogue, look: { boxes, lanes, dim } } };
}

/** Tell on the page that a check of it begins: the popup may be closed by then. @param {number} tabId @param {Subject} subject */
export async function announce(tabId, subject) {
  if (isShown(subject)) await tell(tabId, subject.frameId, await drawing(subject, null, { tentative: true }));
}

/** @param {Check} check takes away what was drawn of it */
export function erase({ tabId, subject }) {
  return isShown(subject) ? tell(tabId, subject.frameId, { type: "erase", key: subject.key }) : null;
}

/** @param {Check} check draws its verdict, or the one so far, on the page */
export async function draw(check) {
  const verdict = check.result ?? check.partial;
  const { subject } = check;
  if (!verdict || !isShown(subject)) return null;
  const tentative = !check.result;
  const how = { tentative, live: tentative && check.way === "browser" && !check.whole };
  return tell(check.tabId, subject.frameId, await drawing(subject, verdict, how));
}

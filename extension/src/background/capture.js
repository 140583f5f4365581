// What plays in the tab, as pictures with their media times: only after the person agreed to it.

import rules from "../local/rules.js";
import { tell } from "./page.js";
import { blobOf, cropped, isBlack } from "./picture.js";
import { fail } from "./problem.js";

/**
 * @import { Subject } from "../content/subjects.js"
 * @import { Copied } from "../content/copies.js"
 * @import { Grab } from "../content/grab.js"
 */

export const CAPTURE_S = 10;
const PERIOD_MS = 250;
/** Chrome takes two pictures of a tab in a second, and no more. */
const SCREEN_PERIOD_MS = 550;
const START_MS = 5_000;
/** Pictures of a short video: twice as many as a label takes. */
const ENOUGH = 2 * rules.rules.min_crops;
/**
 * What looking through a video may take; a slow machine takes fewer pictures in it, down to the fewest. A short video is
 * looked through only where what played was missed, for which a person has waited already; boxes still move from one
 * of its pictures to the next.
 */
const SHORT = { within_ms: CAPTURE_S * 1000, fewest: 8 };
const LONG = { within_ms: 60_000, fewest: 30 };
const MOST_PICTURES = 180;
/** By then the browser shows what was under an erased overlay. */
const REPAINT_MS = 100;

/**
 * @typedef {{time_s: number, picture: Blob, direct: boolean}} Captured `direct`: from the player, not from
 *   the screen, so that nothing which is drawn over it is in the picture
 */

/** @param {number} ms @returns {Promise<void>} */
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** As long as the last picture took: at most half a core is taken from what plays. @param {number} since ms since the epoch */
const rest = (since) => pause(Math.max(PERIOD_MS, Date.now() - since));

/** @param {number} time_s @returns {number} as verdicts and media files tell times */
const told = (time_s) => Math.round(time_s * 1000) / 1000;

/** @param {Captured[]} taken raises what makes them worthless */
async function assertSeen(taken) {
  const dark = await Promise.all(taken.map(({ picture }) => isBlack(picture)));
  if (dark.every(Boolean)) throw fail("black", null);
}

/** @param {number} tabId @param {Grab} shot @returns {Promise<Blob>} */
async function pictureOf(tabId, shot) {
  if (shot.picture) return blobOf(shot.picture);
  if (!shot.screen) throw fail("in-a-frame", null);
  const { windowId, active } = await chrome.tabs.get(tabId);
  if (!active) throw fail("not-in-front", "capture"); // what is seen now is another page's
  const screen = blobOf(await chrome.tabs.captureVisibleTab(windowId, { format: "png" }));
  const { x, y, width, height } = shot.screen;
  const { ratio } = shot;
  return cropped(screen, { x: x * ratio, y: y * ratio, width: width * ratio, height: height * ratio });
}

/** @param {number} tabId @param {Subject} subject @returns {Promise<Grab>} for the screen nothing of ours is drawn over it */
async function shoot(tabId, subject) {
  const shot = await tell(tabId, subject.frameId, { type: "grab", key: subject.key });
  if (!shot) throw fail("not-shown", "retry");
  const erased = shot.screen && await tell(tabId, subject.frameId, { type: "erase", key: subject.key });
  if (!erased) return shot;
  await pause(REPAINT_MS);
  return shoot(tabId, subject);
}

/**
 * @param {number} tabId @param {Subject} subject a video that plays
 * @param {(fraction: number, taken: Captured|null) => Promise<void>} onProgress with what was taken just now
 * @returns {Promise<Captured[]>} raises what stands in the way
 */
export async function captureVideo(tabId, subject, onProgress) {
  /** @type {Captured[]} */
  const taken = [];
  const start = Date.now();
  await tell(tabId, subject.frameId, { type: "play", key: subject.key });
  while (Date.now() - start < CAPTURE_S * 1000) {
    const since = Date.now();
    const shot = await shoot(tabId, subject);
    const time_s = told(shot.time_s);
    const last = taken.at(-1)?.time_s ?? -1;
    const isNew = shot.moving && time_s > last;
    if (isNew) {
      taken.push({ time_s, picture: await pictureOf(tabId, shot), direct: shot.picture !== null });
    } else if (!taken.length && Date.now() - start > START_MS) throw fail("not-playing", "capture");
    else if (taken.length && (shot.ended || time_s < last)) break; // it began anew: media times only rise
    await onProgress((Date.now() - start) / 1000 / CAPTURE_S, isNew ? taken[taken.length - 1] : null);
    await (shot.picture ? rest(since) : pause(SCREEN_PERIOD_MS));
  }
  if (!taken.length) throw fail("not-playing", "capture");
  await assertSeen(taken);
  return taken;
}

/**
 * Whether a short video was over before enough was seen, as a loop may be on a slow machine, and a copy of it can be
 * looked at instead.
 * @param {number} tabId @param {Subject} subject @param {number} pictures how many were looked at
 */
export async function isMissed(tabId, { kind, frameId, key, duration_s }, pictures) {
  if (kind !== "video" || pictures >= ENOUGH || !duration_s || duration_s > CAPTURE_S) return false;
  return await tell(tabId, frameId, { type: "copied", key, time_s: 0 }) !== null;
}

/**
 * Moments from the whole of a video, by seeking a hidden copy of it: as many as the time allows, evenly.
 * @param {number} tabId @param {Subject} subject of known length
 * @param {(fraction: number, taken: Captured|null) => Promise<void>} onProgress with what was taken just now
 * @returns {Promise<Captured[]>} raises what stands in the way
 */
export async function captureWhole(tabId, subject, onProgress) {
  const { frameId, key, duration_s } = subject;
  const { within_ms, fewest } = (duration_s ?? 0) <= CAPTURE_S ? SHORT : LONG;
  /** @type {Captured[]} */
  const taken = [];
  const start = Date.now();
  let rounds = 0;
  try {
    for (let at_s = 0; at_s < (duration_s ?? 0);) {
      const since = Date.now();
      const shot = /** @type {Copied|null} */ (await tell(tabId, frameId, { type: "copied", key, time_s: at_s }));
      if (!shot) throw fail("local-no-copy", "retry");
      const isNew = told(shot.time_s) > (taken.at(-1)?.time_s ?? -1);
      if (isNew) taken.push({ time_s: told(shot.time_s), picture: blobOf(shot.picture), direct: true });
      await onProgress(at_s / (duration_s ?? 1), isNew ? taken[taken.length - 1] : null);
      await rest(since);
      rounds += 1;
      const affordable = within_ms * rounds / (Date.now() - start); // as fast as until now
      const left = Math.min(Math.max(affordable, fewest), MOST_PICTURES) - rounds;
      at_s += Math.max(1 / rules.options.samples_per_s, ((duration_s ?? 0) - at_s) / Math.max(1, left));
    }
  } finally {
    await tell(tabId, frameId, { type: "free", key });
  }
  await assertSeen(taken);
  return taken;
}

/** @param {number} tabId @param {Subject} subject a still picture @returns {Promise<Blob>} */
export async function captureImage(tabId, subject) {
  return pictureOf(tabId, await shoot(tabId, subject));
}

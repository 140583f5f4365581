// A check that this browser carries out itself: what is shown goes to the worker and nowhere else.

import { captureImage, captureVideo, captureWhole, isMissed } from "./capture.js";
import { originIn } from "../origin/read.js";
import { LocalFault } from "../local/host.js";
import { fileOf } from "./file.js";
import { createLocal, problemOf } from "./local.js";
import { documented } from "./looked-at.js";
import { draw } from "./page.js";
import { fail } from "./problem.js";
import { find, isOpen } from "./store.js";

/**
 * @import { About } from "../local/desk.js"
 * @import { Provenance, Verdict } from "../verdict/types.js"
 * @import { Captured } from "./capture.js"
 * @import { Check } from "./store.js"
 *
 * @typedef {{picture: Blob, time_s: number}} Looked at
 * @typedef {(picture: Blob, time_s: number) => Promise<Verdict>} Look at one more picture; the verdict so far
 */

/** @param {Check} check @param {Look} look @returns {Promise<Looked[]>} */
async function lookAtImage(check, look) {
  const picture = await captureImage(check.tabId, check.subject);
  await look(picture, 0);
  return [{ picture, time_s: 0 }];
}

/** @param {Check} check @returns {Promise<{provenance?: Provenance}>} what its file declares of its origin, where that can be had */
async function declared({ tabId, subject }) {
  const provenance = await originIn(fileOf(tabId, subject));
  return provenance ? { provenance } : {};
}

/**
 * Looks at one picture after another, while the video plays or of its whole; the next is taken when the last was looked
 * at, so that a slow machine takes fewer.
 * @param {Check} check @param {Look} look @param {(check: Check) => Promise<void>} publish
 * @returns {Promise<Looked[]>}
 */
async function lookAtVideo(check, look, publish) {
  const [stage, capture] = check.whole ? ["whole", captureWhole] : ["capture", captureVideo];
  return capture(check.tabId, check.subject, async (progress, /** @type {Captured|null} */ taken) => {
    const partial = taken ? await look(taken.picture, taken.time_s) : null;
    const now = await find(check.id);
    if (!now || !isOpen(now)) throw fail("cancelled", null);
    const after = { ...now, whole: check.whole, stage, progress, partial: partial ?? now.partial };
    await publish(after);
    if (taken?.direct) await draw(after); // what is drawn over a video would be on a picture of the screen
  });
}

/** @param {(check: Check) => Promise<void>} publish tells everyone how far a check is */
export function createLookHere(publish) {
  const local = createLocal();
  return {
    /** Have the networks ready by the time that there is a picture. */
    prepare() { local.prepare().catch(() => {}); }, // the check fails by it later
    /** @param {Check} check @returns {Promise<Verdict>} raises CheckFailed */
    async check(check) {
      const { kind, duration_s } = check.subject;
      /** @type {About} */
      const about = kind === "image" ? { kind, duration_s: 0 }
        : { kind: "video", duration_s: duration_s && Math.round(duration_s * 1000) / 1000 };
      /** @type {Look} */
      const look = (picture, time_s) => local.look(check.id, picture, time_s);
      const lookAt = async (/** @type {Check} */ each) => {
        await local.begin(each.id, about); // the networks are ready before anything plays
        return kind === "image" ? lookAtImage(each, look) : lookAtVideo(each, look, publish);
      };
      try {
        let pictures = await lookAt(check);
        if (await isMissed(check.tabId, check.subject, pictures.length)) pictures = await lookAt({ ...check, whole: true });
        const verdict = await documented(check.id, await local.finish(check.id), pictures);
        return { ...verdict, ...await declared(check) };
      } catch (error) {
        await local.drop(check.id).catch(() => {}); // the fault itself is thrown below
        throw error instanceof LocalFault ? problemOf(error) : error;
      }
    },
  };
}

// What a check in the browser looked at, as one file with which the service can make the check again.
// Kept on this machine until the check is forgotten.

import { sha256Of } from "../local/files.js";
import rules from "../local/rules.js";
import { matroska } from "./matroska.js";

/** @import { Verdict } from "../verdict/types.js" */

const CACHE = "looked-at";
/** The cache takes addresses of the web only; no request ever goes there. */
const ADDRESS = "https://mesoscope.invalid/";
/** More pictures than any capture takes: all that the file holds are looked at. */
const ALL_PER_S = 1000;

/** @param {Verdict} verdict the options that make the service look at the very same pictures */
function options({ model, media: { kind, analyzed_s: [start_s, end_s] } }) {
  const span = kind === "image" ? {} : { start_s, end_s };
  const most = Math.ceil((end_s - start_s) * ALL_PER_S) + 1;
  return {
    ...rules.options, ...span, model: model.name, explain: false, stop_early: false,
    samples_per_s: ALL_PER_S, max_samples: Math.max(rules.options.max_samples, most),
  };
}

/**
 * The verdict with all that it takes to make it again; keeps the file for that.
 * @param {string} id of the check @param {Verdict} verdict
 * @param {{picture: Blob, time_s: number}[]} pictures that it is about, at least one
 * @returns {Promise<Verdict>}
 */
export async function documented(id, verdict, pictures) {
  const { media } = verdict;
  const file = media.kind === "image" ? pictures[0].picture : matroska(pictures, media);
  const cache = await caches.open(CACHE).catch(() => null); // forbidden in some private windows
  await cache?.put(ADDRESS + id, new Response(file));
  const { version } = chrome.runtime.getManifest();
  return {
    ...verdict,
    media: { ...media, sha256: await sha256Of(new Uint8Array(await file.arrayBuffer())) },
    options: options(verdict),
    versions: { mesoscope: version, ...verdict.versions },
    timing_s: {},
  };
}

/** @param {string} id of a check @returns {Promise<Blob|null>} null where nothing is kept of it */
export async function lookedAt(id) {
  const found = await caches.match(ADDRESS + id).catch(() => undefined);
  return found ? found.blob() : null;
}

/** @param {string[]} ids of the checks that are still known; of others everything goes */
export async function keepOnly(ids) {
  const cache = await caches.open(CACHE).catch(() => null);
  const kept = new Set(ids.map((id) => ADDRESS + id));
  const gone = (await cache?.keys())?.filter(({ url }) => !kept.has(url)) ?? [];
  await Promise.all(gone.map((request) => cache?.delete(request)));
}

// The sites where every video is checked as it plays: chosen one by one, each with its permission.
// Kept in storage.local; the content script that the browser runs there follows from that list.

import { permissionFor, serverAddress } from "./settings.js";

const KEY = "sites";
const SCRIPT = "watch ";

/** @param {string} text @returns {string|null} a site's origin; null where it is no address */
export function siteOrigin(text) {
  const typed = text.trim();
  const address = serverAddress(/^[a-z]+:\/\//i.test(typed) ? typed : `https://${typed}`);
  return address && new URL(address).origin;
}

/** @returns {Promise<string[]>} origins */
export async function listSites() {
  const { [KEY]: kept } = await chrome.storage.local.get(KEY);
  return Array.isArray(kept) ? kept.filter((site) => typeof site === "string") : [];
}

/** Let the content script run on the chosen sites, and nowhere else. */
export async function applySites() {
  const sites = await listSites();
  const ids = sites.map((site) => SCRIPT + site);
  const before = (await chrome.scripting.getRegisteredContentScripts()).map(({ id }) => id);
  const gone = before.filter((id) => !ids.includes(id));
  if (gone.length) await chrome.scripting.unregisterContentScripts({ ids: gone });
  const added = sites.filter((site) => !before.includes(SCRIPT + site));
  await chrome.scripting.registerContentScripts(added.map((site) => ({
    id: SCRIPT + site, matches: permissionFor(site).origins, js: ["content/auto.js"], allFrames: true,
  })));
}

/**
 * Called from a click: a browser asks for a permission only then.
 * @param {string} site an origin @returns {Promise<boolean>} whether the person allowed it
 */
export async function addSite(site) {
  if (!(await chrome.permissions.request(permissionFor(site)))) return false;
  const others = (await listSites()).filter((other) => other !== site);
  await chrome.storage.local.set({ [KEY]: [...others, site].sort() });
  await applySites();
  return true;
}

/** @param {string} site an origin @param {string} server whose permission is still needed */
export async function removeSite(site, server) {
  await chrome.storage.local.set({ [KEY]: (await listSites()).filter((other) => other !== site) });
  await applySites();
  const [needed] = permissionFor(server).origins;
  const { origins } = permissionFor(site);
  if (origins[0] !== needed) await chrome.permissions.remove({ origins }).catch(() => false);
}

/** A site whose permission the person took back in the browser is no longer chosen. */
export async function dropForbidden() {
  const sites = await listSites();
  const allowed = await Promise.all(sites.map((site) => chrome.permissions.contains(permissionFor(site))));
  await chrome.storage.local.set({ [KEY]: sites.filter((_, i) => allowed[i]) });
  await applySites();
}

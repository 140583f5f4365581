// What the person chose, kept in storage.local. Never synchronised: the token stays on this machine.

/**
 * @typedef {object} Settings
 * @property {string} server address of the service, without a slash at its end
 * @property {string} token sent as a bearer token; empty: none
 * @property {"browser"|"service"} way where what is shown is checked, if the package holds the networks
 * @property {boolean} startAtClick check at once where there is only one video
 * @property {boolean} boxes draw boxes on the faces
 * @property {boolean} lanes draw a lane per person over the player's bar
 * @property {boolean} dim begin dimmed
 * @property {string} language "auto" or one of LANGUAGES
 */

/** @type {Readonly<Settings>} */
export const DEFAULTS = Object.freeze({
  server: "http://127.0.0.1:8000",
  token: "",
  way: "browser",
  startAtClick: true,
  boxes: true,
  lanes: true,
  dim: false,
  language: "auto",
});

/** @param {Record<string, unknown>} found @returns {Settings} what is missing or of the wrong kind is the default */
export function complete(found) {
  /** @type {Record<string, unknown>} */
  const settings = { ...DEFAULTS };
  for (const [key, standard] of Object.entries(DEFAULTS)) {
    const value = found[key];
    if (typeof value === typeof standard) settings[key] = value;
  }
  return /** @type {Settings} */ (settings);
}

/** @returns {Promise<Settings>} */
export async function readSettings() {
  return complete(await chrome.storage.local.get(Object.keys(DEFAULTS)));
}

/**
 * A token belongs to the service that gave it: with another one's address it is forgotten, unless
 * its own comes along.
 * @param {Partial<Settings>} changes
 */
export async function writeSettings(changes) {
  const { server } = await readSettings();
  const moved = changes.server !== undefined && originOf(changes.server) !== originOf(server);
  return chrome.storage.local.set(moved ? { token: "", ...changes } : changes);
}

/** @param {string} address */
function originOf(address) {
  return URL.parse(address)?.origin ?? "";
}

/**
 * The address of a service as it is kept: http or https, no path's slash, no query.
 * @param {string} text @returns {string|null} null where it is no such address
 */
export function serverAddress(text) {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text.trim()) ? text.trim() : `http://${text.trim()}`);
  const named = /^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(url?.hostname ?? "");
  if (!url || !named || !["http:", "https:"].includes(url.protocol) || url.username) return null;
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/**
 * The host permission that one address needs, and no more. Firefox takes no ports in patterns.
 * @param {string} address
 */
export function permissionFor(address) {
  const url = new URL(address);
  const ports = chrome.runtime.getURL("").startsWith("chrome-extension:");
  return { origins: [`${url.protocol}//${ports ? url.host : url.hostname}/*`] };
}

/**
 * What it takes to send anything to a service: Firefox also asks for what is sent, where the package
 * can check without (extension/pack.py).
 * @param {string} address of the service @returns {{origins: string[], data_collection?: string[]}}
 */
export function permissionToSend(address) {
  /** @type {{gecko?: {data_collection_permissions?: {optional?: string[]}}}|undefined} */
  const firefox = /** @type {any} */ (chrome.runtime.getManifest()).browser_specific_settings;
  const sent = firefox?.gecko?.data_collection_permissions?.optional;
  return { ...permissionFor(address), ...(sent ? { data_collection: sent } : {}) };
}

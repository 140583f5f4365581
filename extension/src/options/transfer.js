// Settings to a file and back. The token is a secret and stays.

import { complete, readSettings, serverAddress, writeSettings } from "../settings.js";
import { element } from "../view/element.js";

const NAME = "mesoscope-settings.json";

export async function exportSettings() {
  const { token: _, ...settings } = await readSettings();
  const href = URL.createObjectURL(new Blob([JSON.stringify(settings, null, 2)], { type: "application/json" }));
  element("a", { attributes: { href, download: NAME } }).click();
  URL.revokeObjectURL(href);
}

/** @param {Blob|undefined} file @returns {Promise<boolean>} whether it held settings */
export async function importSettings(file) {
  try {
    const found = JSON.parse(await /** @type {Blob} */ (file).text());
    if (typeof found !== "object" || found === null || !("server" in found)) return false;
    const { token: _, ...settings } = complete(found);
    const server = serverAddress(settings.server);
    if (!server) return false;
    await writeSettings({ ...settings, server });
    return true;
  } catch {
    return false;
  }
}

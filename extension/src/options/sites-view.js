// The list of the sites with the automatic check: add one, with the browser's question; remove one.

import { addSite, listSites, removeSite, siteOrigin } from "../sites.js";
import { readSettings } from "../settings.js";
import { element } from "../view/element.js";
import { byId } from "../view/translate.js";

/** @import { Words } from "../words.js" */

/** @param {boolean} good @param {string} text */
function report(good, text) {
  byId("auto-result").className = good ? "good" : "bad";
  byId("auto-result").textContent = text;
}

/** @param {Words} words */
export async function showSites(words) {
  const sites = await listSites();
  const items = sites.map((site) => {
    const name = words.say("auto_remove", site);
    const remove = async () => {
      await removeSite(site, (await readSettings()).server);
      await showSites(words);
      report(true, words.say("auto_removed", site));
      byId("site").focus();
    };
    return element("li", {}, element("bdi", { text: site }), " ",
      element("button", { class: "quiet", text: "✕", click: remove, attributes: { type: "button", "aria-label": name, title: name } }));
  });
  byId("sites").replaceChildren(...items);
  byId("sites").hidden = !sites.length;
  byId("no-sites").hidden = sites.length > 0;
}

/** @param {() => Words} words as they are now */
export function listenForSites(words) {
  byId("auto").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const site = siteOrigin(byId("site").value);
    if (!site) return report(false, words().say("not_a_site"));
    if (!(await addSite(site))) return report(false, words().say("auto_not_granted"));
    byId("site").value = "";
    await showSites(words());
    return report(true, words().say("auto_added", site));
  });
}

// The context menu: a video, a picture, a link, the page.

import { loadWords } from "../words.js";
import { readSettings } from "../settings.js";
import { enter, look, tell } from "./page.js";

/** @import { Subject } from "../content/subjects.js" */

/** Menu entry -> where it is offered; each is named `menu_<id>` in the catalogues. */
const ENTRIES = /** @type {const} */ ({
  video: ["video"],
  image: ["image"],
  link: ["link"],
  page: ["page", "frame"],
});

/** Put the entries there, in the language that is set now. */
export async function createMenus() {
  const words = await loadWords((await readSettings()).language);
  await chrome.contextMenus.removeAll();
  for (const [id, contexts] of Object.entries(ENTRIES)) {
    chrome.contextMenus.create({ id, contexts: [...contexts], title: words.say(`menu_${id}`) });
  }
}

/** @param {string} url @param {chrome.tabs.Tab} tab @returns {Subject} */
function linkSubject(url, tab) {
  return {
    key: `link:${url}`, kind: "link", url, page: tab.url ?? "", frameId: 0, title: "",
    width: 0, height: 0, duration_s: null, playing: false,
  };
}

/**
 * What was clicked; null where that cannot be told.
 * @param {chrome.contextMenus.OnClickData} info @param {chrome.tabs.Tab} tab
 * @returns {Promise<Subject|null>}
 */
export async function clickedSubject(info, tab) {
  const tabId = tab.id ?? -1;
  if (info.menuItemId === "link" && info.linkUrl) return linkSubject(info.linkUrl, tab);
  if (info.srcUrl) {
    const frameId = info.frameId ?? 0;
    await enter(tabId);
    const subject = await tell(tabId, frameId, { type: "bySource", source: info.srcUrl });
    return subject ? { ...subject, frameId } : linkSubject(info.srcUrl, tab);
  }
  return (await look(tabId)).find(({ kind }) => kind === "page") ?? null;
}

// The first verdict: the page's own clip, checked as a video on any page is, with the popup's views.

import "../content/main.js"; // into other pages the worker brings it
import { ofTab } from "../background/store.js";
import { createPictures } from "../popup/pictures.js";
import { outcome } from "../popup/outcome.js";
import { ask } from "../view/ask.js";
import { byId } from "../view/translate.js";

/**
 * @import { Subject } from "../content/subjects.js"
 * @import { Settings } from "../settings.js"
 * @import { Words } from "../words.js"
 */

/** @param {Words} words @param {Settings} settings */
export async function offerSample(words, settings) {
  const tab = await chrome.tabs.getCurrent();
  const tabId = tab?.id ?? -1;
  const picture = createPictures();
  let shown = new AbortController();

  /** @param {Subject} subject @param {"start"|"ask"} [type] */
  const start = (subject, type = "start") => ask({ type, tabId, subject });
  const render = async () => {
    const [check = null] = await ofTab(tabId);
    shown.abort();
    shown = new AbortController();
    outcome({ check, words, settings, signal: shown.signal, start, picture });
  };
  byId("check-sample").addEventListener("click", async () => {
    /** @type {Subject[]} */
    const [clip] = (await ask({ type: "look", tabId })) ?? [];
    if (clip) await start(clip);
  });
  chrome.storage.session.onChanged.addListener(render);
  await render();
}

// The two samples. Where the package holds the networks, the page's own clips are checked as a video on
// any page is, with the popup's views; else the service has them.

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

const NAMES = ["genuine", "manipulated"];

/** @param {string} server the address of the service that samples come from */
export function linkSamples(server) {
  for (const name of NAMES) byId(`sample-${name}`).href = `${server}/static/sample-${name}.mp4`;
}

/** @param {Words} words @param {Settings} settings */
export async function offerSamples(words, settings) {
  const tab = await chrome.tabs.getCurrent();
  const tabId = tab?.id ?? -1;
  const picture = createPictures();
  let shown = new AbortController();

  /** @param {Subject} subject @param {"start"|"ask"|"whole"} [type] */
  const start = (subject, type = "start") => ask({ type, tabId, subject });
  const render = async () => {
    const [check = null] = await ofTab(tabId);
    shown.abort();
    shown = new AbortController();
    outcome({ check, words, settings, signal: shown.signal, start, picture });
  };
  for (const name of NAMES) {
    const title = words.say(`sample_${name}`);
    document.querySelector(`[aria-labelledby="${name}"]`)?.setAttribute("title", title);
    byId(`check-${name}`).addEventListener("click", async () => {
      /** @type {Subject[]} */
      const subjects = (await ask({ type: "look", tabId })) ?? [];
      const clip = subjects.find((subject) => subject.title === title);
      if (clip) await start(clip);
    });
  }
  chrome.storage.session.onChanged.addListener(render);
  await render();
}

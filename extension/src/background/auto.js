// The automatic check: a page of a chosen site reports that something plays, and what that is is looked
// up here. Only addresses are checked this way; pictures are taken after a yes in the popup alone.

import { listSites } from "../sites.js";
import { look } from "./page.js";
import { ofTab } from "./store.js";

/** @import { createChecks } from "./checks.js" */

/** @param {ReturnType<typeof createChecks>} checks @param {chrome.runtime.MessageSender} sender */
async function checkPlaying(checks, { tab, url }) {
  const site = URL.parse(url ?? "")?.origin ?? "";
  if (tab?.id === undefined || !(await listSites()).includes(site)) return;
  const playing = (await look(tab.id)).filter(({ kind, playing }) => kind === "video" && playing);
  const known = new Set((await ofTab(tab.id)).map(({ subject }) => subject.key));
  for (const subject of playing.filter(({ key }) => !known.has(key))) {
    await checks.start(tab.id, subject);
  }
}

/** @param {ReturnType<typeof createChecks>} checks */
export function watchPages(checks) {
  chrome.runtime.onMessage.addListener((message, sender) => {
    if (message?.type === "plays") checkPlaying(checks, sender);
  });
}

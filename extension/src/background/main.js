// The service worker. It registers its listeners and holds nothing: it may die at any moment.

import { watchPages } from "./auto.js";
import { ALARM, createChecks } from "./checks.js";
import { clickedSubject, createMenus } from "./menus.js";
import { listen } from "./messages.js";
import { look } from "./page.js";
import { applySites, dropForbidden } from "../sites.js";

// The token lies there; scripts on pages get what they need by message. (Firefox has no such level.)
chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });

const checks = createChecks();

listen(checks);
watchPages(checks);

chrome.runtime.onInstalled.addListener(({ reason }) => {
  createMenus();
  applySites(); // an update forgets them
  if (reason === "install") chrome.tabs.create({ url: chrome.runtime.getURL("welcome/welcome.html") });
});

chrome.storage.local.onChanged.addListener((changes) => {
  if (changes.language) createMenus();
});

chrome.contextMenus.onClicked.addListener(async (info, tab) => {
  const subject = tab?.id === undefined ? null : await clickedSubject(info, tab);
  if (tab?.id !== undefined && subject) await checks.start(tab.id, subject);
});

chrome.commands.onCommand.addListener(async (command, tab) => {
  if (command !== "check-now" || tab?.id === undefined) return;
  const [best] = await look(tab.id);
  if (best?.url || best?.kind === "video") await checks.start(tab.id, best);
});

chrome.permissions.onRemoved.addListener(() => dropForbidden());

chrome.alarms.onAlarm.addListener(({ name }) => {
  if (name === ALARM) checks.resume();
});

chrome.tabs.onRemoved.addListener((tabId) => checks.leave(tabId));

checks.resume();

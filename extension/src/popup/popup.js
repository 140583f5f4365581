// The popup: what can be checked here, how the check goes, what it found.

import { ask } from "../view/ask.js";
import { byId, translate } from "../view/translate.js";
import { loadWords } from "../words.js";
import { readSettings } from "../settings.js";
import { isPacked } from "../background/packed.js";
import { ofTab } from "../background/store.js";
import { isShown } from "../content/subjects.js";
import { outcome } from "./outcome.js";
import { createPictures } from "./pictures.js";
import { subjectList } from "./subject-list.js";

/** @import { Subject } from "../content/subjects.js" */

/** A player may come later than the click: until there is one, the page is looked at again. */
const AGAIN_MS = 1_000;

/** @param {number} ms @returns {Promise<void>} */
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** @returns {Promise<number>} the tab that it was opened for; `?tab=` names another */
async function whichTab() {
  const named = Number(new URLSearchParams(location.search).get("tab"));
  if (named) return named;
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  return tab?.id ?? -1;
}

/** @param {Subject} subject */
const isPlayer = ({ kind }) => kind === "video" || kind === "frame";

/** @param {Subject[]} subjects @returns {Subject|null} the one that needs no choice */
function onlyOne(subjects) {
  const players = subjects.filter(isPlayer);
  return players.length === 1 && players[0].kind === "video" ? players[0] : null;
}

async function open() {
  const [tabId, settings] = await Promise.all([whichTab(), readSettings()]);
  const looking = ask({ type: "look", tabId }); // while the words come
  ask({ type: "resume" });
  const words = await loadWords(settings.language);
  translate(words, document);
  document.title = words.say("app_name");

  const picture = createPictures();
  /** @type {Subject[]} */
  let subjects = [];
  let shown = new AbortController();
  const list = subjectList(byId("subjects"), words, {
    preview: (subject) => ask({ type: "preview", tabId, subject }),
    point: (subject) => { ask({ type: "point", tabId, subject }); },
  });
  const here = isPacked() && settings.way === "browser";

  /** @param {Subject} subject @param {"start"|"ask"|"whole"} type "ask" the service, whatever the usual way is; "whole" in this browser */
  const start = (subject, type = "start") => ask({ type, tabId, subject });

  const render = async () => {
    const checks = await ofTab(tabId);
    const known = checks.filter(({ subject }) => subjects.some(({ key }) => key === subject.key) || subject.kind === "link");
    const chosen = list.chosen();
    const check = known.find(({ subject }) => subject.key === chosen?.key)
      ?? (list.touched() ? undefined : known[0]);
    if (check && !list.touched()) list.choose(check.subject.key);
    shown.abort();
    shown = new AbortController();
    byId("with-service").hidden = !here || !chosen || !isShown(chosen) || check !== undefined; // below a check it is there
    outcome({ check: check ?? null, words, settings, signal: shown.signal, start, picture });
    return check;
  };

  /** @param {Promise<Subject[]|null>} asked */
  const look = async (asked) => {
    const found = (await asked) ?? [];
    if (subjects.length && found.every(({ key }, i) => subjects[i]?.key === key)) return;
    subjects = found;
    list.show(subjects);
    const known = await render();
    const alone = onlyOne(subjects);
    if (!known && alone && settings.startAtClick) await start(alone);
  };

  byId("choice").addEventListener("change", render);
  byId("choice").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const subject = list.chosen();
    if (subject) start(subject);
  });
  byId("with-service").addEventListener("click", () => {
    const subject = list.chosen();
    if (subject) start(subject, "ask");
  });
  chrome.storage.session.onChanged.addListener(render);

  await look(looking);
  document.body.dataset.ready = "true";
  while (!subjects.some(isPlayer) && !list.touched()) {
    await pause(AGAIN_MS);
    await look(ask({ type: "look", tabId }));
  }
}

open();

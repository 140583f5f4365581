// The first-run page: from nothing to a first verdict, in this browser, or in three steps on a service.

import rules from "../local/rules.js";
import { connect } from "../view/connect.js";
import { measuredText, scopeText } from "../view/phrases.js";
import { byId, translate } from "../view/translate.js";
import { loadWords } from "../words.js";
import { isPacked } from "../background/packed.js";
import { readSettings } from "../settings.js";
import { linkSamples, offerSamples } from "./samples.js";

/** @import { Words } from "../words.js" */

/** @param {Words} words */
function listenForCopies(words) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(byId(button.getAttribute("data-copy") ?? "").textContent);
      button.textContent = words.say("copied");
    });
  }
}

/** @param {Words} words */
async function showKeys(words) {
  const commands = await chrome.commands.getAll();
  for (const [name, place, key] of [
    ["_execute_action", "shortcut", "welcome_shortcut"], ["check-now", "at-once", "welcome_keys"],
  ]) {
    const { shortcut } = commands.find((command) => command.name === name) ?? {};
    if (shortcut) byId(place).textContent = words.say(key, shortcut);
  }
}

/** @param {Words} words */
function showScope(words) {
  const { covers, blind_to, rates } = rules.measured;
  byId("looks-for").textContent = scopeText(words, { covers, blind_to });
  byId("measured").textContent = measuredText(words, rates);
}

async function open() {
  const settings = await readSettings();
  const words = await loadWords(settings.language);
  translate(words, document);
  document.title = words.say("welcome_title");
  const here = isPacked() && settings.way === "browser";
  const other = here ? "service" : "browser";
  for (const part of document.querySelectorAll(`[data-way="${other}"]`)) part.remove();
  if (here) byId("first").after(byId("check")); // the service comes last where it is not needed
  byId("toolbar").alt = words.say("welcome_icon_picture");
  byId("server").value = settings.server;
  const question = location.protocol === "moz-extension:" ? "welcome_question_firefox" : "welcome_question";
  byId("question").textContent = words.say(question, new URL(settings.server).hostname);
  listenForCopies(words);
  showScope(words);
  if (here) await offerSamples(words, settings);
  else linkSamples(settings.server);
  byId("connection").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { good, text } = await connect(byId("server").value, settings.token, words);
    byId("connection-result").className = good ? "good" : "bad";
    byId("connection-result").textContent = text;
    if (good && !here) linkSamples((await readSettings()).server);
  });
  await showKeys(words);
}

open();

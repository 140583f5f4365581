// The first-run page: from nothing to a first verdict in three steps.

import rules from "../local/rules.js";
import { connect } from "../view/connect.js";
import { byId, translate } from "../view/translate.js";
import { loadWords } from "../words.js";
import { readSettings } from "../settings.js";

/** @import { Words } from "../words.js" */

/** @param {string} server the address of the service that samples come from */
function offerSamples(server) {
  for (const name of ["sample-genuine", "sample-manipulated"]) byId(name).href = `${server}/static/${name}.mp4`;
}

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

/** @param {Words} words how often the shipped model is right */
function showMeasured(words) {
  const { rates } = rules;
  byId("measured").hidden = !rates;
  if (!rates) return;
  const shares = [rates.flags_fake, rates.flags_real].map(words.percent);
  byId("measured").textContent = words.say("scope_measured", rates.part, ...shares);
}

async function open() {
  const settings = await readSettings();
  const words = await loadWords(settings.language);
  translate(words, document);
  document.title = words.say("welcome_title");
  byId("toolbar").alt = words.say("welcome_icon_picture");
  byId("server").value = settings.server;
  byId("question").textContent = words.say("welcome_question", new URL(settings.server).hostname);
  offerSamples(settings.server);
  listenForCopies(words);
  showMeasured(words);
  byId("connection").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { good, text } = await connect(byId("server").value, settings.token, words);
    byId("connection-result").className = good ? "good" : "bad";
    byId("connection-result").textContent = text;
    if (good) offerSamples((await readSettings()).server);
  });
  await showKeys(words);
}

open();

// The first-run page: from nothing to a first verdict, in this browser, or in three steps on a service.

import { connect } from "../view/connect.js";
import { byId, translate } from "../view/translate.js";
import { loadWords } from "../words.js";
import { isPacked } from "../background/packed.js";
import { readSettings } from "../settings.js";
import { offerSample } from "./sample.js";

async function open() {
  const settings = await readSettings();
  const words = await loadWords(settings.language);
  translate(words, document);
  document.title = words.say("welcome_title");
  const here = isPacked() && settings.way === "browser";
  const other = here ? "service" : "browser";
  for (const part of document.querySelectorAll(`[data-way="${other}"]`)) part.remove();
  if (here) await offerSample(words, settings);
  byId("server").value = settings.server;
  byId("connection").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { good, text } = await connect(byId("server").value, settings.token, words);
    byId("connection-result").className = good ? "good" : "bad";
    byId("connection-result").textContent = text;
  });
  const commands = await chrome.commands.getAll();
  const { shortcut } = commands.find(({ name }) => name === "_execute_action") ?? {};
  if (shortcut) byId("shortcut").textContent = words.say("welcome_shortcut", shortcut);
}

open();

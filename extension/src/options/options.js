// The options page: what is changed is kept at once, except the server, which is tested first.

import { byId, translate } from "../view/translate.js";
import LANGUAGES from "../view/languages.js";
import { loadWords } from "../words.js";
import { readSettings, writeSettings } from "../settings.js";
import { connect } from "../view/connect.js";
import { isPacked } from "../background/packed.js";
import { listenForSites, showSites } from "./sites-view.js";
import { exportSettings, importSettings } from "./transfer.js";

/** @import { Settings } from "../settings.js" */

const SWITCHES = /** @type {const} */ (["startAtClick", "boxes", "lanes", "dim"]);

/** @param {Settings} settings */
function fill(settings) {
  byId("server").value = settings.server;
  byId("token").value = settings.token;
  for (const id of SWITCHES) byId(id).checked = settings[id];
  byId("language").value = settings.language;
  byId("way").value = settings.way;
  byId("ways").hidden = !isPacked();
}

/** @param {import("../words.js").Words} words */
function fillLanguages(words) {
  const options = ["auto", ...LANGUAGES].map((language) => {
    const name = language === "auto" ? words.say("language_auto")
      : new Intl.DisplayNames(language, { type: "language" }).of(language) ?? language;
    return new Option(name, language);
  });
  byId("language").replaceChildren(...options);
}

/** @param {HTMLElement} place @param {boolean} good @param {string} text */
function report(place, good, text) {
  place.className = good ? "good" : "bad";
  place.textContent = text;
}

async function speak() {
  const settings = await readSettings();
  const words = await loadWords(settings.language);
  translate(words, document);
  document.title = words.say("options_title");
  fillLanguages(words);
  fill(settings);
  await showSites(words);
  return words;
}

async function open() {
  let words = await speak();

  for (const id of SWITCHES) {
    byId(id).addEventListener("change", () => writeSettings({ [id]: byId(id).checked }));
  }
  byId("way").addEventListener("change", () => writeSettings({ way: byId("way").value }));
  byId("language").addEventListener("change", async () => {
    await writeSettings({ language: byId("language").value });
    words = await speak();
  });
  byId("connection").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { good, text } = await connect(byId("server").value, byId("token").value.trim(), words);
    report(byId("connection-result"), good, text);
  });
  listenForSites(() => words);
  byId("export").addEventListener("click", () => exportSettings());
  byId("import").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async () => {
    const good = await importSettings(byId("file").files[0]);
    byId("file").value = ""; // so that the same file can be chosen again
    words = await speak();
    report(byId("move-result"), good, words.say(good ? "imported" : "not_settings"));
  });
}

open();

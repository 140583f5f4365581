// What is said to people: the catalogues in _locales, in the language of the browser or the chosen one.

import LANGUAGES from "./view/languages.js";

/**
 * What a page needs in order to speak; plain data, so that it can be sent to a content script.
 * @typedef {{language: string, messages: Record<string, string>}} Catalogue
 *
 * @typedef {object} Words
 * @property {string} language
 * @property {"ltr"|"rtl"} dir
 * @property {(key: string, ...values: string[]) => string} say the message, `$1`, `$2` filled in
 * @property {(key: string) => boolean} knows
 * @property {(p: number) => string} percent a probability, never shown as more certain than it is
 * @property {(share: number) => string} inHundred how many of 100, never shown as none or all
 * @property {(parts: string[]) => string} list
 * @property {(seconds: number) => string} clock
 */

/** @param {string} chosen a language, or "auto" for the browser's */
function resolve(chosen) {
  const wanted = chosen === "auto" ? chrome.i18n.getUILanguage() : chosen;
  const short = wanted.split("-")[0];
  return LANGUAGES.includes(short) ? short : "en";
}

/** @param {string} chosen a language, or "auto" @returns {Promise<Catalogue>} */
export async function loadCatalogue(chosen) {
  const language = resolve(chosen);
  const answer = await fetch(chrome.runtime.getURL(`_locales/${language}/messages.json`));
  /** @type {Record<string, {message: string}>} */
  const entries = await answer.json();
  const messages = Object.fromEntries(Object.entries(entries).map(([key, { message }]) => [key, message]));
  return { language, messages };
}

/** @param {Catalogue} catalogue @returns {Words} */
export function makeWords({ language, messages }) {
  /** @param {string} key @param {string[]} values */
  const say = (key, ...values) =>
    (messages[key] ?? key).replace(/\$(\d)/g, (_, place) => values[Number(place) - 1] ?? "");
  /** @param {number} hundredths */
  const whole = (hundredths) => say("percent", String(hundredths));
  return {
    language,
    dir: messages.direction === "rtl" ? "rtl" : "ltr",
    say,
    knows: (key) => key in messages,
    percent(p) {
      if (p > 0.99) return say("over", whole(99));
      if (p < 0.01) return say("under", whole(1));
      return whole(Math.floor(100 * p + 0.5));
    },
    inHundred(share) {
      if (share > 0.99) return say("over", "99");
      return share < 0.01 ? say("under", "1") : String(Math.floor(100 * share + 0.5));
    },
    list: (parts) => parts.join(messages.list_separator),
    clock(seconds) {
      const all = Math.floor(seconds);
      const parts = [Math.floor(all / 3600), Math.floor((all % 3600) / 60), all % 60];
      const shown = parts[0] ? parts : parts.slice(1);
      return shown.map((part, i) => String(part).padStart(i ? 2 : 1, "0")).join(":");
    },
  };
}

/** @param {string} chosen @returns {Promise<Words>} */
export async function loadWords(chosen) {
  return makeWords(await loadCatalogue(chosen));
}

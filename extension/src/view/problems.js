// A problem in the reader's language: what went wrong, and what helps.

/** @import { Words } from "../words.js" */

/** What helps, by the service's code. The service's own sentence is more precise, but English. */
const HELP = {
  "bad-url": "help_address",
  "unsupported-site": "help_address",
  "blocked-address": "help_private",
  "not-media": "help_file",
  "no-video": "help_file",
  "corrupt-media": "help_file",
  "empty-file": "help_file",
  unreadable: "help_file",
  "needs-login": "help_save",
  "bot-check": "help_save",
  "live-stream": "help_save",
  gone: "help_save",
  "download-timeout": "help_save",
  "download-failed": "help_save",
  "copy-protected": "help_save",
  "too-large": "help_smaller",
  "too-long": "help_smaller",
  "time-limit": "help_smaller",
  "memory-limit": "help_smaller",
  "queue-full": "help_wait",
  "too-many-requests": "help_wait",
  "store-away": "help_wait",
  "worker-lost": "help_wait",
};

/** With these the same question gets the same answer. */
const FINAL = new Set([
  "bad-url", "blocked-address", "bad-value", "empty-file", "unreadable", "not-media", "no-video",
  "corrupt-media", "copy-protected", "too-large", "too-long",
]);

/** @param {string} code @returns {boolean} whether the same question may get another answer */
export const mayChange = (code) => !FINAL.has(code);

/**
 * @param {Words} words
 * @param {{code: string, title: string, detail: string}} problem
 * @param {...string} values for a cure of our own
 * @returns {{title: string, detail: string}}
 */
export function problemText(words, { code, title, detail }, ...values) {
  const key = code.replaceAll("-", "_");
  const help = HELP[/** @type {keyof typeof HELP} */ (code)];
  const named = words.knows(`problem_${key}`) ? words.say(`problem_${key}`) : title;
  if (words.knows(`cure_${key}`)) return { title: named, detail: words.say(`cure_${key}`, ...values) };
  return { title: named || words.say("problem_internal"), detail: help && words.language !== "en" ? words.say(help) : detail };
}

// What is said to people. Labels, reasons and their like are the extension's own words, from one catalogue.
import { makeWords } from "./extension/words.js";

/** @import { Check } from "./checks.js" */

const answer = await fetch("/static/extension/_locales/en/messages.json");
/** @type {Record<string, {message: string}>} */
const entries = await answer.json();

export const words = makeWords({
  language: "en",
  messages: Object.fromEntries(Object.entries(entries).map(([key, { message }]) => [key, message])),
});

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const list = new Intl.ListFormat("en", { type: "conjunction" });

/** @param {number} at Unix milliseconds */
export const dateText = (at) => moment.format(at);

/** @param {string[]} parts */
export const listText = (parts) => list.format(parts);

/** @param {number} seconds with tenths, as a list of moments needs them */
export const fineClock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  return `${words.clock(Math.floor(tenths / 10))}.${tenths % 10}`;
};

/** How a check is going, in words. @param {Check} check */
export function stageText({ state, job, kind, sent, silent }) {
  if (silent) return words.say("silent");
  if (state === "sending") return kind === "file" && sent < 1 ? `Sending: ${words.percent(sent)}` : "Sending";
  if (!job) return "Asking the service";
  if (job.position) {
    return `${words.say("stage_queued")}: ${job.position} ${job.position === 1 ? "check" : "checks"} before it`;
  }
  const key = `stage_${job.stage}`;
  return words.knows(key) ? words.say(key) : job.stage;
}

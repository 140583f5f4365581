// The words of the page: the catalogue of the extension, in the language that the service chose for this browser.
import { makeWords } from "./extension/words.js";

/** @import { Check } from "./checks.js" */

const { lang } = document.documentElement;
const answer = await fetch(`/static/words/${lang}.json`);

export const words = makeWords({ language: lang, messages: await answer.json() });

const moment = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" });

/** @param {number} at Unix milliseconds */
export const dateText = (at) => moment.format(at);

/** @param {number} seconds with tenths, as a list of moments needs them */
export const fineClock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  return `${words.clock(Math.floor(tenths / 10))}.${tenths % 10}`;
};

/** How a check is going, in words. @param {Check} check */
export function stageText({ state, job, kind, sent, silent }) {
  if (silent) return words.say("silent");
  if (state === "sending") {
    return kind === "file" && sent < 1 ? words.say("sending_share", words.percent(sent)) : words.say("sending");
  }
  if (!job) return words.say("asking");
  if (job.position) return words.say("waiting_before", words.say("stage_queued"), String(job.position));
  const key = `stage_${job.stage}`;
  return words.knows(key) ? words.say(key) : job.stage;
}

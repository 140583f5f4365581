// What the extension's own pages may ask of the worker. Messages from content scripts are ignored:
// a page could forge them.

import { facePicture, health, tellRight } from "./api.js";
import { lookedAt } from "./looked-at.js";
import { draw, look, tell } from "./page.js";
import { dataUrlOf } from "./picture.js";
import { CheckFailed } from "./problem.js";
import { find, save } from "./store.js";

/**
 * @import { Subject } from "../content/subjects.js"
 * @import { Right } from "../view/wrong.js"
 * @import { createChecks } from "./checks.js"
 */

/**
 * @typedef {{type: "look", tabId: number}
 *   | {type: "start", tabId: number, subject: Subject}
 *   | {type: "ask", tabId: number, subject: Subject}
 *   | {type: "send", tabId: number, subject: Subject}
 *   | {type: "whole", tabId: number, subject: Subject}
 *   | {type: "copyable", id: string}
 *   | {type: "preview", tabId: number, subject: Subject}
 *   | {type: "point", tabId: number, subject: Subject}
 *   | {type: "cancel", id: string}
 *   | {type: "seek", id: string, time_s: number}
 *   | {type: "draw", id: string}
 *   | {type: "picture", id: string, face: number}
 *   | {type: "lookedAt", id: string}
 *   | {type: "wrong", id: string, right: Right|null}
 *   | {type: "resume"}
 *   | {type: "test"}} WorkerMessage
 */

/** @param {ReturnType<typeof createChecks>} checks */
export function answers(checks) {
  return {
    /** @param {{tabId: number}} message */
    look({ tabId }) {
      checks.prepare();
      return look(tabId);
    },
    /** @param {{tabId: number, subject: Subject}} message */
    start: ({ tabId, subject }) => checks.start(tabId, subject),
    /** @param {{tabId: number, subject: Subject}} message */
    ask: ({ tabId, subject }) => checks.ask(tabId, subject),
    /** @param {{tabId: number, subject: Subject}} message */
    send: ({ tabId, subject }) => checks.send(tabId, subject),
    /** @param {{tabId: number, subject: Subject}} message */
    whole: ({ tabId, subject }) => checks.whole(tabId, subject),
    /** @param {{id: string}} message @returns {Promise<boolean>} whether the whole of it can be looked at here */
    async copyable({ id }) {
      const check = await find(id);
      return Boolean(check && await tell(check.tabId, check.subject.frameId, { type: "copyable", key: check.subject.key }));
    },
    /** @param {{tabId: number, subject: Subject}} message @returns {Promise<string|null>} a small picture of it, as a data URL */
    preview: ({ tabId, subject: { frameId, key } }) => tell(tabId, frameId, { type: "preview", key }),
    /** @param {{tabId: number, subject: Subject}} message shows on the page which one is meant */
    point: ({ tabId, subject: { frameId, key } }) => tell(tabId, frameId, { type: "point", key }),
    /** @param {{id: string}} message */
    cancel: ({ id }) => checks.cancel(id),
    /** @param {{id: string, time_s: number}} message */
    async seek({ id, time_s }) {
      const check = await find(id);
      if (check) await tell(check.tabId, check.subject.frameId, { type: "seek", key: check.subject.key, time_s });
    },
    /** @param {{id: string}} message @returns {Promise<boolean|null>} whether the page shows what was judged */
    async draw({ id }) {
      const check = await find(id);
      return check ? draw(check) : null;
    },
    /** @param {{id: string, face: number}} message @returns {Promise<string|null>} null where there is none */
    async picture({ id, face }) {
      const check = await find(id);
      return check?.jobId ? dataUrlOf(await facePicture(check.jobId, face)) : null;
    },
    /** @param {{id: string}} message @returns {Promise<string|null>} the file as a data URL */
    async lookedAt({ id }) {
      const file = await lookedAt(id);
      return file && dataUrlOf(file);
    },
    /** @param {{id: string, right: Right|null}} message @returns {Promise<boolean>} whether the service took it */
    async wrong({ id, right }) {
      const check = await find(id);
      if (!check?.jobId) return false;
      try {
        await tellRight(check.jobId, right);
      } catch (error) {
        if (error instanceof CheckFailed) return false;
        throw error;
      }
      await save({ ...check, told: right });
      return true;
    },
    resume: () => checks.resume(),
    async test() {
      try {
        return { health: await health() };
      } catch (error) {
        if (error instanceof CheckFailed) return { problem: error.problem };
        throw error;
      }
    },
  };
}

/** @param {ReturnType<typeof createChecks>} checks */
export function listen(checks) {
  const handlers = answers(checks);
  const own = chrome.runtime.getURL("");
  chrome.runtime.onMessage.addListener((/** @type {WorkerMessage} */ message, sender, reply) => {
    const handler = sender.url?.startsWith(own) ? handlers[message.type] : undefined;
    if (!handler) return false;
    Promise.resolve(handler(/** @type {any} */ (message))).then((value) => reply(value ?? null), () => reply(null));
    return true;
  });
}

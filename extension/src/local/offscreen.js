// The document that owns the worker in Chrome: it passes calls of the service worker on, and closes
// itself when none has come for a while, also if the service worker has died.

import { blobOf } from "../background/picture.js";
import { LocalFault } from "./host.js";
import { createKept } from "./kept.js";

/**
 * @import { Verdict } from "../verdict/types.js"
 * @import { About } from "./desk.js"
 * @import { LocalCode } from "./host.js"
 *
 * @typedef {{type: "prepare"}
 *   | {type: "begin", id: string, about: About}
 *   | {type: "look", id: string, picture: string, time_s: number}
 *   | {type: "finish", id: string}
 *   | {type: "drop", id: string}} HostCall `picture` is a data URL, since messages carry no files
 * @typedef {{value: any} | {fault: LocalCode}} HostAnswer
 */

const host = createKept(() => close());
const own = chrome.runtime.getURL("");

/** @param {HostCall} call @returns {Promise<Verdict|void>} */
function passedOn(call) {
  if (call.type === "prepare") return host.prepare();
  if (call.type === "begin") return host.begin(call.id, call.about);
  if (call.type === "look") return host.look(call.id, blobOf(call.picture), call.time_s);
  return call.type === "finish" ? host.finish(call.id) : host.drop(call.id);
}

chrome.runtime.onMessage.addListener((/** @type {{to?: string, call: HostCall}} */ message, sender, reply) => {
  if (message.to !== "local" || !sender.url?.startsWith(own)) return false;
  passedOn(message.call).then(
    (value) => reply({ value: value ?? null }),
    (error) => reply({ fault: error instanceof LocalFault ? error.code : "internal" }),
  );
  return true;
});

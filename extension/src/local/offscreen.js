// The document that owns the worker in Chrome: it passes calls of the service worker on.

import { blobOf } from "../background/picture.js";
import { LocalFault, createHost } from "./host.js";

/**
 * @import { Verdict } from "../verdict/types.js"
 * @import { About, FaultCode } from "./desk.js"
 *
 * @typedef {{type: "look", id: string, picture: string, time_s: number, about: About}
 *   | {type: "finish", id: string, about: About}
 *   | {type: "drop", id: string}} HostCall `picture` is a data URL, since messages carry no files
 * @typedef {{value: any} | {fault: FaultCode|"worker-gone"}} HostAnswer
 */

const host = createHost();
const own = chrome.runtime.getURL("");

/** @param {HostCall} call @returns {Promise<Verdict|void>} */
function passedOn(call) {
  if (call.type === "look") return host.look(call.id, blobOf(call.picture), call.time_s, call.about);
  return call.type === "finish" ? host.finish(call.id, call.about) : host.drop(call.id);
}

chrome.runtime.onMessage.addListener((/** @type {{to?: string, call: HostCall}} */ message, sender, reply) => {
  if (message.to !== "local" || !sender.url?.startsWith(own)) return false;
  passedOn(message.call).then(
    (value) => reply({ value: value ?? null }),
    (error) => reply({ fault: error instanceof LocalFault ? error.code : "internal" }),
  );
  return true;
});

// The way to the worker with the networks: through an offscreen document where the background is a
// service worker (Chrome), which can start no worker; directly where it is a page (Firefox).

import { LocalFault } from "../local/host.js";
import { createKept } from "../local/kept.js";
import { dataUrlOf } from "./picture.js";
import { fail } from "./problem.js";

/**
 * @import { Host, LocalCode } from "../local/host.js"
 * @import { HostCall, HostAnswer } from "../local/offscreen.js"
 *
 * @typedef {Omit<Host, "close">} Local its promises are rejected with LocalFault
 */

const PAGE = "local/offscreen.html";
/** The problem of each fault; the catalogues have it as `problem_<code>`. @type {Record<LocalCode, string>} */
const PROBLEMS = {
  "file-missing": "local-incomplete",
  "network-changed": "local-damaged",
  "network-wrong": "local-damaged",
  "no-webassembly": "local-no-webassembly",
  "no-simd": "local-no-simd",
  "no-memory": "local-no-memory",
  "worker-gone": "local-stopped",
  "check-gone": "local-stopped",
  internal: "local-unable",
};

/** @param {LocalFault} fault */
export function problemOf({ code }) {
  return fail(PROBLEMS[code], "retry");
}

/** @returns {Local} */
function throughPage() {
  const { offscreen } = chrome;
  /** @type {Promise<void>|null} */
  let opening = null;
  const openPage = async () => {
    if (!opening && await offscreen.hasDocument()) return; // one that is opening does not listen yet
    opening ??= offscreen.createDocument({
      url: PAGE, reasons: [offscreen.Reason.WORKERS], justification: "The networks run in a worker.",
    }).finally(() => { opening = null; });
    await opening;
  };
  /** @param {HostCall} call @returns {Promise<any>} */
  const ask = async (call) => {
    await openPage();
    /** @type {HostAnswer|undefined} */
    const answer = await chrome.runtime.sendMessage({ to: "local", call }).catch(() => undefined);
    if (!answer || "fault" in answer) throw new LocalFault(answer?.fault ?? "worker-gone");
    return answer.value;
  };
  return {
    prepare: () => ask({ type: "prepare" }),
    begin: (id, about) => ask({ type: "begin", id, about }),
    look: async (id, picture, time_s) => ask({ type: "look", id, picture: await dataUrlOf(picture), time_s }),
    finish: (id) => ask({ type: "finish", id }),
    drop: async (id) => { if (await offscreen.hasDocument()) await ask({ type: "drop", id }); },
  };
}

/** @returns {Local} */
export function createLocal() {
  return "offscreen" in chrome ? throughPage() : createKept();
}

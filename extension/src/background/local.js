// The way to the worker with the networks: through an offscreen document where the background is a
// service worker (Chrome), which can start no worker; directly where it is a page (Firefox).

import { LocalFault, createHost } from "../local/host.js";
import { dataUrlOf } from "./picture.js";
import { CheckFailed, fail } from "./problem.js";

/**
 * @import { FaultCode } from "../local/desk.js"
 * @import { Host } from "../local/host.js"
 * @import { HostCall, HostAnswer } from "../local/offscreen.js"
 * @import { Verdict } from "../verdict/types.js"
 */

const PAGE = "local/offscreen.html";

/** @param {FaultCode|"worker-gone"} code */
function problemOf(code) {
  return fail(code.startsWith("network-") ? "local-damaged" : "local-unable", "retry");
}

/** @returns {Promise<void>} */
async function openPage() {
  const { offscreen } = chrome;
  if (await offscreen.hasDocument()) return;
  await offscreen.createDocument({
    url: PAGE, reasons: [offscreen.Reason.WORKERS], justification: "The networks run in a worker.",
  });
}

/** @param {HostCall} call @returns {Promise<Verdict>} */
async function inPage(call) {
  await openPage();
  /** @type {HostAnswer|undefined} */
  const answer = await chrome.runtime.sendMessage({ to: "local", call }).catch(() => undefined);
  if (!answer || "fault" in answer) throw problemOf(answer?.fault ?? "worker-gone");
  return answer.value;
}

/** @returns {Host} */
function throughPage() {
  return {
    look: async (id, picture, time_s, about) =>
      inPage({ type: "look", id, picture: await dataUrlOf(picture), time_s, about }),
    finish: (id, about) => inPage({ type: "finish", id, about }),
    drop: async (id) => { await inPage({ type: "drop", id }); },
    close() {
      const { offscreen } = chrome;
      offscreen.closeDocument().catch(() => {}); // it is gone already
    },
  };
}

/** @returns {Omit<Host, "close">} promises are rejected with CheckFailed; no worker is kept while no check is open */
export function createLocal() {
  /** @type {Set<string>} */
  const open = new Set();
  /** @type {Host|null} */
  let host = null;

  /** @template T @param {string} id @param {(host: Host) => Promise<T>} ask */
  const asked = async (id, ask) => {
    open.add(id);
    host ??= "offscreen" in chrome ? throughPage() : createHost();
    try {
      return await ask(host);
    } catch (error) {
      if (error instanceof CheckFailed) throw error;
      throw problemOf(error instanceof LocalFault ? error.code : "internal");
    }
  };
  /** @param {string} id */
  const leave = (id) => {
    open.delete(id);
    if (open.size) return;
    host?.close();
    host = null;
  };
  return {
    look: (id, picture, time_s, about) => asked(id, (host) => host.look(id, picture, time_s, about)),
    finish: (id, about) => asked(id, (host) => host.finish(id, about)).finally(() => leave(id)),
    async drop(id) {
      if (open.has(id)) await host?.drop(id).catch(() => {}); // whatever is wrong with it was told before
      leave(id);
    },
  };
}

// The worker's side of host.js: one call after another, each answered with a value or a fault.

import { Analysis } from "./analyze.js";
import { decoded, encodedAgain } from "./bitmaps.js";
import { NetworkFault } from "./files.js";
import { openRuntime } from "./runtime.js";

/**
 * @import { Verdict } from "../verdict/types.js"
 *
 * @typedef {{kind: "video"|"image", duration_s: number|null}} About the media
 * @typedef {"network-changed"|"network-wrong"|"no-webassembly"|"no-memory"|"internal"} FaultCode
 * @typedef {{type: "look", id: string, picture: Blob, time_s: number, about: About}
 *   | {type: "finish", id: string, about: About}
 *   | {type: "drop", id: string}} Call
 * @typedef {{number: number, value: Verdict|null} | {number: number, fault: FaultCode}} Answer
 */

/** @param {unknown} error @returns {FaultCode} */
function faultOf(error) {
  if (error instanceof NetworkFault) return error.code;
  if (error instanceof RangeError) return "no-memory";
  if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError) return "no-webassembly";
  if (typeof WebAssembly !== "object") return "no-webassembly";
  return "internal";
}

function createDesk() {
  const opening = openRuntime();
  opening.catch(() => {}); // whoever calls learns of it
  /** @type {Map<string, Analysis>} */
  const analyses = new Map();

  /** @param {string} id */
  const analysisOf = async (id) => {
    const analysis = analyses.get(id) ?? new Analysis(await opening, encodedAgain);
    analyses.set(id, analysis);
    return analysis;
  };

  return {
    /** @param {Extract<Call, {type: "look"}>} call @returns {Promise<Verdict>} what was seen so far */
    async look({ id, picture, time_s, about }) {
      const analysis = await analysisOf(id);
      await analysis.add(await decoded(picture), time_s);
      return analysis.verdict({ ...about, last: false });
    },
    /** @param {Extract<Call, {type: "finish"}>} call @returns {Promise<Verdict>} */
    async finish({ id, about }) {
      const analysis = await analysisOf(id);
      analyses.delete(id);
      return analysis.verdict({ ...about, last: true });
    },
    /** @param {Extract<Call, {type: "drop"}>} call */
    async drop({ id }) {
      analyses.delete(id);
      return null;
    },
  };
}

function serve() {
  const desk = createDesk();
  let before = Promise.resolve();
  /** @param {{number: number, call: Call}} request */
  const answer = async ({ number, call }) => {
    try {
      postMessage({ number, value: await desk[call.type](/** @type {any} */ (call)) });
    } catch (error) {
      postMessage({ number, fault: faultOf(error) });
    }
  };
  addEventListener("message", ({ data }) => { before = before.then(() => answer(data)); });
  postMessage({ number: 0, value: null }); // what is sent earlier would be lost
}

serve();

// The worker's side of host.js: one call after another, each answered with a value or a fault. The first
// answer, to no call, means that the networks compute what they should.

import { NetworkFault } from "./files.js";
import { openRuntime } from "./runtime.js";

/**
 * @import { Call, FaultCode } from "./desk.js"
 * @import { Way } from "./runtime.js"
 */

/** @param {unknown} error @returns {FaultCode} */
function faultOf(error) {
  if (error instanceof NetworkFault) return error.code;
  if (typeof WebAssembly !== "object") return "no-webassembly";
  if (error instanceof WebAssembly.CompileError) return "no-simd"; // nothing else in it is newer
  if (error instanceof DOMException && error.name === "NetworkError") return "file-missing"; // a script's
  const { message = "" } = error instanceof Error ? error : {};
  if (error instanceof RangeError || /\bOOM\b|out of memory|memory access/i.test(message)) return "no-memory";
  return "internal";
}

/** @param {string} name the worker's: its way, and whether that is slower than it should be */
async function serve(name) {
  const [way, slower] = name.split(" ");
  const [networks, { createDesk }] = await Promise.all([
    openRuntime(/** @type {Way} */ (way), slower !== undefined), import("./desk.js"),
  ]);
  const desk = createDesk(networks);
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

serve(/** @type {{name: string}} */ (/** @type {unknown} */ (globalThis)).name)
  .catch((error) => postMessage({ number: 0, fault: faultOf(error) }));

// LiteRT.js and the networks, from the package's own files. For the worker alone.

import { openNetworks } from "./networks.js";

/** @import { LiteRt, Networks } from "./networks.js" */

/** @param {string} folder of LiteRT.js @returns {Promise<LiteRt>} with the WebAssembly that this browser can run */
async function loaded(folder) {
  Object.assign(globalThis, { Module: { locateFile: (/** @type {string} */ file) => folder + file } });
  // @ts-expect-error only packages with networks hold it: extension/litert.py
  const litert = await import("./litert/litert.js");
  await litert.loadLiteRt(folder);
  return litert;
}

/** @returns {Promise<Networks>} tested; raises NetworkFault, or what kept WebAssembly from running */
export async function openRuntime() {
  const base = new URL("./", import.meta.url).href;
  const litert = await loaded(`${base}litert/`);
  return openNetworks(litert, async (file) => {
    const answer = await fetch(`${base}networks/${file}`);
    return new Uint8Array(await answer.arrayBuffer());
  });
}

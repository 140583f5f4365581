// LiteRT.js and the networks, from the package's own files. For the worker alone.

import { NetworkFault, checked, jsonIn } from "./files.js";
import { SLOWER, openNetworks } from "./networks.js";

/**
 * @import { FileEntry } from "./files.js"
 * @import { LiteRt, Networks } from "./networks.js"
 *
 * @typedef {"relaxed-simd"|"simd"} Way of multiplying: several sums at once, or one after another
 * @typedef {{version: string, variants: Record<Way, FileEntry & {script: string}>}} LiteRtFiles
 */

const BASE = new URL("./", import.meta.url).href;

/** @param {string} file below this folder @returns {Promise<Uint8Array<ArrayBuffer>>} raises NetworkFault */
async function read(file) {
  const answer = await fetch(BASE + file).catch(() => { throw new NetworkFault("file-missing", file); });
  if (!answer.ok) throw new NetworkFault("file-missing", file);
  return new Uint8Array(await answer.arrayBuffer());
}

/** @param {string} file */
const readLiteRt = (file) => read(`litert/${file}`);

/**
 * Its own loader would take the WebAssembly unchecked, and would not tell what is wrong with it.
 * @param {FileEntry & {script: string}} variant @returns {Promise<LiteRt>}
 */
async function loaded({ script, ...wasm }) {
  const [litert, module] = await Promise.all([
    // @ts-expect-error only packages with networks hold it: extension/litert.py
    import("./litert/litert.js").catch(() => { throw new NetworkFault("file-missing", "litert/litert.js"); }),
    checked(readLiteRt, wasm).then((content) => WebAssembly.compile(content)),
  ]);
  const failed = Promise.withResolvers();
  const instantiateWasm = (/** @type {WebAssembly.Imports} */ imports, /** @type {Function} */ done) => {
    WebAssembly.instantiate(module, imports).then((instance) => done(instance, module), failed.reject);
  };
  Object.assign(globalThis, { Module: { instantiateWasm } });
  await Promise.race([litert.loadLiteRt(`${BASE}litert/${script}`), failed.promise]);
  return litert;
}

/**
 * @param {Way} way @param {boolean} slower since a faster one computed something else
 * @returns {Promise<Networks>} tested; raises NetworkFault, or what kept WebAssembly from running
 */
export async function openRuntime(way, slower) {
  /** @type {LiteRtFiles} */
  const { version, variants } = await jsonIn(readLiteRt, "litert.json");
  const networks = await openNetworks(loaded(variants[way]), (file) => read(`networks/${file}`));
  return { ...networks, versions: { "litert.js": version, webassembly: way, ...(slower ? SLOWER : {}) } };
}

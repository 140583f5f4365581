// LiteRT.js in Node: its loader looks for a browser's worker, which `importScripts` makes of this one.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { openNetworks } from "../src/local/networks.js";

const { NETWORKS, LITERT } = process.env;

async function loaded() {
  const require = createRequire(import.meta.url);
  globalThis.self = globalThis;
  globalThis.importScripts = (path) => { globalThis.ModuleFactory = require(path); };
  const litert = await import("@litertjs/core");
  // The variant without relaxed SIMD, which Node has behind a flag only.
  await litert.loadLiteRt(join(LITERT, "litert_wasm_compat_internal.js"));
  return litert;
}

export const read = async (file) => new Uint8Array(await readFile(join(NETWORKS, file)));

/** The networks, tested. @param {typeof read} [reading] */
export async function networks(reading = read) {
  runtime ??= loaded();
  return openNetworks(runtime, reading);
}
let runtime;

// The files of the package that hold the networks, each checked against its SHA-256.

/**
 * @import { Rates } from "../verdict/types.js"
 * @import { Likelihood } from "./likelihood.js"
 *
 * @typedef {(file: string) => Promise<Uint8Array<ArrayBuffer>>} Read the whole of a file
 * @typedef {{file: string, sha256: string}} FileEntry
 * @typedef {FileEntry & {shape: number[], answer: number[]}} NetworkEntry `answer` to the probe
 * @typedef {{scale: number, offset: number, fake_at: number, real_at: number}} Calibration
 *
 * @typedef {object} Manifest
 * @property {FileEntry & {tolerance: number}} probe
 * @property {{name: string, sha256: string, pnet: NetworkEntry & {sides_at: {input: number, answer: number}},
 *   rnet: NetworkEntry, onet: NetworkEntry}} detector
 * @property {{name: string, sha256: string, input_px: number, positive_class: "fake"|"real",
 *   calibration: Calibration, rates: Rates|null, likelihood: Likelihood|null, network: NetworkEntry}} classifier
 */

/** What keeps a file of the package from being used; `code` names the reason. */
export class NetworkFault extends Error {
  /** @param {"file-missing"|"network-changed"|"network-wrong"} code @param {string} file */
  constructor(code, file) {
    super(`${code}: ${file}`);
    this.code = code;
  }
}

/** @param {Read} read @param {string} file */
export async function jsonIn(read, file) {
  return JSON.parse(new TextDecoder().decode(await read(file)));
}

/** @param {Uint8Array<ArrayBuffer>} content @returns {Promise<string>} */
export async function sha256Of(content) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(digest, (value) => value.toString(16).padStart(2, "0")).join("");
}

/** @param {Read} read @param {FileEntry} entry @returns {Promise<Uint8Array<ArrayBuffer>>} raises NetworkFault */
export async function checked(read, { file, sha256 }) {
  const content = await read(file);
  if ((await sha256Of(content)) !== sha256) throw new NetworkFault("network-changed", file);
  return content;
}

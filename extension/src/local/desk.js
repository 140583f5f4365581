// What the worker does for its calls.

import { Analysis } from "./analyze.js";
import { decoded, encodedAgain } from "./bitmaps.js";

/**
 * @import { NetworkFault } from "./files.js"
 * @import { Networks } from "./networks.js"
 * @import { Verdict } from "../verdict/types.js"
 *
 * @typedef {{kind: "video"|"image", duration_s: number|null}} About the media
 * @typedef {NetworkFault["code"]|"no-webassembly"|"no-simd"|"no-memory"|"internal"} FaultCode
 * @typedef {{type: "begin", id: string, about: About}
 *   | {type: "look", id: string, picture: Blob, time_s: number}
 *   | {type: "finish", id: string}
 *   | {type: "drop", id: string}} Call
 * @typedef {{number: number, value: Verdict|null} | {number: number, fault: FaultCode}} Answer
 */

/** @param {Networks} networks */
export function createDesk(networks) {
  /** @type {Map<string, {analysis: Analysis, about: About}>} */
  const begun = new Map();

  return {
    /** @param {Extract<Call, {type: "begin"}>} call */
    async begin({ id, about }) {
      begun.set(id, { analysis: new Analysis(networks, encodedAgain), about });
      return null;
    },
    /** @param {Extract<Call, {type: "look"}>} call @returns {Promise<Verdict|null>} of what was seen so far; null: it did not begin here */
    async look({ id, picture, time_s }) {
      const check = begun.get(id);
      if (!check) return null;
      await check.analysis.add(await decoded(picture), time_s);
      return check.analysis.verdict({ ...check.about, last: false });
    },
    /** @param {Extract<Call, {type: "finish"}>} call @returns {Promise<Verdict|null>} null: it did not begin here */
    async finish({ id }) {
      const check = begun.get(id);
      begun.delete(id);
      return check ? check.analysis.verdict({ ...check.about, last: true }) : null;
    },
    /** @param {Extract<Call, {type: "drop"}>} call */
    async drop({ id }) {
      begun.delete(id);
      return null;
    },
  };
}

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
 * @typedef {{type: "look", id: string, picture: Blob, time_s: number, about: About}
 *   | {type: "finish", id: string, about: About}
 *   | {type: "drop", id: string}} Call
 * @typedef {{number: number, value: Verdict|null} | {number: number, fault: FaultCode}} Answer
 */

/** @param {Networks} networks */
export function createDesk(networks) {
  /** @type {Map<string, Analysis>} */
  const analyses = new Map();

  /** @param {string} id */
  const analysisOf = (id) => {
    const analysis = analyses.get(id) ?? new Analysis(networks, encodedAgain);
    analyses.set(id, analysis);
    return analysis;
  };

  return {
    /** @param {Extract<Call, {type: "look"}>} call @returns {Promise<Verdict>} what was seen so far */
    async look({ id, picture, time_s, about }) {
      const analysis = analysisOf(id);
      await analysis.add(await decoded(picture), time_s);
      return analysis.verdict({ ...about, last: false });
    },
    /** @param {Extract<Call, {type: "finish"}>} call @returns {Promise<Verdict>} */
    async finish({ id, about }) {
      const analysis = analysisOf(id);
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

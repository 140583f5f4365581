// The file of what a page shows, read through the page part by part.

import { NotRead } from "../origin/bytes.js";
import { tell } from "./page.js";
import { blobOf } from "./picture.js";

/**
 * @import { Part } from "../content/original.js"
 * @import { Subject } from "../content/subjects.js"
 * @import { Source } from "../origin/bytes.js"
 */

const PART_BYTES = 65_536;
/** Of a file that would take more nothing is said: there may be more in it. */
const MOST_PARTS = 32;

/** @param {number} tabId @param {Subject} subject @returns {Source} its promises are rejected with NotRead */
export function fileOf(tabId, { frameId, key, kind }) {
  /** @type {{from: number, to: number, bytes: Uint8Array}[]} `to`: up to where it is known, the file's end or more */
  const parts = [];

  /** @param {number} from @param {number} to */
  const load = async (from, to) => {
    if (parts.length === MOST_PARTS) throw new NotRead("too many parts");
    const found = /** @type {Part|null} */ (await tell(tabId, frameId, { type: "original", key, from, to: Math.min(to, Number.MAX_SAFE_INTEGER) }));
    if (!found) throw new NotRead("not given out");
    const bytes = new Uint8Array(await blobOf(found.data).arrayBuffer());
    const isLast = found.from + bytes.length < to || found.from < from; // a whole file, or its end
    const part = { from: found.from, to: isLast ? Infinity : found.from + bytes.length, bytes };
    parts.push(part);
    return part;
  };

  return {
    /** @param {number} from @param {number} to */
    async read(from, to) {
      const start = from - from % PART_BYTES;
      const part = parts.find((known) => known.from <= from && to <= known.to)
        ?? (kind === "image" ? await load(0, Infinity) : await load(start, Math.max(start + PART_BYTES, to)));
      return part.bytes.subarray(from - part.from, to - part.from);
    },
  };
}

// The boxes of an MP4 or MOV that say something of its origin: XMP, Content Credentials, and the tags that
// FFmpeg reads for the service.

import { numberAt, signs, utf8 } from "./bytes.js";
import names from "./names.js";

/**
 * @import { Source } from "./bytes.js"
 * @import { Pieces } from "./pieces.js"
 *
 * @typedef {{kind: string, start: number, end: number}} Box its kind, and the places of its content
 */

const { UUID_BYTES, UUID_CREDENTIALS, UUID_XMP, XMP_BYTES, PIECE_BYTES } = names.pieces;
const MOST_BOXES = 10_000;
const MOST_TAGS = 200;
const TEXT = 1; // the type of a value
const COMMENT = "\xa9cmt";

/** @param {Source} source @param {number} start @param {number} end @returns {AsyncGenerator<Box>} up to the first that is none */
async function* boxes(source, start, end) {
  for (let [at, count] = [start, 0]; at + 8 <= end && count < MOST_BOXES; count += 1) {
    const head = await source.read(at, at + 16);
    if (head.length < 8) return;
    let [size, content] = [numberAt(head, 0, 4), at + 8];
    if (size === 1 && head.length === 16) [size, content] = [numberAt(head, 8, 8), at + 16];
    else if (size === 0) size = end - at;
    if (at + size < content) return;
    yield { kind: signs(head, 4, 8), start: content, end: Math.min(at + size, end) };
    at += size;
  }
}

/** @param {Source} source @param {Box} box @param {string} kind @returns {AsyncGenerator<Box>} */
async function* inside(source, { start, end }, kind) {
  for await (const box of boxes(source, start, end)) if (box.kind === kind) yield box;
}

/** @param {Source} source @param {Box} meta @returns {Promise<Box>} without version and flags, which QuickTime leaves out */
async function bare(source, { kind, start, end }) {
  return { kind, start: signs(await source.read(start + 4, start + 8), 0, 4) === "hdlr" ? start : start + 4, end };
}

/** @param {Source} source @param {Box} keys @returns {Promise<string[]>} names of tags, which have numbers from 1 */
async function named(source, { start, end }) {
  const found = [];
  for await (const { start: at, end: until } of boxes(source, start + 8, end)) {
    if (found.push(utf8(await source.read(at, Math.min(until, at + PIECE_BYTES)))) === MOST_TAGS) break;
  }
  return found;
}

/** @param {Source} source @param {Box} item @param {string} kind @returns {Promise<Uint8Array|null>} what follows a version and flags */
async function first(source, item, kind) {
  for await (const { start, end } of inside(source, item, kind)) return source.read(start + 4, Math.min(end, start + PIECE_BYTES));
  return null;
}

/** @param {Source} source @param {Box} box `meta` @param {Pieces} found */
async function inMeta(source, box, found) {
  const meta = await bare(source, box);
  /** @type {string[]} */
  let keys = [];
  for await (const each of inside(source, meta, "keys")) keys = await named(source, each);
  for await (const list of inside(source, meta, "ilst")) {
    for await (const item of boxes(source, list.start, list.end)) {
      const own = item.kind === "----" ? await first(source, item, "name") : null;
      const number = numberAt(Uint8Array.from(item.kind, (sign) => sign.charCodeAt(0)), 0, 4);
      const key = own ? utf8(own) : item.kind === COMMENT ? "comment" : keys[number - 1];
      for await (const { start, end } of inside(source, item, "data")) {
        const content = await source.read(start, Math.min(end, start + PIECE_BYTES));
        if (key && content[3] === TEXT) found.addText(key, content.subarray(8)); // after type and country
      }
    }
  }
}

/** @param {Source} source @param {Box} moov @param {Pieces} found */
async function inMovie(source, moov, found) {
  for await (const box of boxes(source, moov.start, moov.end)) {
    if (box.kind === "meta") await inMeta(source, box, found);
    if (box.kind !== "udta") continue;
    for await (const { kind, start, end } of boxes(source, box.start, box.end)) {
      if (kind === "meta") await inMeta(source, { kind, start, end }, found);
      // After its length and language, as QuickTime writes it.
      if (kind === COMMENT) found.addText("comment", await source.read(start + 4, Math.min(end, start + PIECE_BYTES)));
    }
  }
}

/** @param {Source} source @param {Pieces} found */
export async function inBoxes(source, found) {
  for await (const box of boxes(source, 0, Number.MAX_SAFE_INTEGER)) {
    if (box.kind === "moov") await inMovie(source, box, found);
    if (box.kind !== "uuid") continue;
    const name = signs(await source.read(box.start, box.start + UUID_BYTES), 0, UUID_BYTES);
    if (name === UUID_CREDENTIALS) found.credentials = true;
    if (name === UUID_XMP) found.addXmp(await source.read(box.start + UUID_BYTES, Math.min(box.end, box.start + XMP_BYTES)));
  }
}

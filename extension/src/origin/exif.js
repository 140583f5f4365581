// The few EXIF tags in which a tool names itself, as server/analysis/provenance/exif.py reads them.

import { stripped } from "./bytes.js";
import names from "./names.js";

const { PLAIN, EXIF_DIRECTORY, USER_COMMENT, CODE_BYTES, START, MOST_TEXT } = names.exif;
const { IN_PLACE, MOST_ENTRIES } = names.tiff;
/** Bytes of a value by its kind. @type {Record<number, number>} */
const SIZES = names.tiff.SIZES;

/** @typedef {{description: string, make: string, software: string, artist: string, comment: string}} Exif empty where missing */

/** @param {Uint8Array} bytes */
const utf8 = (bytes) => new TextDecoder().decode(bytes.subarray(0, MOST_TEXT));

/** @param {Uint8Array} tiff @param {boolean} little its byte order @param {number} [directory] its place; the first one */
function* entries(tiff, little, directory) {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const start = directory ?? view.getUint32(4, little);
  const count = Math.min(view.getUint16(start, little), MOST_ENTRIES);
  for (let at = start + 2; at < start + 2 + 12 * count; at += 12) {
    const size = (SIZES[view.getUint16(at + 2, little)] ?? 1) * view.getUint32(at + 4, little);
    const place = size > IN_PLACE ? view.getUint32(at + 8, little) : at + 8;
    yield { tag: view.getUint16(at, little), value: tiff.subarray(place, place + size) };
  }
}

/** @param {Uint8Array} tiff @param {boolean} little @returns {Map<number, Uint8Array>} up to the first damaged place */
function tagsOf(tiff, little) {
  const found = new Map();
  try {
    for (const { tag, value } of entries(tiff, little)) {
      found.set(tag, value);
      if (tag !== EXIF_DIRECTORY) continue;
      const place = new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0, little);
      for (const inner of entries(tiff, little, place)) found.set(inner.tag, inner.value);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return found;
}

/** @param {Uint8Array} value 8 bytes that name its encoding, then the text @param {boolean} little */
function commentIn(value, little) {
  const text = value.subarray(CODE_BYTES, MOST_TEXT + CODE_BYTES);
  if (!utf8(value.subarray(0, CODE_BYTES)).startsWith("UNICODE")) return stripped(utf8(text));
  // Whether UTF-16 follows the structure's byte order is written either way: ASCII tells.
  const isLittle = text[0] === 0 ? false : text[1] === 0 || little;
  return stripped(new TextDecoder(isLittle ? "utf-16le" : "utf-16be").decode(text));
}

/** @param {Uint8Array} block @returns {Exif} */
export function readExif(block) {
  const tiff = block.subarray(utf8(block.subarray(0, START.length)) === START ? START.length : 0);
  const little = utf8(tiff.subarray(0, 2)) === "II";
  const found = tagsOf(tiff, little);
  const texts = Object.entries(PLAIN).map(([name, tag]) => [name, utf8(found.get(tag) ?? new Uint8Array()).split("\0")[0].trim()]);
  return { ...Object.fromEntries(texts), comment: commentIn(found.get(USER_COMMENT) ?? new Uint8Array(), little) };
}

// Where containers keep what is said about their content, found by their structure alone, as
// server/analysis/provenance/pieces.py finds it: what looks like a mark within the picture's data is none.

import { inBoxes } from "./boxes.js";
import { inMatroska } from "./tags.js";
import { NotRead, latin, numberAt, part, signs, utf8 } from "./bytes.js";
import names from "./names.js";

/** @import { Property } from "./xmp.js" @import { Source } from "./bytes.js" */

const {
  HEAD_BYTES, PIECE_BYTES, XMP_BYTES, ALL_BYTES, MOST_PIECES, MOST_CHUNKS, PNG_START,
  JPEG_APP1, JPEG_APP11, JPEG_COMMENT, JPEG_XMP, JPEG_MORE_XMP, MORE_XMP_HEAD, BARE_LABEL,
} = names.pieces;
const { START: EXIF_START } = names.exif;
const [JPEG_SCAN, JPEG_END, JPEG_FILL] = [0xda, 0xd9, 0xff];
const MATROSKA_START = "\x1aE\xdf\xa3";

/** What was found. */
export class Pieces {
  /** Whether there is no more of it. */
  whole = true;
  credentials = false;
  /** @type {string[]} packets */
  xmp = [];
  /** @type {Uint8Array[]} blocks */
  exif = [];
  /** @type {Property[]} key and text, as PNG's chunks, comments and the tags of films have them */
  texts = [];
  #left = ALL_BYTES;

  /** @template T @param {T[]} pieces @param {T} piece @param {number} size */
  #keep(pieces, piece, size) {
    this.#left -= size;
    if (this.#left >= 0 && pieces.length < MOST_PIECES) pieces.push(piece);
  }

  /** @param {Uint8Array} packet up to the first damaged place */
  addXmp(packet) { this.#keep(this.xmp, utf8(packet).split("\ufffd")[0], packet.length); }

  /** @param {Uint8Array} block */
  addExif(block) { this.#keep(this.exif, block, block.length); }

  /** @param {string} key @param {Uint8Array} text @param {(bytes: Uint8Array) => string} [decoded] */
  addText(key, text, decoded = utf8) {
    this.#keep(this.texts, [key, decoded(text.subarray(0, PIECE_BYTES))], Math.min(text.length, PIECE_BYTES));
  }
}

/** @param {Uint8Array} content @param {string} start @returns {Uint8Array|null} what follows it */
const after = (content, start) => (signs(content, 0, start.length) === start ? content.subarray(start.length) : null);

/** @param {Uint8Array} bytes @returns {Generator<{kind: number, content: Uint8Array}>} segments before the picture's data */
function* segments(bytes) {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const kind = bytes[at + 1];
    if (kind === JPEG_SCAN || kind === JPEG_END) return;
    const size = kind === JPEG_FILL ? -1 : numberAt(bytes, at + 2, 2);
    if (size >= 2) yield { kind, content: bytes.subarray(at + 4, at + 2 + size) };
    at += size + 2;
    if (size === 0) return;
  }
}

/** @param {Source} source @param {Pieces} found */
async function inJpeg(source, found) {
  /** @type {{place: number, packet: Uint8Array}[]} */
  const more = [];
  for (const { kind, content } of segments(await source.read(0, HEAD_BYTES))) {
    const packet = kind === JPEG_APP1 ? after(content, JPEG_XMP) : null;
    const further = kind === JPEG_APP1 ? after(content, JPEG_MORE_XMP) : null;
    const label = kind >= 0xe0 && kind < 0xf0 ? after(content, BARE_LABEL) : null;
    if (packet) found.addXmp(packet);
    else if (further) more.push({ place: numberAt(further, 36, 4), packet: further.subarray(MORE_XMP_HEAD) });
    else if (kind === JPEG_APP1 && after(content, EXIF_START)) found.addExif(content);
    else if (kind === JPEG_APP11 && signs(content, 12, 16) === "jumb") found.credentials = true;
    else if (kind === JPEG_COMMENT) found.addText("comment", content);
    else if (label) found.addText("AIGC", content.subarray(BARE_LABEL.length - 1));
  }
  more.sort((one, other) => one.place - other.place);
  if (more.length) found.addXmp(new Uint8Array(await new Blob(more.map(({ packet }) => new Uint8Array(packet))).arrayBuffer()));
}

/** @param {Uint8Array} packed @returns {Promise<Uint8Array>} up to the bound: a few bytes may state gigabytes */
async function inflated(packed) {
  const bytes = new Uint8Array(packed);
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const parts = [];
  for (let size = 0; size < XMP_BYTES;) {
    const { value } = await reader.read().catch(() => ({ value: undefined })); // damaged: what came before counts
    if (!value) break;
    size += value.length;
    parts.push(value);
  }
  reader.cancel().catch(() => {}); // of no more interest
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {string} kind @param {Uint8Array} content @param {Pieces} found */
async function inPngText(kind, content, found) {
  const [key, rest] = part(content);
  let [text, packed] = [rest, kind === "zTXt"];
  if (kind === "zTXt") text = rest.subarray(1);
  if (kind === "iTXt") [text, packed] = [part(part(rest.subarray(2))[1])[1], rest[0] === 1]; // after language and key in it
  if (packed) text = await inflated(text);
  if (latin(key) === "XML:com.adobe.xmp") found.addXmp(text);
  else found.addText(latin(key), text, kind === "iTXt" ? utf8 : latin);
}

/** @param {Source} source @param {number} start @param {boolean} png else RIFF */
async function* chunks(source, start, png) {
  for (let [at, count] = [start, 0]; count < MOST_CHUNKS; count += 1) {
    const head = await source.read(at, at + 8);
    if (head.length < 8) return;
    const size = png ? numberAt(head, 0, 4) : numberAt(head.slice(4).reverse(), 0, 4);
    const place = at + 8;
    /** @param {number} most @returns {Promise<Uint8Array>} */
    const content = (most) => source.read(place, place + Math.min(size, most));
    yield { kind: png ? signs(head, 4, 8) : signs(head, 0, 4), content };
    at += 8 + size + (png ? 4 : size % 2);
  }
}

/** @param {Source} source @param {Pieces} found */
async function inPng(source, found) {
  for await (const { kind, content } of chunks(source, PNG_START.length, true)) {
    if (kind === "IEND") return;
    if (kind === "caBX") found.credentials = true;
    else if (kind === "eXIf") found.addExif(await content(PIECE_BYTES));
    else if (/^(tE|zT|iT)Xt$/.test(kind)) await inPngText(kind, await content(XMP_BYTES), found);
  }
}

/** @param {Source} source @param {Pieces} found */
async function inWebp(source, found) {
  for await (const { kind, content } of chunks(source, 12, false)) {
    if (kind === "C2PA") found.credentials = true;
    else if (kind === "EXIF") found.addExif(await content(PIECE_BYTES));
    else if (kind === "XMP ") found.addXmp(await content(XMP_BYTES));
  }
}

/** @param {Source} source @returns {Promise<Pieces|null>} null: a file of another kind; raises NotRead where nothing of it is given out */
export async function gather(source) {
  const head = await source.read(0, 16);
  const found = new Pieces();
  /** @returns {((source: Source, found: Pieces) => Promise<void>)|null} */
  const reader = () => {
    if (signs(head, 0, 3) === "\xff\xd8\xff") return inJpeg;
    if (signs(head, 0, 8) === PNG_START) return inPng;
    if (signs(head, 0, 4) === "RIFF" && signs(head, 8, 12) === "WEBP") return inWebp;
    if (signs(head, 0, 4) === MATROSKA_START) return inMatroska;
    // Of HEIC and AVIF the items would have to be read too.
    return signs(head, 4, 8) === "ftyp" && !/^(avi|hei|hev|mif|msf)/.test(signs(head, 8, 12)) ? inBoxes : null;
  };
  const read = reader();
  if (!read) return null;
  await read(source, found).catch((error) => { // what came before counts
    if (!(error instanceof NotRead || error instanceof RangeError)) throw error;
    found.whole = error instanceof RangeError; // it ends early
  });
  return found;
}

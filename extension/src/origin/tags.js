// The tags of a WebM or Matroska file (RFC 9559) that belong to the whole of it, as FFmpeg reads them for
// the service.

import { numberAt, utf8 } from "./bytes.js";
import names from "./names.js";

/**
 * @import { Source } from "./bytes.js"
 * @import { Pieces } from "./pieces.js"
 *
 * @typedef {{id: number, start: number, end: number}} Element its name, and the places of its content
 */

const ID = {
  Segment: 0x18538067, SeekHead: 0x114d9b74, Seek: 0x4dbb, SeekID: 0x53ab, SeekPosition: 0x53ac, Cluster: 0x1f43b675,
  Tags: 0x1254c367, Tag: 0x7373, Targets: 0x63c0, TargetType: 0x63ca, SimpleTag: 0x67c8, TagName: 0x45a3, TagString: 0x4487,
};
/** A track, an edition, a chapter or an attachment, which a tag may be of instead. */
const PARTS = [0x63c5, 0x63c9, 0x63c4, 0x63c6];
const { PIECE_BYTES, MOST_PIECES } = names.pieces;
const MOST_ELEMENTS = 10_000;
const LONGEST_NUMBER = 8;

/** @param {Uint8Array} head @param {number} at @returns {number} how many bytes the number there takes, which leading zeros tell */
const lengthOf = (head, at) => Math.clz32(head[at] ?? 0) - 24 + 1;

/** @param {Source} source @param {number} start @param {number} end @returns {AsyncGenerator<Element>} */
async function* elements(source, start, end) {
  for (let [at, count] = [start, 0]; at < end && count < MOST_ELEMENTS; count += 1) {
    const head = await source.read(at, at + 2 * LONGEST_NUMBER);
    const name = lengthOf(head, 0);
    const length = lengthOf(head, name);
    if (Math.max(name, length) > LONGEST_NUMBER || name + length > head.length) return;
    const size = numberAt(head, name, length) - 2 ** (7 * length);
    const content = at + name + length;
    const isOpen = size === 2 ** (7 * length) - 1; // its end is where its like begins
    yield { id: numberAt(head, 0, name), start: content, end: isOpen ? end : Math.min(content + size, end) };
    if (isOpen) return;
    at = content + size;
  }
}

/** @param {Source} source @param {Element} of @param {number} id @returns {AsyncGenerator<Element>} */
async function* inside(source, { start, end }, id) {
  for await (const element of elements(source, start, end)) if (element.id === id) yield element;
}

/** @param {Source} source @param {Element} of @param {number} id @returns {Promise<Uint8Array|null>} the content of the first */
async function first(source, of, id) {
  for await (const { start, end } of inside(source, of, id)) return source.read(start, Math.min(end, start + PIECE_BYTES));
  return null;
}

/** @param {Source} source @param {Element} tag @returns {Promise<string|null>} what its names begin with; null: of a part */
async function aim(source, tag) {
  let start = "";
  for await (const targets of inside(source, tag, ID.Targets)) {
    for await (const each of elements(source, targets.start, targets.end)) {
      const content = await source.read(each.start, Math.min(each.end, each.start + PIECE_BYTES));
      if (PARTS.includes(each.id) && content.some(Boolean)) return null;
      if (each.id === ID.TargetType) start = `${utf8(content)}/`;
    }
  }
  return start;
}

/** @param {Source} source @param {Element} tags @param {Pieces} found */
async function inTags(source, tags, found) {
  for await (const tag of inside(source, tags, ID.Tag)) {
    const start = await aim(source, tag);
    for await (const simple of start === null ? [] : inside(source, tag, ID.SimpleTag)) {
      const [name, text] = [await first(source, simple, ID.TagName), await first(source, simple, ID.TagString)];
      if (name && text && found.texts.length < MOST_PIECES) found.addText(start + utf8(name), text);
    }
  }
}

/** @param {Source} source @param {Element} head @returns {Promise<number|null>} where it says that tags are, from the segment's start */
async function placeOfTags(source, head) {
  for await (const seek of inside(source, head, ID.Seek)) {
    const [id, place] = [await first(source, seek, ID.SeekID), await first(source, seek, ID.SeekPosition)];
    if (id && place && numberAt(id, 0, id.length) === ID.Tags) return numberAt(place, 0, place.length);
  }
  return null;
}

/** Tags that are told of twice are found twice: of each statement one is kept. @param {Source} source @param {Pieces} found */
export async function inMatroska(source, found) {
  for await (const segment of inside(source, { id: 0, start: 0, end: Infinity }, ID.Segment)) {
    /** @type {number[]} */
    const places = [];
    for await (const element of elements(source, segment.start, segment.end)) {
      if (element.id === ID.SeekHead) {
        const place = await placeOfTags(source, element);
        if (place !== null) places.push(segment.start + place);
      }
      if (element.id === ID.Tags) await inTags(source, element, found);
      if (element.id === ID.Cluster) break; // pictures and sound, hour after hour
    }
    for (const place of places) {
      for await (const tags of elements(source, place, segment.end)) {
        if (tags.id === ID.Tags) await inTags(source, tags, found);
        break;
      }
    }
    return;
  }
}

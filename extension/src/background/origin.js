// What a picture's file declares of its origin, as far as a check in the browser reads it: IPTC's label,
// and whether Content Credentials are there, whose signature only the service checks. Found by the file's
// structure, as the service finds it: what looks like a mark within the picture's data is none.

import rules from "../local/rules.js";

/** @import { Declaration, Provenance } from "../verdict/types.js" */

const [SCAN, END, APP1, APP11] = [0xda, 0xd9, 0xe1, 0xeb]; // markers of a JPEG
const XMP_OF_JPEG = "http://ns.adobe.com/xap/1.0/\0";
const XMP_OF_PNG = "XML:com.adobe.xmp\0\0"; // one that is not compressed, as XMP's specification has it
const LONGEST_NAME = 100;
/** A property as an attribute, as an element with the address as text or in a list, or as its rdf:resource. */
const SOURCE_TYPE = /\bDigitalSource(?:file)?Type(?:\s*=\s*["']|[^<>]*\bresource\s*=\s*["']|[^<>]*>\s*(?:<rdf:[^<>]*>\s*)*)([^"'<>\s]+)/gi;
const SYSTEM = /\bAISystemUsed(?:\s*=\s*["']|[^<>]*>\s*(?:<rdf:[^<>]*>\s*)*)([^"'<>]+)/i;

/** @typedef {{kind: string|number, content: Uint8Array}} Part of a file */

/** @param {Uint8Array} bytes @param {number} from @param {number} to each byte a sign */
const signs = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));

/** @param {Uint8Array} bytes @param {DataView} view @returns {Generator<Part>} segments before the picture's data */
function* ofJpeg(bytes, view) {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const kind = bytes[at + 1];
    if (kind === SCAN || kind === END) return;
    const size = kind === 0xff ? -1 : view.getUint16(at + 2); // a byte that only fills
    if (size >= 2) yield { kind, content: bytes.subarray(at + 4, at + 2 + size) };
    at += size + 2;
    if (size === 0) return;
  }
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Generator<Part>} chunks */
function* ofPng(bytes, view) {
  for (let at = 8; at + 8 <= bytes.length;) {
    const [size, kind] = [view.getUint32(at), signs(bytes, at + 4, at + 8)];
    if (kind === "IEND") return;
    yield { kind, content: bytes.subarray(at + 8, at + 8 + size) };
    at += 12 + size;
  }
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Generator<Part>} chunks */
function* ofRiff(bytes, view) {
  for (let at = 12; at + 8 <= bytes.length;) {
    const [size, kind] = [view.getUint32(at + 4, true), signs(bytes, at, at + 4)];
    yield { kind, content: bytes.subarray(at + 8, at + 8 + size) };
    at += 8 + size + (size % 2);
  }
}

/** @param {Uint8Array} bytes @returns {Generator<Part>} none of a file of another kind */
function partsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (signs(bytes, 0, 3) === "\xff\xd8\xff") return ofJpeg(bytes, view);
  if (signs(bytes, 0, 4) === "\x89PNG") return ofPng(bytes, view);
  if (signs(bytes, 0, 4) === "RIFF" && signs(bytes, 8, 12) === "WEBP") return ofRiff(bytes, view);
  return ofRiff(new Uint8Array(), view);
}

/** @param {Part} part @returns {string|null} the XMP packet that it holds */
function packetIn({ kind, content }) {
  const text = (/** @type {number} */ from) => new TextDecoder().decode(content.subarray(from));
  if (kind === "XMP ") return text(0);
  if (kind === APP1 && signs(content, 0, XMP_OF_JPEG.length) === XMP_OF_JPEG) return text(XMP_OF_JPEG.length);
  if (kind === "iTXt" && signs(content, 0, XMP_OF_PNG.length) === XMP_OF_PNG) return text(XMP_OF_PNG.length);
  return null;
}

/** @param {Part} part @returns {boolean} whether it is of Content Credentials */
const isCredentials = ({ kind, content }) =>
  kind === "caBX" || kind === "C2PA" || (kind === APP11 && signs(content, 12, 16) === "jumb");

/** @param {string} name that a stranger wrote @returns {string|null} */
const shown = (name) => name.replace(/[\p{C}\s]+/gu, " ").trim().slice(0, LONGEST_NAME).trim() || null;

/** @param {string[]} packets @returns {Declaration[]} */
function labelIn(packets) {
  const types = packets.flatMap((packet) => [...packet.matchAll(SOURCE_TYPE)].map(([, type]) => type));
  const system = packets.map((packet) => SYSTEM.exec(packet)?.[1]).find(Boolean);
  const { CLAIM_OF, CLAIMS } = rules.origin;
  const found = new Set(types.map((type) => CLAIM_OF[/** @type {keyof typeof CLAIM_OF} */ (type.replace(/\/$/, "").split("/").at(-1))]));
  if (system && !CLAIMS.some((claim) => found.has(claim))) found.add("generated");
  const claims = CLAIMS.filter((claim) => found.has(claim));
  return claims.length ? [{ source: "iptc", claims, by: shown(system ?? ""), seal: null, signer: null, problems: [] }] : [];
}

/**
 * @param {Uint8Array} bytes of a whole JPEG, PNG or WebP
 * @returns {Provenance|null} null where none of what is looked for is there: others may be
 */
export function originIn(bytes) {
  const parts = [...partsOf(bytes)];
  /** @type {Declaration[]} */
  const credentials = parts.some(isCredentials)
    ? [{ source: "content-credentials", claims: [], by: null, seal: "unchecked", signer: null, problems: [] }] : [];
  const declarations = [...credentials, ...labelIn(parts.flatMap((part) => packetIn(part) ?? []))];
  return declarations.length ? { state: "read", declarations } : null;
}

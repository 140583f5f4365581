// The properties of an XMP packet, as server/analysis/provenance/xmp.py reads them: a service worker has
// no parser of XML. Entities of a stranger are refused with all that declares them.

import { stripped } from "./bytes.js";
import names from "./names.js";

const { MOST_DEPTH, MOST_PROPERTIES, MOST_TEXT, RDF, RESOURCE } = names.xmp;
const ATTRIBUTE = /([^\s<>/="']+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g;
/** A comment, a section, an instruction, a tag, text; of anything else the first sign. */
const TOKEN = /<!--[^]*?-->|<!\[CDATA\[(?<section>[^]*?)\]\]>|<\?[^]*?\?>|<(?<close>\/?)(?<tag>[^\s<>/="'!?]+)(?<attributes>(?:\s+[^\s<>/="']+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?<empty>\/?)>|(?<text>[^<]+)|</g;
/** @type {Record<string, string>} */
const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** @typedef {[name: string, value: string]} Property "namespace name" and value */

/** @param {string} text */
const decoded = (text) => text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
  if (name) return ENTITIES[name] ?? whole;
  const code = parseInt(hex ?? decimal, hex ? 16 : 10);
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
});

/** @param {Map<string, string>} spaces by prefix @param {string} name @param {string} bare of a name without prefix */
function full(spaces, name, bare) {
  const at = name.indexOf(":");
  const space = at < 0 ? bare : spaces.get(name.slice(0, at));
  if (space === undefined) throw new SyntaxError(name);
  return space ? `${space} ${name.slice(at + 1)}` : name;
}

/** What is open at a place of the packet, and what was found before. */
class Found {
  /** @type {Property[]} */
  properties = [];
  /** @type {{tag: string, name: string, spaces: Map<string, string>}[]} */
  #open = [];
  #text = "";

  /** @param {string} tag @param {string} written its attributes */
  start(tag, written) {
    if (this.#open.length >= MOST_DEPTH) throw new RangeError("too deep");
    const attributes = [...written.matchAll(ATTRIBUTE)].map(([, name, one, other]) => [name, decoded(one ?? other)]);
    const spaces = new Map(this.#open.at(-1)?.spaces ?? [["xml", "http://www.w3.org/XML/1998/namespace"]]);
    for (const [name, value] of attributes) if (/^xmlns(:|$)/.test(name)) spaces.set(name.slice(6), value);
    this.#open.push({ tag, name: full(spaces, tag, spaces.get("") ?? ""), spaces });
    this.#text = "";
    for (const [written, value] of attributes.filter(([name]) => !/^xmlns(:|$)/.test(name))) {
      const name = full(spaces, written, "");
      if (name === RESOURCE) this.#add(this.#property(), value);
      else if (!name.startsWith(RDF)) this.#add(name, value);
    }
  }

  /** @param {string} text */
  text(text) {
    if (this.#text.length + text.length <= MOST_TEXT) this.#text += text;
  }

  /** @param {string} tag */
  end(tag) {
    if (this.#open.at(-1)?.tag !== tag) throw new SyntaxError(tag);
    const value = this.#text.trim();
    if (value) this.#add(this.#property(), value);
    this.#text = "";
    this.#open.pop();
  }

  /** The innermost element that is a property and no part of RDF's own, as a list is. */
  #property() {
    return this.#open.findLast(({ name }) => !name.startsWith(RDF))?.name ?? "";
  }

  /** @param {string} name @param {string} value */
  #add(name, value) {
    if (this.properties.length >= MOST_PROPERTIES) throw new RangeError("too many");
    this.properties.push([name, value.slice(0, MOST_TEXT)]);
  }
}

/** @param {string} packet @returns {Property[]} each value of each property, up to the first damaged place */
export function properties(packet) {
  const found = new Found();
  try {
    for (const { 0: token, groups = {} } of stripped(packet).matchAll(TOKEN)) {
      if (token === "<") break; // a declaration of entities, or damage
      if (groups.tag && !groups.close) found.start(groups.tag, groups.attributes);
      if (groups.tag && (groups.close || groups.empty)) found.end(groups.tag);
      if (groups.text ?? groups.section) found.text(groups.section ?? decoded(groups.text));
    }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
  }
  return found.properties;
}

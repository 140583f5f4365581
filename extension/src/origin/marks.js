// Labels without a signature, as server/analysis/provenance/marks.py tells them.

import { stripped } from "./bytes.js";
import { readExif } from "./exif.js";
import names from "./names.js";
import { properties } from "./xmp.js";

/**
 * @import { Declaration } from "../verdict/types.js"
 * @import { Exif } from "./exif.js"
 * @import { Pieces } from "./pieces.js"
 * @import { Property } from "./xmp.js"
 */

const {
  SOURCE_TYPES, AI_SYSTEM, CREDIT, TOOL, XMP_COMMENT, REMOTE, AIGC, TOOLS, COMMENT_KEYS, GROK_ARTIST,
} = names.marks;
const { CLAIMS, NAME_LENGTH } = names.records;
/** @type {Record<string, Record<string, string>>} What each name means. */
const { CLAIM_OF, CREDITS, AIGC_CLAIMS, PRODUCERS, OWN_KEYS } = {
  CLAIM_OF: names.terms.CLAIM_OF, CREDITS: names.marks.CREDITS, AIGC_CLAIMS: names.marks.AIGC_CLAIMS,
  PRODUCERS: names.marks.PRODUCERS, OWN_KEYS: names.marks.OWN_KEYS,
};

/** @param {unknown} name that a stranger wrote @returns {string|null} */
const shown = (name) => {
  if (typeof name !== "string") return null;
  const plain = [...name].slice(0, 4 * NAME_LENGTH).join("").replace(/[\p{C}\s]+/gu, " ").trim();
  return [...plain].slice(0, NAME_LENGTH).join("").trim() || null;
};

/** @param {Declaration["source"]} source @param {string[]} claims @param {unknown} [by] @param {string|null} [seal] @returns {Declaration} */
export const declaration = (source, claims, by = null, seal = null) =>
  ({ source, claims, by: shown(by), seal, signer: null, problems: [] });

/** @param {Property[]} packets @param {string[]} wanted full names @returns {string[]} */
const valuesOf = (packets, ...wanted) => packets.filter(([name]) => wanted.includes(name)).map(([, value]) => value);

/** @param {string} text @returns {Record<string, any>} the JSON object that it begins with; empty where there is none */
function objectIn(text) {
  const plain = stripped(text);
  let [depth, quoted, end] = [0, false, 0];
  for (; end < plain.length; end += 1) {
    const sign = plain[end];
    if (quoted && sign === "\\") end += 1;
    else if (sign === '"') quoted = !quoted;
    else if (!quoted && sign === "{") depth += 1;
    else if (!quoted && sign === "}") depth -= 1;
    if (depth === 0) break; // at once where it begins with anything else
  }
  try {
    return end ? JSON.parse(plain.slice(0, end + 1)) : {};
  } catch {
    return {};
  }
}

/** @param {Property[]} packets @returns {Declaration[]} */
function iptc(packets) {
  const types = valuesOf(packets, ...SOURCE_TYPES).map((type) => CLAIM_OF[type.trim().replace(/\/+$/, "").split("/").at(-1) ?? ""]);
  const found = new Set([...types, ...valuesOf(packets, CREDIT).map((credit) => CREDITS[credit])].filter(Boolean));
  const systems = valuesOf(packets, AI_SYSTEM);
  if (systems.length && !found.size) found.add("generated");
  const claims = CLAIMS.filter((claim) => found.has(claim));
  return claims.length ? [declaration("iptc", claims, [...systems, ...valuesOf(packets, TOOL)][0])] : [];
}

/** @param {Record<string, any>} data @returns {Declaration[]} */
function labelIn(data) {
  const inner = data.AIGC ?? data;
  const claim = AIGC_CLAIMS[String(inner.Label)];
  if (!claim) return [];
  const producer = inner.ContentProducer || inner.ServiceProvider;
  return [declaration("aigc-label", [claim], PRODUCERS[producer] ?? producer)];
}

/** @param {string} note @returns {Declaration[]} */
function labelInNote(note) {
  const data = objectIn(note);
  if (data.AIGC?.constructor === Object) return labelIn(data);
  if (String(data.aigc_label_type ?? data.aigc_type) === "1") return [declaration("aigc-label", ["generated"])];
  return data.exportType === "generation" ? [declaration("aigc-label", ["generated"], "Dreamina")] : [];
}

/** @param {Property[]} packets @param {Exif[]} blocks @param {Property[]} texts @returns {Declaration[]} China's label */
function aigc(packets, blocks, texts) {
  const labelled = [...valuesOf(packets, AIGC), ...texts.filter(([key]) => key.toUpperCase() === "AIGC").map(([, text]) => text)];
  const notes = blocks.flatMap(({ comment, description }) => [comment, description]);
  notes.push(...texts.filter(([key]) => key.toLowerCase() === "comment").map(([, text]) => text));
  return [...labelled.flatMap((text) => labelIn(objectIn(text))), ...notes.flatMap(labelInNote)];
}

/** @param {string} text @returns {string|null} whose settings it holds */
function toolOfSettings(text) {
  const data = objectIn(text);
  if ("sui_image_params" in data) return "SwarmUI";
  if ("negative_prompt" in data && "prompt" in data) return "base_model" in data ? "Fooocus" : "Easy Diffusion";
  if (["c", "uc", "seed", "steps"].every((key) => key in data)) return "Draw Things";
  return text.includes("Steps: ") && text.includes("Seed: ") ? "Stable Diffusion" : null;
}

/** @param {Record<string, any>} data whether these are the nodes of a workflow of ComfyUI */
function isGraph(data) {
  const nodes = data.nodes ?? Object.values(data);
  return Array.isArray(nodes) && nodes.some((node) => node?.constructor === Object && ("class_type" in node || "type" in node));
}

/** @param {Property} text @returns {string|null} */
function toolOfKey([key, text]) {
  if (Object.hasOwn(OWN_KEYS, key)) return OWN_KEYS[key];
  if (key === "Dream" && text.includes(" -S")) return "InvokeAI";
  if ((key === "prompt" || key === "workflow") && isGraph(objectIn(text))) return "ComfyUI";
  return key === "negative_prompt" || key === "Negative Prompt" ? "Easy Diffusion" : null;
}

/** @param {Property[]} packets @param {Exif[]} blocks @param {Property[]} texts @returns {Declaration[]} */
function generators(packets, blocks, texts) {
  const named = [...valuesOf(packets, TOOL), ...blocks.flatMap(({ make, software }) => [make, software])];
  named.push(...texts.filter(([key]) => key === "Software" || key === "Source").map(([, text]) => text));
  const settings = [...valuesOf(packets, XMP_COMMENT), ...blocks.map(({ comment }) => comment)];
  settings.push(...texts.filter(([key]) => COMMENT_KEYS.includes(key.toLowerCase())).map(([, text]) => text));
  const signature = new RegExp(`^(?:${GROK_ARTIST})$`, "i");
  const isGrok = blocks.some(({ artist, description }) => signature.test(artist) && description.startsWith("Signature: "));
  const tools = [
    ...named.filter((name) => TOOLS.includes(name) || name === "Grok"), ...(isGrok ? ["Grok"] : []),
    ...settings.map(toolOfSettings), ...texts.map(toolOfKey),
  ].filter((tool) => tool !== null);
  return [...new Set(tools)].sort().map((tool) => declaration("generator", ["generated"], tool));
}

/** @param {Pieces} pieces @returns {Declaration[]} each statement once */
export function declarations({ credentials, xmp, exif, texts }) {
  const packets = xmp.flatMap(properties);
  const blocks = exif.map(readExif);
  const found = [...iptc(packets), ...aigc(packets, blocks, texts), ...generators(packets, blocks, texts)];
  if (!credentials && valuesOf(packets, REMOTE).length) found.push(declaration("content-credentials", [], null, "elsewhere"));
  return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()];
}

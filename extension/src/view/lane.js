// One person's time on screen as a strip: where the marks are. Height and colour say the same.

import { stretches } from "../verdict/moments.js";

/** @import { Face, Verdict } from "../verdict/types.js" */

const SVG = "http://www.w3.org/2000/svg";
const LENGTH = 1000;
const HEIGHT = 12;
const HEIGHTS = { low: 4, middle: 8, high: 12 };

/** @param {string} tag @param {Record<string, string|number>} attributes */
function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

/**
 * Drawn from left to right in every language, as players draw their bars. Decorative: its
 * caller gives it a name and an equivalent in words.
 * @param {Face} face @param {number} duration_s @param {Verdict["model"]} model that judged
 */
export function lane(face, duration_s, model) {
  const span = Math.max(duration_s, face.end_s, 0.001);
  const svg = shape("svg", {
    class: "lane", viewBox: `0 0 ${LENGTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  const seen = { x: (face.start_s / span) * LENGTH, width: ((face.end_s - face.start_s) / span) * LENGTH };
  svg.append(shape("rect", { class: "seen", ...seen, y: HEIGHT - 1, height: 1 }));
  for (const { from_s, to_s, level } of stretches(face, model)) {
    const height = HEIGHTS[level];
    const x = (from_s / span) * LENGTH;
    const width = Math.max(3, ((to_s - from_s) / span) * LENGTH);
    svg.append(shape("rect", { class: `stretch ${level}`, x, width, y: HEIGHT - height, height }));
  }
  return svg;
}

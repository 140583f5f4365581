// Small things about the document that several parts need.

export { badge, element } from "./extension/view/element.js";

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** Tell those who do not see the page. @param {string} text */
export function announce(text) {
  const live = byId("live");
  if (live.textContent !== text) live.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} name @param {Record<string, string|number>} attributes */
export function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}

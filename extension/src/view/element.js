// Building DOM without markup: text only ever arrives as textContent.

/**
 * @typedef {object} Parts
 * @property {string} [class]
 * @property {string} [text]
 * @property {Record<string, string|number|boolean>} [attributes] `false` leaves one out
 * @property {() => void} [click]
 * @property {AbortSignal} [signal] ends the click
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Parts} [parts] @param {(Node|string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, parts = {}, ...children) {
  const node = document.createElement(tag);
  if (parts.class) node.className = parts.class;
  if (parts.text !== undefined) node.textContent = parts.text;
  for (const [name, value] of Object.entries(parts.attributes ?? {})) {
    if (value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  if (parts.click) node.addEventListener("click", parts.click, { signal: parts.signal });
  node.append(...children);
  return node;
}

/**
 * A label as everybody can take it: its shape, its words, and a class for its colour.
 * @param {string} label @param {string} shape @param {string} text
 */
export function badge(label, shape, text) {
  const sign = element("span", { class: "shape", text: shape, attributes: { "aria-hidden": "true" } });
  return element("span", { class: `label ${label}` }, sign, element("span", { text }));
}

// The trees that a document is made of: its own, and those that its elements hide in themselves.

/** @param {HTMLElement} element @returns {ShadowRoot|null} its shadow root, if closed to the page */
function closedRootOf(element) {
  const { openOrClosedShadowRoot } = /** @type {any} */ (element); // Firefox has it here,
  const { dom } = chrome; // Chromium there
  return openOrClosedShadowRoot ?? dom?.openOrClosedShadowRoot(element) ?? null;
}

/** @param {Element} element @returns {ShadowRoot|null} */
function rootOf(element) {
  if (element.shadowRoot) return element.shadowRoot;
  // To ask takes microseconds, too many for all elements: these may well have one.
  const asked = element instanceof HTMLElement && (element.localName.includes("-") || !element.firstChild);
  return asked ? closedRootOf(element) : null;
}

/** @param {Document|ShadowRoot} root @returns {Generator<Document|ShadowRoot>} it, and all within it */
export function* rootsIn(root) {
  yield root;
  for (const element of root.querySelectorAll("*")) {
    const inner = rootOf(element);
    if (inner) yield* rootsIn(inner);
  }
}

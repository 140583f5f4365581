// The trees that a document is made of: its own, and those that its elements hide in themselves.

/** @param {Element} element @returns {ShadowRoot|null} its shadow root, also one closed to the page */
function rootOf(element) {
  if (!(element instanceof HTMLElement)) return null;
  const { openOrClosedShadowRoot } = /** @type {any} */ (element); // Firefox; Chromium has a function
  return openOrClosedShadowRoot ?? chrome.dom?.openOrClosedShadowRoot(element) ?? element.shadowRoot;
}

/** @param {Document|ShadowRoot} root @returns {Generator<Document|ShadowRoot>} it, and all within it */
export function* rootsIn(root) {
  yield root;
  for (const element of root.querySelectorAll("*")) {
    const inner = rootOf(element);
    if (inner) yield* rootsIn(inner);
  }
}

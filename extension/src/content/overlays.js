// Which overlay belongs to which subject, and their end: closed, source changed, element gone.

import { openOverlay } from "./overlay.js";

/**
 * @import { Drawing } from "./overlay.js"
 * @import { Shown } from "./subjects.js"
 */

/** For an element that the page took away without a word. */
const NET_MS = 250;

/**
 * @typedef {{drawing: Drawing, life: AbortController, overlay: ReturnType<typeof openOverlay>|null}} Entry
 * @typedef {{element: (key: string) => Shown|null}} Subjects
 */

/**
 * Verdicts are kept per key: when a player goes back to what was judged, it is drawn again.
 * @param {Subjects} subjects @param {AbortController} life of the extension in this document
 */
export function createOverlays(subjects, life) {
  const { signal } = life;
  /** @type {Map<string, Entry>} */
  const entries = new Map();

  /** @param {string} key */
  const open = (key) => {
    const entry = entries.get(key);
    const element = subjects.element(key);
    if (signal.aborted || !entry || entry.overlay || entry.life.signal.aborted || !element) return;
    const shown = new AbortController();
    const ended = new AbortController();
    entry.overlay = openOverlay(element, entry.drawing, shown);
    const over = () => ended.abort();
    entry.life.signal.addEventListener("abort", () => shown.abort(), { signal: ended.signal });
    shown.signal.addEventListener("abort", () => {
      over();
      entry.overlay = null;
      if (subjects.element(key)) entry.life.abort(); // the person closed it: it stays closed
    }, { once: true });
    const look = () => {
      if (!chrome.runtime?.id) life.abort(); // the extension was removed, or replaced by a newer one
      if (signal.aborted || subjects.element(key) !== element) shown.abort();
    };
    element.addEventListener("emptied", look, { signal: ended.signal });
    element.addEventListener("loadstart", look, { signal: ended.signal });
    const net = setInterval(look, NET_MS);
    ended.signal.addEventListener("abort", () => clearInterval(net), { once: true });
  };

  // A source that comes back gets its overlay back. Capturing: media events do not bubble.
  document.addEventListener("loadedmetadata", () => {
    for (const key of entries.keys()) open(key);
  }, { capture: true, signal });

  return {
    /** @param {string} key @param {Drawing} drawing @returns {boolean} whether the page shows what was judged */
    draw(key, drawing) {
      const known = entries.get(key);
      if (known?.overlay) {
        known.drawing = drawing;
        known.overlay.show(drawing);
      } else {
        known?.life.abort();
        entries.set(key, { drawing, life: new AbortController(), overlay: null });
        open(key);
      }
      return entries.get(key)?.overlay?.fits() ?? false;
    },
    /** @param {string} key @returns {boolean} whether anything was drawn */
    erase(key) {
      const entry = entries.get(key);
      const drawn = Boolean(entry?.overlay);
      entry?.life.abort();
      return entries.delete(key) && drawn;
    },
  };
}

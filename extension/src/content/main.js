// The extension on a page. Loaded into a document the first time that the person asks for it there;
// does nothing until the service worker sends a message.

import { createCopies, isCopyable } from "./copies.js";
import { grab, preview } from "./grab.js";
import { original } from "./original.js";
import { createOverlays } from "./overlays.js";
import { pointAt } from "./point.js";
import { createSubjects } from "./subjects.js";

/**
 * @import { Drawing } from "./overlay.js"
 * @import { Subject } from "./subjects.js"
 */

/**
 * What the service worker may ask of a page.
 * @typedef {{type: "list"}
 *   | {type: "bySource", source: string}
 *   | {type: "draw", key: string, drawing: Drawing}
 *   | {type: "erase", key: string}
 *   | {type: "grab", key: string}
 *   | {type: "original", key: string, from: number, to: number}
 *   | {type: "copyable", key: string}
 *   | {type: "copied", key: string, time_s: number}
 *   | {type: "free", key: string}
 *   | {type: "preview", key: string}
 *   | {type: "point", key: string}
 *   | {type: "play", key: string}
 *   | {type: "seek", key: string, time_s: number}} PageMessage
 */

function start() {
  const subjects = createSubjects();
  const copies = createCopies();
  const overlays = createOverlays(subjects, new AbortController());

  const answers = {
    /** @returns {Subject[]} */
    list: () => subjects.list(),
    /** @param {{source: string}} message */
    bySource: ({ source }) => subjects.bySource(source),
    /** @param {{key: string, drawing: Drawing}} message */
    draw: ({ key, drawing }) => overlays.draw(key, drawing),
    /** @param {{key: string}} message */
    erase: ({ key }) => overlays.erase(key),
    /** @param {{key: string}} message */
    grab({ key }) {
      const element = subjects.element(key);
      return element ? grab(element) : null;
    },
    /** @param {{key: string, from: number, to: number}} message */
    original: ({ key, from, to }) => original(subjects.element(key), from, to),
    /** @param {{key: string}} message */
    copyable: ({ key }) => isCopyable(subjects.element(key)),
    /** @param {{key: string, time_s: number}} message */
    copied: ({ key, time_s }) => copies.at(key, subjects.element(key), time_s),
    /** @param {{key: string}} message */
    free: ({ key }) => copies.free(key),
    /** @param {{key: string}} message */
    preview({ key }) {
      const element = subjects.element(key);
      return element ? preview(element) : null;
    },
    /** @param {{key: string}} message */
    point({ key }) {
      const element = subjects.element(key);
      if (element) pointAt(element);
    },
    /** @param {{key: string}} message */
    play({ key }) {
      const element = subjects.element(key);
      if (!(element instanceof HTMLVideoElement)) return;
      element.scrollIntoView({ block: "nearest" }); // pictures of the screen hold what is in view
      element.play().catch(() => {}); // the person may have to
    },
    /** @param {{key: string, time_s: number}} message */
    seek({ key, time_s }) {
      const element = subjects.element(key);
      if (element instanceof HTMLVideoElement) element.currentTime = time_s;
    },
  };

  chrome.runtime.onMessage.addListener((/** @type {PageMessage} */ message, { url }, reply) => {
    const answer = answers[message.type];
    // A page of ours that holds this also gets what other pages of ours ask the worker.
    if (!answer || /\/(popup|welcome)\//.test(url ?? "")) return false;
    Promise.resolve(answer(/** @type {any} */ (message))).then((value) => reply(value ?? null));
    return true; // it answers in a moment
  });
}

start();

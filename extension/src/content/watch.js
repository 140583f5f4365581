// On a chosen site: says that a video plays, once for what it shows. Nothing of the page is said;
// the worker looks for itself.

import { sourceOf } from "./subjects.js";

/** A preview under the pointer is over by then. */
const SETTLED_MS = 1_500;

function watch() {
  const life = new AbortController();
  /** @type {WeakMap<HTMLVideoElement, string>} */
  const told = new WeakMap();

  /** @param {HTMLVideoElement} video */
  const say = (video) => {
    if (!chrome.runtime?.id) return life.abort(); // the extension was removed, or replaced by a newer one
    const source = sourceOf(video);
    if (video.paused || video.ended || told.get(video) === source) return undefined;
    told.set(video, source);
    chrome.runtime.sendMessage({ type: "plays" }).catch(() => {});
    return undefined;
  };
  /** @param {HTMLVideoElement} video */
  const later = (video) => { setTimeout(() => say(video), SETTLED_MS); };

  document.addEventListener("playing", ({ target }) => {
    if (target instanceof HTMLVideoElement) later(target);
  }, { capture: true, signal: life.signal }); // media events do not bubble
  document.querySelectorAll("video").forEach(later);
}

watch();

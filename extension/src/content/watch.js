// On a chosen site: reports that a video plays, once for each source. It sends nothing of the page;
// the worker looks for itself.

import { rootsIn } from "./roots.js";
import { sourceOf } from "./subjects.js";

/** How often to look for players that came later: no event tells of a shadow root. */
const LOOK_MS = 2_000;
/** A preview under the pointer is over by then. */
const SETTLED_MS = 1_500;

function watch() {
  const life = new AbortController();
  /** @type {WeakMap<HTMLVideoElement, string>} */
  const told = new WeakMap();
  /** @type {WeakSet<Node>} */
  const watched = new WeakSet();

  /** Whether the extension is still there: it may be removed, or replaced by a newer one. */
  const alive = () => {
    if (!chrome.runtime?.id) life.abort();
    return !life.signal.aborted;
  };

  /** @param {HTMLVideoElement} video */
  const say = (video) => {
    if (!alive()) return;
    const source = sourceOf(video);
    if (video.paused || video.ended || told.get(video) === source) return;
    told.set(video, source);
    chrome.runtime.sendMessage({ type: "plays" }).catch(() => {});
  };
  /** @param {HTMLVideoElement} video */
  const later = (video) => { setTimeout(() => say(video), SETTLED_MS); };

  const look = () => {
    for (const root of rootsIn(document)) {
      if (watched.has(root)) continue;
      watched.add(root);
      root.addEventListener("playing", ({ target }) => {
        if (target instanceof HTMLVideoElement) later(target);
      }, { capture: true, signal: life.signal }); // media events do not bubble, nor leave their root
      root.querySelectorAll("video").forEach(later);
    }
  };
  look();
  const timer = setInterval(() => { if (alive() && !document.hidden) look(); }, LOOK_MS);
  life.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

watch();

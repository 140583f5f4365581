// Hidden copies of videos, muted and never played, whose pictures are looked at by seeking: the person's
// own player is left alone. A copy is there while it is asked for.

import { pictureOf, preview } from "./grab.js";

/** A copy that nobody asks any more is freed by then. */
const IDLE_MS = 15_000;
/** A server that gives no more bytes answers nothing. */
const PATIENCE_MS = 10_000;
/** A player may state a length that is a little beyond its last picture. */
const CLOSE_S = 1;

/** @typedef {{time_s: number, picture: string}} Copied `picture` is a data URL */

/** @param {HTMLVideoElement} video @param {string} type of an event @returns {Promise<boolean>} whether it came */
const comes = (video, type) => new Promise((resolve) => {
  const late = setTimeout(() => resolve(false), PATIENCE_MS);
  const over = (/** @type {Event} */ event) => {
    clearTimeout(late);
    resolve(event.type === type);
  };
  video.addEventListener(type, over, { once: true });
  video.addEventListener("error", over, { once: true });
});

/**
 * Whether a copy of it could be looked at: it has an address and an end, the page may read its pictures,
 * and its player can go to any of them.
 * @param {Element|null} element
 */
export function isCopyable(element) {
  if (!(element instanceof HTMLVideoElement)) return false;
  const { duration, seekable, currentSrc, srcObject } = element;
  const reach_s = seekable.length ? seekable.end(seekable.length - 1) - seekable.start(0) : 0;
  return !srcObject && /^https?:|^chrome-extension:|^moz-extension:/.test(currentSrc) && Number.isFinite(duration)
    && reach_s > duration - CLOSE_S && preview(element) !== null;
}

/** @param {HTMLVideoElement} element @returns {HTMLVideoElement} */
function copyOf({ currentSrc, crossOrigin }) {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.crossOrigin = crossOrigin;
  video.src = currentSrc;
  return video;
}

export function createCopies() {
  /** @type {Map<string, {video: HTMLVideoElement, ready: Promise<boolean>, idle: ReturnType<typeof setTimeout>}>} */
  const copies = new Map();

  /** @param {string} key */
  const free = (key) => {
    const copy = copies.get(key);
    copies.delete(key);
    if (!copy) return;
    clearTimeout(copy.idle);
    copy.video.removeAttribute("src");
    copy.video.load(); // gives back what it holds
  };

  /** @param {string} key @param {HTMLVideoElement} element */
  const open = (key, element) => {
    const known = copies.get(key);
    const video = known?.video ?? copyOf(element);
    const ready = known?.ready ?? comes(video, "loadeddata");
    clearTimeout(known?.idle);
    copies.set(key, { video, ready, idle: setTimeout(() => free(key), IDLE_MS) });
    return { video, ready };
  };

  return {
    free,
    /**
     * @param {string} key @param {Element|null} element that it is a copy of
     * @param {number} time_s @returns {Promise<Copied|null>} null where it cannot be had
     */
    async at(key, element, time_s) {
      if (!isCopyable(element)) return null;
      const { video, ready } = open(key, /** @type {HTMLVideoElement} */ (element));
      let there = await ready;
      if (there && video.currentTime !== time_s) {
        video.currentTime = time_s;
        there = await comes(video, "seeked");
      }
      const picture = there ? pictureOf(video) : null;
      if (!picture) free(key);
      return picture ? { time_s: video.currentTime, picture } : null;
    },
  };
}

// What on this page can be checked: its videos and larger pictures, best first.

import { rootsIn } from "./roots.js";
import { siteLabel } from "./site-label.js";

/**
 * @typedef {object} Subject
 * @property {string} key names the element and what it shows; no other document has it
 * @property {"video"|"image"|"frame"|"link"|"page"} kind
 * @property {string|null} url the media's own address, where the service could fetch it
 * @property {string} page address of the document that it is in
 * @property {number} frameId
 * @property {string} title
 * @property {number} width of the picture, in pixels
 * @property {number} height
 * @property {number|null} duration_s
 * @property {boolean} playing
 * @property {number} [watched_s] how far it has been played
 * @property {string|null} [label] the site's own label of its origin
 *
 * @typedef {HTMLVideoElement|HTMLImageElement} Shown
 */

/** Smaller elements are icons and thumbnails. */
const LEAST_PX = 120;
const MOST_IMAGES = 4;

/** @param {string} selector @returns {Element[]} */
function everywhere(selector) {
  return [...rootsIn(document)].flatMap((root) => [...root.querySelectorAll(selector)]);
}

/** @param {string} url */
function fetchable(url) {
  return /^https?:/.test(url) ? url : null;
}

/** @param {Element} element the area of it that is in view, in px² */
function area(element) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const width = Math.min(right, innerWidth) - Math.max(left, 0);
  const height = Math.min(bottom, innerHeight) - Math.max(top, 0);
  return Math.max(0, width) * Math.max(0, height);
}

/** @param {Element} element */
function large(element) {
  const { width, height } = element.getBoundingClientRect();
  return width >= LEAST_PX && height >= LEAST_PX;
}

/** @param {Shown} element */
export function sourceOf(element) {
  return element.currentSrc || element.src || "stream:";
}

/** @param {Shown} element */
export function measured(element) {
  const still = element instanceof HTMLImageElement;
  return {
    width: still ? element.naturalWidth : element.videoWidth,
    height: still ? element.naturalHeight : element.videoHeight,
    duration_s: still ? NaN : element.duration,
  };
}

/** @param {{kind: Subject["kind"]}} subject whether its pictures can be looked at in the browser, and drawn on */
export const isShown = ({ kind }) => kind === "video" || kind === "image";

/** Keeps which key stands for which element; `document` is the only thing it reads. */
export function createSubjects() {
  const instance = crypto.randomUUID();
  /** @type {WeakMap<Element, Map<string, string>>} */
  const keys = new WeakMap();
  /** @type {Map<string, WeakRef<Shown>>} */
  const elements = new Map();

  /** @param {Shown} element */
  const keyOf = (element) => {
    const known = keys.get(element) ?? new Map();
    keys.set(element, known);
    const source = sourceOf(element);
    const key = known.get(source) ?? `${instance}:${elements.size}`;
    known.set(source, key);
    if (!elements.has(key)) elements.set(key, new WeakRef(element));
    return key;
  };

  /** @param {Shown} element @returns {Subject} */
  const describe = (element) => {
    const { width, height, duration_s } = measured(element);
    const video = element instanceof HTMLVideoElement;
    return {
      key: keyOf(element),
      kind: video ? "video" : "image",
      url: fetchable(sourceOf(element)),
      page: location.href,
      frameId: 0,
      title: element.title || element.getAttribute("aria-label") || (video ? "" : element.alt),
      width,
      height,
      duration_s: Number.isFinite(duration_s) ? duration_s : null,
      playing: video && !element.paused && !element.ended,
      ...(video ? { watched_s: element.currentTime } : {}),
      label: video ? siteLabel(element) : null,
    };
  };

  /** @param {Element} frame @returns {Subject} */
  const describeFrame = (frame) => {
    const { src, title } = /** @type {HTMLIFrameElement} */ (frame);
    const { width, height } = frame.getBoundingClientRect();
    return {
      key: `${instance}:frame:${src}`, kind: "frame", url: fetchable(src), page: location.href, frameId: 0,
      title, width: Math.round(width), height: Math.round(height), duration_s: null, playing: false,
    };
  };

  return {
    describe,
    /** @returns {Subject[]} videos by what plays and how much of it is seen, then players in frames, then pictures */
    list() {
      const found = everywhere("video, img, iframe[src]").filter(large).sort((a, b) => area(b) - area(a));
      const videos = found.filter((element) => element instanceof HTMLVideoElement).map(describe);
      const frames = found.filter((element) => element instanceof HTMLIFrameElement).map(describeFrame);
      const images = found.filter((element) => element instanceof HTMLImageElement).slice(0, MOST_IMAGES);
      videos.sort((a, b) => Number(b.playing) - Number(a.playing));
      return [...videos, ...frames.filter((frame) => frame.url), ...images.map(describe)];
    },
    /** @param {string} key @returns {Shown|null} the element, if it still shows what the key stands for */
    element(key) {
      const element = elements.get(key)?.deref();
      if (!element) return null;
      if (element.isConnected) return keyOf(element) === key ? element : null;
      return null;
    },
    /** @param {string} source an address as the context menu gives it @returns {Subject|null} */
    bySource(source) {
      for (const element of everywhere("video, img")) {
        const shown = /** @type {Shown} */ (element);
        if (sourceOf(shown) === source || shown.src === source) return describe(shown);
      }
      return null;
    },
  };
}

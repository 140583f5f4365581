// One picture of what an element shows now, for the case that the service cannot fetch it.

import { placeOf } from "./place.js";
import { measured } from "./subjects.js";

/**
 * @import { Rect } from "../verdict/geometry.js"
 * @import { Shown } from "./subjects.js"
 */

const LONGEST_PX = 1280;
/** Of a picture that only tells one element from another. */
const PREVIEW_PX = 128;
const QUALITY = 0.9;

/**
 * @typedef {{time_s: number, moving: boolean, ended: boolean, picture: string|null, screen: Rect|null, ratio: number}} Grab
 *   `picture` is a data URL; where the page's origin rules forbid reading the picture it is null, and
 *   `screen` is where in the tab the picture can be seen; null too where that cannot be known
 */

/** @param {Shown} element @param {number} [longest_px] @returns {string|null} of a still every byte, of a video what is quick to take */
export function pictureOf(element, longest_px = LONGEST_PX) {
  const type = element instanceof HTMLVideoElement ? "image/jpeg" : "image/png";
  const { width, height } = measured(element);
  const scale = Math.min(1, longest_px / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  try {
    canvas.getContext("2d")?.drawImage(element, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL(type, QUALITY);
  } catch {
    return null; // a picture of another origin taints the canvas
  } finally {
    canvas.width = 0; // gives its pixels back at once
  }
}

/** @param {Shown} element @returns {Rect} the picture on the screen, where it is neither turned nor cropped */
function onScreen(element) {
  const { picture, matrix } = placeOf(element);
  return {
    x: matrix.e + matrix.a * picture.x, y: matrix.f + matrix.d * picture.y,
    width: matrix.a * picture.width, height: matrix.d * picture.height,
  };
}

/** @param {Shown} element @returns {string|null} a small data URL; null where the page's origin rules forbid it */
export const preview = (element) => pictureOf(element, PREVIEW_PX);

/** @param {Shown} element @returns {Grab} */
export function grab(element) {
  const video = element instanceof HTMLVideoElement ? element : null;
  const picture = pictureOf(element);
  return {
    time_s: video?.currentTime ?? 0,
    moving: video !== null && !video.paused && !video.ended && video.readyState >= 2,
    ended: video?.ended ?? true,
    picture,
    // In a frame the viewport is the frame's, and what stands there in the tab is something else.
    screen: picture || window !== window.top ? null : onScreen(element),
    ratio: devicePixelRatio,
  };
}

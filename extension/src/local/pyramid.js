// The sizes at which the cascade's first network looks at a picture: models/pyramid.py. Pure.

import { rounded } from "./picture.js";
import rules from "./rules.js";

const { SMALLEST_PX, WINDOW_PX, STRIDE_PX, PYRAMID_STEP } = rules.pyramid;

/** @typedef {{scale: number, width: number, height: number}} Level */

/** @param {{width: number, height: number}} picture @returns {Level[]} ever smaller, while a window fits */
export function levels({ width, height }) {
  const shorter = Math.max(1, Math.min(height, width));
  const count = Math.max(0, rounded(Math.log(shorter / WINDOW_PX) / Math.log(1 / PYRAMID_STEP) - 1));
  return Array.from({ length: count }, (_, level) => {
    const scale = (WINDOW_PX / SMALLEST_PX) * PYRAMID_STEP ** level;
    return { scale, width: Math.trunc(width * scale), height: Math.trunc(height * scale) };
  });
}

/** @param {number} side_px @returns {number} along it; the last window of an odd side reaches one pixel beyond */
export function windowsAlong(side_px) {
  return Math.ceil((side_px - WINDOW_PX + STRIDE_PX) / STRIDE_PX);
}

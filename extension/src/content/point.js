// Shows on the page which element is meant. The page's own styles stay as they are.

/** @import { Shown } from "./subjects.js" */

const SHOWN_MS = 1_600;
const FRAME = { outline: "4px solid #0b8a7d", outlineOffset: "-4px" };

/** @param {Shown} element framed for a moment, and in view */
export function pointAt(element) {
  element.scrollIntoView({ block: "nearest" });
  element.animate([FRAME, FRAME], SHOWN_MS);
}

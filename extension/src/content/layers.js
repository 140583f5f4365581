// The overlay's own elements: in a closed shadow root, in the browser's top layer.

import { clearest } from "../verdict/geometry.js";
import { element } from "../view/element.js";

/** @import { Affine, Rect } from "../verdict/geometry.js"
 *  @import { Place } from "./place.js" */

/** Events that the page must not get: its players handle keys and clicks themselves. */
const PRIVATE_EVENTS = ["click", "dblclick", "pointerdown", "pointerup", "mousedown", "mouseup", "keydown", "keyup", "keypress"];
/** Height that players' bars take at the bottom of a picture; the panel stays above it. */
const CONTROLS_PX = 84;
/** A picture less high than this has no room for the panel, which then goes below. */
const LEAST_HEIGHT_PX = 260;
const GAP_PX = 8;

/** @param {string} name @param {string} dir @param {AbortSignal} signal */
export function createLayers(name, dir, signal) {
  const host = document.createElement("mesoscope-overlay");
  host.popover = "manual";
  const root = host.attachShadow({ mode: "closed" });
  const style = element("link", { attributes: { rel: "stylesheet", href: chrome.runtime.getURL("content/overlay.css") } });
  const picture = element("div", { class: "picture", attributes: { "aria-hidden": "true" } });
  const view = element("div", { class: "view" }, picture);
  const panel = element("div", { class: "panel", attributes: { role: "region", "aria-label": name, dir } });
  const all = element("div", { class: "all", attributes: { hidden: true } }, view, panel);
  style.addEventListener("load", () => { all.hidden = false; }, { signal });
  root.append(style, all);
  for (const type of PRIVATE_EVENTS) {
    panel.addEventListener(type, (event) => event.stopPropagation(), { signal });
  }
  const raise = () => {
    // Last in the top layer is on top of what went full screen before. Outside of a full screen
    // element the browser takes no clicks, so the overlay moves in. A lone video has no inside: there
    // the overlay is only seen, and shows no buttons.
    const full = document.fullscreenElement;
    const lone = full instanceof HTMLVideoElement;
    (full && !lone ? full : document.documentElement).append(host);
    panel.inert = lone;
    if (host.matches(":popover-open")) host.hidePopover();
    host.showPopover();
  };
  raise();
  document.addEventListener("fullscreenchange", raise, { signal });
  signal.addEventListener("abort", () => host.remove(), { once: true });
  return { host, picture, view, panel, all };
}

/** @typedef {ReturnType<typeof createLayers>} Layers */

/** @param {Affine} matrix @param {Rect} within */
function css({ a, b, c, d, e, f }, within) {
  return `matrix(${a}, ${b}, ${c}, ${d}, ${e - within.x}, ${f - within.y})`;
}

/** @param {Layers} layers @param {Place} place */
export function layPicture({ view, picture }, { content, matrix, visible }) {
  view.style.transform = `translate(${visible.x}px, ${visible.y}px)`;
  view.style.width = `${visible.width}px`;
  view.style.height = `${visible.height}px`;
  picture.style.width = `${content.width}px`;
  picture.style.height = `${content.height}px`;
  picture.style.transform = css(matrix, visible);
}

/**
 * Where the panel may lie: on the picture above the player's bar or at its top, or outside of it.
 * @param {Rect} visible @param {{width: number, height: number}} panel @param {number} bar height to keep clear of
 * @returns {Rect[]} the best first; a picture that is too low has its panel below
 */
function placesFor(visible, { width, height }, bar) {
  const x = Math.max(GAP_PX, Math.min(visible.x + GAP_PX, innerWidth - width - GAP_PX));
  const end = visible.y + visible.height;
  const low = { x, y: end - bar - height, width, height };
  const high = { x, y: visible.y + GAP_PX, width, height };
  const below = { x, y: Math.min(end + GAP_PX, innerHeight - height - GAP_PX), width, height };
  const above = { x, y: Math.max(visible.y - GAP_PX - height, GAP_PX), width, height };
  return visible.height >= LEAST_HEIGHT_PX ? [low, high, below, above] : [below, above];
}

/** @param {Layers} layers @returns {Rect[]} the faces that are marked just now, on the screen */
const facesNow = ({ picture }) =>
  [...picture.children].filter((box) => /** @type {HTMLElement} */ (box).style.visibility === "visible")
    .map((box) => box.getBoundingClientRect());

/**
 * Lay the panel where it hides no face, as far as there is such a place, unless it was moved by hand.
 * @param {Layers} layers @param {Rect} visible @param {{x: number, y: number}} moved by hand
 * @param {boolean} controls whether the element has a bar to keep clear of
 */
export function layPanel(layers, visible, moved, controls) {
  const { panel } = layers;
  const width = Math.max(Math.min(visible.width, innerWidth) - 2 * GAP_PX, 240);
  panel.style.width = `${width}px`;
  const places = placesFor(visible, { width, height: panel.offsetHeight }, controls ? CONTROLS_PX : GAP_PX);
  const before = Math.min(Number(panel.dataset.place ?? 0), places.length - 1);
  const place = moved.x || moved.y ? before : clearest(places, facesNow(layers), before);
  panel.dataset.place = String(place);
  const { x, y } = places[place];
  Object.assign(panel.style, {
    left: `${x}px`, top: `${y}px`, transform: `translate(${moved.x}px, ${moved.y}px)`,
  });
}

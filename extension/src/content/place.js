// Where an element's picture is on the screen now, read from the page's layout.

import { compose, intersect, pictureRect, toViewport } from "../verdict/geometry.js";
import { measured } from "./subjects.js";

/**
 * @import { Affine, Linear, Rect, Size } from "../verdict/geometry.js"
 * @import { Shown } from "./subjects.js"
 */

/**
 * @typedef {object} Place
 * @property {Size} content the element's content box, in its own layout pixels
 * @property {Rect} picture the picture in that box
 * @property {Affine} matrix from the content box to the viewport
 * @property {Rect} visible the part of the viewport where the element can be seen
 */

/** @param {CSSStyleDeclaration} style @returns {Linear} what the element's own transform does */
function linearOf({ transform, rotate, scale }) {
  const steps = [];
  if (rotate !== "none") steps.push(`rotate(${rotate})`);
  if (scale !== "none") steps.push(`scale(${scale.split(" ").join(",")})`);
  if (transform !== "none") steps.push(transform);
  return new DOMMatrix(steps.join(" "));
}

/** @param {Element} element @returns {Element|null} the parent as the page is painted */
function above(element) {
  if (element.matches(":fullscreen")) return null; // the top layer leaves its ancestors behind
  const root = element.getRootNode();
  return element.assignedSlot ?? element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/** @param {CSSStyleDeclaration} style */
function holdsFixed(style) {
  return style.transform !== "none" || style.filter !== "none" || style.perspective !== "none";
}

/**
 * Everything between the element and the screen: turns, scales and clips.
 * @param {Element} element
 * @returns {{linear: Linear, visible: Rect}}
 */
function surroundings(element) {
  let linear = linearOf(getComputedStyle(element));
  let visible = intersect(element.getBoundingClientRect(), { x: 0, y: 0, width: innerWidth, height: innerHeight });
  let { position } = getComputedStyle(element);
  for (let node = above(element); node && node !== document.documentElement; node = above(node)) {
    const style = getComputedStyle(node);
    linear = compose(linearOf(style), linear);
    const holds = position === "fixed" ? holdsFixed(style)
      : position !== "absolute" || style.position !== "static" || holdsFixed(style);
    if (!holds) continue;
    position = style.position;
    const clips = style.overflow !== "visible" && node !== document.body;
    if (clips) visible = intersect(visible, node.getBoundingClientRect());
  }
  return { linear, visible };
}

/** @param {CSSStyleDeclaration} style @param {string} side */
function edge(style, side) {
  const px = /** @param {string} name */ (name) => parseFloat(style.getPropertyValue(name)) || 0;
  return px(`border-${side}-width`) + px(`padding-${side}`);
}

/** @param {Shown} element @returns {Place} */
export function placeOf(element) {
  const style = getComputedStyle(element);
  const bounds = element.getBoundingClientRect();
  const layout = { width: element.offsetWidth, height: element.offsetHeight };
  const { linear, visible } = surroundings(element);
  const outer = toViewport(bounds, layout, linear);
  const [left, top] = [edge(style, "left"), edge(style, "top")];
  const content = {
    width: layout.width - left - edge(style, "right"),
    height: layout.height - top - edge(style, "bottom"),
  };
  const matrix = {
    ...outer,
    e: outer.e + outer.a * left + outer.c * top,
    f: outer.f + outer.b * left + outer.d * top,
  };
  const picture = pictureRect(content, measured(element), style.objectFit, style.objectPosition);
  return { content, picture, matrix, visible };
}

/** @param {Place} one @param {Place} other */
export function samePlace(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

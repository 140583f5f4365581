// Where a picture lies in its element, and the element on the screen. Pure: numbers in, numbers out.

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Rect
 * @typedef {{width: number, height: number}} Size
 * @typedef {{a: number, b: number, c: number, d: number}} Linear the part of a CSS matrix that turns and scales
 * @typedef {Linear & {e: number, f: number}} Affine
 */

/**
 * The picture's size under a CSS `object-fit`.
 * @param {Size} box @param {Size} picture @param {string} fit
 * @returns {Size}
 */
function fitted(box, picture, fit) {
  if (fit === "fill") return box;
  const ratios = [box.width / picture.width, box.height / picture.height];
  const contain = Math.min(...ratios);
  const scales = { cover: Math.max(...ratios), none: 1, "scale-down": Math.min(1, contain) };
  const scale = scales[/** @type {keyof typeof scales} */ (fit)] ?? contain;
  return { width: picture.width * scale, height: picture.height * scale };
}

/**
 * One axis of a computed `object-position`: "50%", "12px" or "calc(100% - 8px)".
 * @param {string} value @param {number} room the box's length less the picture's
 */
function offset(value, room) {
  let sum = 0;
  for (const [, sign, number, unit] of value.matchAll(/([+-]?)\s*([\d.]+)(%|px)/g)) {
    const length = unit === "%" ? (room * Number(number)) / 100 : Number(number);
    sum += sign === "-" ? -length : length;
  }
  return sum;
}

/** @param {string} position two values as computed styles give them, calc() included */
function axes(position) {
  return position.match(/calc\([^)]*\)|[^\s]+/g) ?? ["50%", "50%"];
}

/**
 * The rectangle that the picture covers, in the coordinates of its element's content box.
 * It reaches beyond the box where the fit crops.
 * @param {Size} box @param {Size} picture @param {string} [fit] @param {string} [position]
 * @returns {Rect}
 */
export function pictureRect(box, picture, fit = "contain", position = "50% 50%") {
  const { width, height } = fitted(box, picture, fit);
  const [x, y] = axes(position);
  return { x: offset(x, box.width - width), y: offset(y, box.height - height), width, height };
}

/** @param {Linear} outer @param {Linear} inner @returns {Linear} first `inner`, then `outer` */
export function compose(outer, inner) {
  return {
    a: outer.a * inner.a + outer.c * inner.b,
    b: outer.b * inner.a + outer.d * inner.b,
    c: outer.a * inner.c + outer.c * inner.d,
    d: outer.b * inner.c + outer.d * inner.d,
  };
}

/**
 * The map from an element's layout box (origin at its top left) to the viewport.
 *
 * An affine map takes the box's centre to the centre of its bounding rectangle, so transform
 * origins need not be known. What else scales the element (CSS zoom) shows as a bounding rectangle
 * larger than the transforms explain.
 * @param {Rect} bounds `getBoundingClientRect()` @param {Size} size layout size @param {Linear} linear
 * @returns {Affine}
 */
export function toViewport(bounds, size, linear) {
  const explained = Math.abs(linear.a) * size.width + Math.abs(linear.c) * size.height;
  const zoom = explained > 0 ? bounds.width / explained : 1;
  const [a, b, c, d] = [linear.a, linear.b, linear.c, linear.d].map((value) => value * zoom);
  return {
    a, b, c, d,
    e: bounds.x + bounds.width / 2 - (a * size.width + c * size.height) / 2,
    f: bounds.y + bounds.height / 2 - (b * size.width + d * size.height) / 2,
  };
}

/**
 * Where to put what should hide no face: it stays where it is as long as it hides none there, else
 * the first place that hides least.
 * @param {Rect[]} places @param {Rect[]} faces @param {number} current index of a place
 * @returns {number} index of a place
 */
export function clearest(places, faces, current) {
  const hidden = places.map((place) => faces.reduce((sum, face) => {
    const { width, height } = intersect(place, face);
    return sum + width * height;
  }, 0));
  return hidden[current] === 0 ? current : hidden.indexOf(Math.min(...hidden));
}

/** @param {Rect} one @param {Rect} other @returns {Rect} what both cover; empty has no width or height */
export function intersect(one, other) {
  const x = Math.max(one.x, other.x);
  const y = Math.max(one.y, other.y);
  const right = Math.min(one.x + one.width, other.x + other.width);
  const bottom = Math.min(one.y + one.height, other.y + other.height);
  return { x, y, width: Math.max(0, right - x), height: Math.max(0, bottom - y) };
}

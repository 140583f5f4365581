// A box on every face, moved to where the face is at one moment.

import { LIVE_S, boxAt } from "../verdict/moments.js";
import { SHAPES } from "../verdict/labels.js";
import { element } from "../view/element.js";

/**
 * @import { Face } from "../verdict/types.js"
 * @import { Rect } from "../verdict/geometry.js"
 * @import { Words } from "../words.js"
 */

/** @param {Face} face @param {Words} words */
function boxFor(face, words) {
  // The score of a face with a likelihood ratio stands in the details alone: one number, one meaning.
  const score = face.p_fake === null || face.level ? [] : [words.percent(face.p_fake)];
  // Each part on its own: in a line from right to left a bare percent sign would go astray.
  const parts = [words.say("person", String(face.id)), ...score];
  const said = parts.flatMap((text, i) => [i ? " · " : " ", element("bdi", { text })]);
  const tag = element("span", { class: "tag", attributes: { dir: words.dir } }, SHAPES[face.label], ...said);
  return element("div", { class: `box ${face.label}`, attributes: { "data-face": face.id } }, tag);
}

/**
 * @param {HTMLElement} holder @param {Face[]} faces @param {Words} words
 * @param {boolean} [live] whether what plays is being looked at
 * @returns {(time_s: number, picture: Rect) => void} draws one moment
 */
export function createBoxes(holder, faces, words, live = false) {
  const boxes = faces.map((face) => boxFor(face, words));
  holder.replaceChildren(...boxes);
  return (time_s, picture) => {
    faces.forEach((face, i) => {
      const { style, classList } = boxes[i];
      const at = boxAt(face.samples, time_s, live ? LIVE_S : undefined);
      style.visibility = at ? "visible" : "hidden";
      if (!at) return;
      const [x, y, width, height] = at;
      style.transform = `translate(${picture.x + x * picture.width}px, ${picture.y + y * picture.height}px)`;
      style.width = `${width * picture.width}px`;
      style.height = `${height * picture.height}px`;
      classList.toggle("high-up", picture.y + y * picture.height < 24); // no room above for the tag
    });
  };
}

// The people of a verdict one by one; those of a crowd that could not be judged are folded.

import { crowd } from "../verdict/crowd.js";
import { element } from "./element.js";

/** @import { Face } from "../verdict/types.js" @import { Words } from "../words.js" */

/** @param {Words} words @param {Face[]} faces @param {(face: Face) => HTMLElement} card @returns {HTMLElement[]} */
export function crowdView(words, faces, card) {
  const { shown, folded } = crowd(faces);
  const cards = shown.map(card);
  if (!folded.length) return cards;
  const summary = element("summary", { text: words.say("unjudged", String(folded.length)) });
  return [...cards, element("details", { class: "crowd" }, summary, ...folded.map(card))];
}

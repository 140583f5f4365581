// A crowd: of most of its faces nothing can be found, so they are folded. Pure.

import { UNJUDGED } from "./labels.js";

/** @import { Face } from "./types.js" */

/** Up to this number they are shown like the others. */
const FEW = 2;

/** @param {Face} face */
const isJudged = ({ label, reasons }) =>
  label !== "inconclusive" || !reasons.some((reason) => UNJUDGED.includes(reason));

/** @param {Face[]} faces @returns {{shown: Face[], folded: Face[]}} */
export function crowd(faces) {
  const folded = faces.filter((face) => !isJudged(face));
  if (folded.length <= FEW) return { shown: faces, folded: [] };
  return { shown: faces.filter(isJudged), folded };
}

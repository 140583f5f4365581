// A crowd: of most of its faces nothing can be found, so they are folded. Pure.

/** @import { Face } from "./types.js" */

/** Reasons that lie in the picture: such a face is no evidence either way. */
export const UNJUDGED = ["face-too-small", "too-few-frames", "blurred", "out-of-scope"];
/** So few are shown like the others. */
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

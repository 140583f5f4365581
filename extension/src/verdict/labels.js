// The sign of each label. Shape and words carry the meaning; colour only repeats it.

/** @import { MediaLabel } from "./types.js" */

/** @type {Record<MediaLabel|"suspicious", string>} */
export const SHAPES = { fake: "▲", suspicious: "△", real: "●", inconclusive: "◆", "no-face": "○" };

/** The worst first, as a list for people should stand. @type {MediaLabel[]} */
export const WORST_FIRST = ["fake", "inconclusive", "real", "no-face"];

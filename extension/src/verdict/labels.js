// Written by `make contract`, from what Python declares.

/**
 * @typedef {"fake"|"real"|"inconclusive"} FaceLabel
 * @typedef {"fake"|"real"|"inconclusive"|"no-face"} MediaLabel
 * @typedef {"fake"|"suspicious"|"inconclusive"|"real"} Level
 */

/**
 * Shape and words carry the meaning; colour only repeats it.
 * @type {Record<Level|MediaLabel, string>}
 */
export const SHAPES = {"fake": "▲", "suspicious": "△", "inconclusive": "◆", "real": "●", "no-face": "○"};

/** @type {(Level|MediaLabel)[]} */
export const WORST_FIRST = ["fake", "suspicious", "inconclusive", "real", "no-face"];

/** Reasons that lie in the picture: such a face speaks neither way. */
export const UNJUDGED = ["blurred", "face-too-small", "out-of-scope", "too-few-frames"];

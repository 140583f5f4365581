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

/** Reasons that lie in the picture: the face is evidence neither way. */
export const UNJUDGED = ["blurred", "face-too-small", "out-of-scope", "too-few-frames"];

/** What a person may do next, by the level and by each reason. @type {Record<string, string>} */
export const NEXT_OF_LEVEL = {"fake": "reverse-search", "suspicious": "better-copy", "real": "original-uploader", "no-face": "frontal-face"};

/** @type {Record<string, string>} */
export const NEXT_OF_REASON = {"face-too-small": "frontal-face", "too-few-frames": "longer-part", "blurred": "better-copy", "scores-disagree": "reverse-search", "not-certain": "reverse-search", "out-of-scope": "frontal-face", "cut-short": "whole-file", "stopped-early": "original-uploader", "unstable": "better-copy"};

/** Where to look for a picture: only ever opened by a click. @type {Record<string, string>} */
export const SEARCHES = {"TinEye": "https://tineye.com/", "Google": "https://images.google.com/", "Bing": "https://www.bing.com/visualsearch"};

/** How many of 100 such videos are fake: rare, as on the web; and half of them. */
export const PRIORS = [1, 50];

/** How many of 100 videos untrained people judge rightly. */
export const UNTRAINED_RIGHT = 57;

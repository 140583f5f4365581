// The faces of a picture and their landmarks: the MTCNN cascade, as server/analysis/faces.py runs it.

import { side } from "./boxes.js";
import { ALL_COLUMNS, COLUMNS, believed, bestFirst, extractPatches, toSquare, nmsNongreedy, windows } from "./cascade.js";
import { clamped } from "./numbers.js";
import { asFloats, rounded, shrunk } from "./picture.js";
import { levels, windowsAlong } from "./pyramid.js";
import rules from "./rules.js";

/**
 * @import { Edges } from "./boxes.js"
 * @import { Find } from "./cascade.js"
 * @import { Detector, Network } from "./networks.js"
 * @import { Picture, Point } from "./picture.js"
 *
 * @typedef {{box: Edges, score: number, landmarks: Point[]}} Face in pixels; `score` 0..1
 */

const { RNET_PX, ONET_PX, THRESHOLDS, LEVEL_OVERLAP, OVERLAP } = rules.faces;
const { SMALLEST_PX } = rules.pyramid;
const LEAST = THRESHOLDS.map((p) => Math.log(p / (1 - p)));

/** @param {Picture} rgb bytes @param {number} scale @returns {Picture} floats, smaller where it makes them so */
function scaled(rgb, scale) {
  if (scale >= 1) return asFloats(rgb);
  const [width, height] = [rgb.width, rgb.height].map((length) => Math.max(1, rounded(length * scale)));
  return asFloats(shrunk(rgb, width, height));
}

/** @param {Detector} detector @param {Picture} picture @returns {Promise<Find[]>} */
async function proposed(detector, picture) {
  /** @type {Find[]} */
  const found = [];
  for (const level of levels(picture)) {
    const answer = await detector.pnet(shrunk(picture, level.width, level.height));
    const here = windows(answer, windowsAlong(level.width), level.scale, LEAST[0]);
    found.push(...nmsNongreedy(here, LEVEL_OVERLAP));
  }
  return toSquare(nmsNongreedy(bestFirst(found), OVERLAP));
}

/**
 * @param {Network} network of a fixed batch @param {Picture} picture @param {Find[]} finds
 * @param {{side_px: number, columns: number, leastLogit: number}} how
 * @returns {Promise<Find[]>} those that this network takes for faces too
 */
async function lookedCloser(network, picture, finds, { side_px, columns, leastLogit }) {
  const input = new Float32Array(network.batch * side_px * side_px * 3);
  /** @type {Find[]} */
  const kept = [];
  for (let start = 0; start < finds.length; start += network.batch) {
    const part = finds.slice(start, start + network.batch);
    extractPatches(picture, part, side_px, input);
    kept.push(...believed(part, await network.run(input), columns, leastLogit));
  }
  return bestFirst(kept);
}

/** @param {Find} find @param {Picture} foundIn @param {Picture} given @returns {Face} in pixels of `given` */
function toFace({ box, logit, landmarks }, foundIn, given) {
  const scale = [given.width / foundIn.width, given.height / foundIn.height];
  const last = [given.width - 1, given.height - 1];
  return {
    box: /** @type {Edges} */ (box.map((edge, i) => clamped(edge * scale[i % 2], 0, last[i % 2]))),
    score: 1 / (1 + Math.exp(-logit)),
    landmarks: landmarks.map(([x, y]) => [x * scale[0], y * scale[1]]),
  };
}

/**
 * @param {Detector} detector @param {Picture} rgb bytes @param {number} minFace_px
 * @returns {Promise<Face[]>} best first; boxes lie within the picture, landmarks may lie outside it
 */
export async function findFaces(detector, rgb, minFace_px = rules.options.min_face_px) {
  const picture = scaled(rgb, SMALLEST_PX / minFace_px);
  const proposals = await proposed(detector, picture);
  const closer = { side_px: RNET_PX, columns: COLUMNS, leastLogit: LEAST[1] };
  const refined = toSquare(nmsNongreedy(await lookedCloser(detector.rnet, picture, proposals, closer), OVERLAP));
  const closest = { side_px: ONET_PX, columns: ALL_COLUMNS, leastLogit: LEAST[2] };
  const finds = nmsNongreedy(await lookedCloser(detector.onet, picture, refined, closest), OVERLAP, "smaller");
  const least_px = minFace_px > SMALLEST_PX ? minFace_px : 0;
  return finds.map((find) => toFace(find, picture, rgb)).filter(({ box }) => side(box) >= least_px);
}

// The whole check of what plays: pictures -> faces -> tracks -> scores -> verdict. Read this first.

import { findFaces } from "./faces.js";
import rules from "./rules.js";
import { createScore } from "./scoring.js";
import { Tracker } from "./tracks.js";
import { basis, combine, judge } from "./verdict.js";

/**
 * @import { Media, Verdict } from "../verdict/types.js"
 * @import { Networks } from "./networks.js"
 * @import { Picture } from "./picture.js"
 * @import { Encode } from "./stability.js"
 *
 * @typedef {{width: number, height: number}} Size
 */

/** One media being looked at, picture by picture. */
export class Analysis {
  /** @type {Networks} */
  #networks;
  /** @type {Encode} */
  #encodedAgain;
  #score;
  #tracker;
  /** @type {number[]} */
  #sampled_s = [];
  /** P(fake) of crops that were scored before. @type {WeakMap<Picture, number>} */
  #known = new WeakMap();
  /** @type {Size} */
  #size = { width: 0, height: 0 };

  /** @param {Networks} networks @param {Encode} encodedAgain */
  constructor(networks, encodedAgain) {
    this.#networks = networks;
    this.#encodedAgain = encodedAgain;
    this.#score = createScore(networks);
    this.#tracker = new Tracker(networks.manifest.classifier.input_px);
  }

  /** @param {Picture} rgb bytes, of one size throughout @param {number} time_s later than the one before */
  async add(rgb, time_s) {
    const faces = await findFaces(this.#networks.detector, rgb, rules.options.min_face_px);
    this.#tracker.add(rgb, time_s, faces);
    this.#sampled_s.push(time_s);
    this.#size = rgb;
  }

  /** @param {Picture[]} crops @returns {Promise<number[]>} each is scored once */
  async #scored(crops) {
    const fresh = crops.filter((crop) => !this.#known.has(crop));
    const found = await this.#score(fresh);
    fresh.forEach((crop, i) => this.#known.set(crop, found[i]));
    return crops.map((crop) => /** @type {number} */ (this.#known.get(crop)));
  }

  /**
   * What was seen so far. Labels of a verdict that is `last` must also be stable.
   * @param {{kind: "video"|"image", duration_s: number|null, last: boolean}} about
   * @returns {Promise<Verdict>}
   */
  async verdict({ kind, duration_s, last }) {
    const { classifier, detector } = this.#networks.manifest;
    const { name, sha256, rates, likelihood, calibration: { fake_at, real_at } } = classifier;
    const means = last ? { score: this.#score, encodedAgain: this.#encodedAgain } : null;
    const how = { name, thresholds: { fake_at, real_at, likelihood }, still: kind === "image", size: this.#size, means };
    const faces = [];
    for (const track of this.#tracker.tracks()) {
      faces.push(await judge(track, await this.#scored(track.crops.map(({ rgb }) => rgb)), how));
    }
    return { ...combine(faces, this.#media(kind, duration_s), {
      model: { name, sha256, backend: "litert.js", fake_at, real_at, rates },
      detector: { name: detector.name, sha256: detector.sha256 },
      basis: basis(likelihood),
    }), versions: this.#networks.versions };
  }

  /** @param {"video"|"image"} kind @param {number|null} duration_s @returns {Media} */
  #media(kind, duration_s) {
    const seen = this.#sampled_s;
    return {
      kind, duration_s,
      width_px: this.#size.width,
      height_px: this.#size.height,
      analyzed_s: [seen[0] ?? 0, seen.at(-1) ?? 0],
      sampled_s: seen,
    };
  }
}

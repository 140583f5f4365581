/**
 * The answer of the service, schema 2 (of schema 1 some is missing), and what is drawn of it. Types only.
 *
 * @typedef {[x: number, y: number, width: number, height: number]} Box fractions of the upright picture
 * @typedef {{t: number, box: Box, p_fake: number|null}} Sample `t` in media seconds
 * @typedef {import("./labels.js").FaceLabel} FaceLabel
 * @typedef {import("./labels.js").MediaLabel} MediaLabel
 * @typedef {import("./labels.js").Level} Level
 * @typedef {{direction: "manipulated"|"genuine"|null, strength: string}} Support in the words of docs/evidence.md
 * @typedef {{log: number, lr: number, interval: [number, number]}} Ratio `log` before the bounds
 * @typedef {{t: number, p_fake: number, regions: string[]|null}} Moment one of a face's strongest;
 *   `regions`: where in the face, null where no evidence map is shown
 * @typedef {{flags_fake: number, flags_real: number, part: string}} Rates the share of fakes and of
 *   genuine ones that the model calls fake, as measured on `part` of the data
 *
 * @typedef {object} Declaration
 * @property {"content-credentials"|"iptc"|"aigc-label"|"generator"} source
 * @property {string[]} claims of the origin, the strongest first
 * @property {string|null} by the tool that is named
 * @property {string|null} seal of Content Credentials: how far they hold
 * @property {string|null} signer
 * @property {string[]} problems codes of C2PA's specification
 * @typedef {{state: "read"|"unreadable", declarations: Declaration[]}} Provenance
 *
 * @typedef {object} Evidence of a judgement; null where it was not measured
 * @property {Level|null} [level]
 * @property {Support|null} [support]
 * @property {number|null} [lr] likelihood ratio of "manipulated" to "genuine"
 * @property {[number, number]|null} [lr_interval]
 * @property {[number, number]|null} [stretch_s] where scores disagree: from when to when it looks more manipulated than in the rest
 *
 * @typedef {{people: number, flagged: number, suspected: number, flagged_at_most: number, suspected_at_most: number}} Guarantee
 *   the number of genuine people, how many were called manipulated, how many at least suspicious, and the upper limits of these shares
 *
 * @typedef {object} Basis what is behind the likelihood ratios
 * @property {{genuine: number, manipulated: number}} people
 * @property {string} part
 * @property {number} views
 * @property {[number, number]} bounds
 * @property {Guarantee} guarantee
 * @property {string[]} covers
 * @property {string[]} blind_to
 *
 * @typedef {FaceJudged & Evidence} Face
 *
 * @typedef {object} FaceJudged
 * @property {number} id
 * @property {FaceLabel} label
 * @property {number|null} p_fake
 * @property {[number, number]|null} interval
 * @property {string[]} reasons
 * @property {number} start_s
 * @property {number} end_s
 * @property {Sample[]} samples in time order
 * @property {Moment[]} [moments] the strongest first
 * @property {number} [crops] that were judged
 * @property {Record<string, number>} [scores] mean P(fake) by network
 *
 * @typedef {object} Media
 * @property {"video"|"image"} kind
 * @property {number} width_px
 * @property {number} height_px
 * @property {number|null} duration_s
 * @property {[number, number]} analyzed_s
 * @property {number[]} [sampled_s] the moments that were looked at
 * @property {string} [sha256]
 *
 * @typedef {Judged & Evidence} Verdict
 *
 * @typedef {object} Judged
 * @property {number} schema
 * @property {MediaLabel} label
 * @property {number|null} p_fake
 * @property {string[]} reasons
 * @property {Media} media
 * @property {Face[]} faces
 * @property {{name: string, sha256: string, backend: string, fake_at?: number, real_at?: number, rates?: Rates|null}} model
 * @property {{name: string, sha256: string}} [detector]
 * @property {Record<string, string>} [versions] of what computed it
 * @property {Record<string, string|number|boolean|null>} [options] with which the check can be made again
 * @property {Record<string, number>} [timing_s]
 * @property {Basis|null} [basis]
 * @property {Provenance|null} [provenance] what the file declares of its origin; none: it was not read
 */
export {};

// From the faces of single pictures to one track per person, as server/analysis/tracks.py follows them.

import { center, iou, side } from "./boxes.js";
import { frontality, sharpness, spread } from "./crops.js";
import { Scenes } from "./cuts.js";
import { appearance, assign, motionCost, appearanceCost } from "./matching.js";
import { faceCrop } from "./picture.js";
import rules from "./rules.js";

/**
 * @import { Edges } from "./boxes.js"
 * @import { Crop } from "./crops.js"
 * @import { Face } from "./faces.js"
 * @import { Picture, Point } from "./picture.js"
 *
 * @typedef {{id: number, times_s: number[], boxes: Edges[], crops: Crop[]}} Track `crops` in order of time
 *
 * @typedef {Track & {scene: number, appearance: Float32Array, firstPicture: number, lastPicture: number,
 *   velocity: Point, bestScore: number}} Person a track that still grows; `velocity` in pixels a second
 */

const { HEADING_S, BRIDGE_S, BRIDGE_SAMPLES, LOST_S, LOST_SAMPLES, CLOSE, SURE, OFTEN, MOST_TRACKS } = rules.tracks;
const { MOST_COST } = rules.matching;

/** @param {Person} person @param {number} time_s @returns {Point} the middle of the face, if it goes on as it went */
function expected({ times_s, boxes, velocity }, time_s) {
  const ahead = Math.min(time_s - times_s[times_s.length - 1], HEADING_S);
  const [x, y] = center(boxes[boxes.length - 1]);
  return [x + velocity[0] * ahead, y + velocity[1] * ahead];
}

/** @param {Person} person @param {number} time_s @param {Edges} box where the face is now */
function move(person, time_s, box) {
  const { times_s, boxes } = person;
  const since_s = time_s - (times_s.at(-1) ?? Infinity);
  const last = boxes.at(-1);
  if (last && since_s > 0) {
    const [from, to] = [center(last), center(box)];
    const known = times_s.length > 1;
    person.velocity = /** @type {Point} */ (from.map((place, axis) => {
      const now = (to[axis] - place) / since_s;
      return known ? (person.velocity[axis] + now) / 2 : now;
    }));
  }
  times_s.push(time_s);
  boxes.push(box);
}

/** @param {Person} person false for what was seen seldom and never with certainty: wicker, hair, a knee */
function isBelieved({ times_s, bestScore, firstPicture, lastPicture }) {
  const seen = times_s.length;
  return bestScore >= SURE || (seen >= OFTEN && 2 * seen >= lastPicture - firstPicture + 1);
}

/** @param {Face[]} faces @returns {boolean[]} which overlap another one, so that each shows something of the other */
function crowded(faces) {
  return faces.map((one) => faces.some((other) => other !== one && iou(one.box, other.box) > CLOSE));
}

/** Follows everyone through one media; give it pictures in order of time. */
export class Tracker {
  #scenes = new Scenes();
  #scene = 0;
  #count = 0;
  #pictures = 0;
  #time_s = 0;
  /** Between the pictures. */
  #gap_s = 0;
  /** @type {Person[]} */
  #people = [];
  /** @type {number} */
  #side_px;
  /** @type {number} */
  #mostCrops;

  /** @param {number} side_px of the crops @param {number} mostCrops kept per person */
  constructor(side_px, mostCrops = rules.options.max_crops) {
    this.#side_px = side_px;
    this.#mostCrops = mostCrops;
  }

  /** @param {Picture} rgb @param {number} time_s @param {Face[]} faces in it, each given to a person */
  add(rgb, time_s, faces) {
    this.#turnTo(rgb, time_s);
    const looks = faces.map(({ landmarks }) => appearance(rgb, landmarks));
    const present = this.#present(time_s);
    const pairs = assign(present.map((person) => this.#costs(person, faces, looks, time_s)), MOST_COST);
    const owners = new Map(pairs.map(([person, face]) => [face, present[person]]));
    const close = crowded(faces);
    faces.forEach((face, i) => {
      const person = owners.get(i) ?? this.#welcome(looks[i]);
      if (!close[i]) person.appearance = person.appearance.map((value, k) => (value + looks[i][k]) / 2);
      move(person, time_s, face.box);
      person.lastPicture = this.#pictures;
      person.bestScore = Math.max(person.bestScore, face.score);
      this.#keepCrop(person, rgb, time_s, face);
    });
    this.#boundMemory();
  }

  /** @returns {Track[]} everyone so far, in order of appearance */
  tracks() {
    // A still picture shows everybody once: no track is short there.
    return this.#people.filter((person) => this.#pictures === 1 || isBelieved(person));
  }

  /** @param {Picture} rgb @param {number} time_s */
  #turnTo(rgb, time_s) {
    const scene = this.#scenes.number(rgb, time_s);
    // It was a flash, not a cut: who was seen only in its light was there before.
    if (scene < this.#scene) this.#people = this.#people.filter((person) => person.scene <= scene);
    this.#scene = scene;
    if (this.#pictures) {
      const gap_s = time_s - this.#time_s;
      this.#gap_s = this.#pictures === 1 ? gap_s : (this.#gap_s + gap_s) / 2;
    }
    this.#pictures += 1;
    this.#time_s = time_s;
  }

  /** @param {number} time_s @returns {Person[]} who may still be seen again */
  #present(time_s) {
    const lost_s = Math.max(LOST_S, LOST_SAMPLES * this.#gap_s);
    return this.#people.filter(({ scene, times_s }) =>
      scene === this.#scene && time_s - times_s[times_s.length - 1] <= lost_s);
  }

  /** @param {Person} person @param {Face[]} faces @param {Float32Array[]} looks @param {number} time_s */
  #costs(person, faces, looks, time_s) {
    const { times_s, boxes } = person;
    const age_s = time_s - times_s[times_s.length - 1];
    const size_px = side(boxes[boxes.length - 1]);
    const where = { middle: expected(person, time_s), size_px, age_s, headingKnown: times_s.length > 1 };
    const strictness = age_s > Math.max(BRIDGE_S, BRIDGE_SAMPLES * this.#gap_s) ? 2 : 1;
    return faces.map(({ box }, i) => {
      const moved = motionCost(where, center(box), side(box));
      // Squares, since errors that are independent and roughly normal add that way.
      return moved <= 1 ? moved ** 2 + (strictness * appearanceCost(person.appearance, looks[i])) ** 2 : Infinity;
    });
  }

  /** @param {Float32Array} appearance @returns {Person} */
  #welcome(appearance) {
    this.#count += 1;
    /** @type {Person} */
    const person = {
      id: this.#count, scene: this.#scene, appearance, firstPicture: this.#pictures,
      lastPicture: this.#pictures, velocity: [0, 0], bestScore: 0, times_s: [], boxes: [], crops: [],
    };
    this.#people.push(person);
    return person;
  }

  /** @param {Person} person @param {Picture} picture @param {number} time_s @param {Face} face */
  #keepCrop(person, picture, time_s, { box, landmarks }) {
    const rgb = faceCrop(picture, landmarks, this.#side_px);
    if (!rgb) return; // the landmarks lie outside the picture: followed, but not judged
    const crop = { time_s, rgb, sharpness: sharpness(rgb), frontality: frontality(landmarks), size_px: side(box) };
    person.crops = spread([...person.crops, crop], this.#mostCrops);
  }

  /** Drops the shortest tracks above MOST_TRACKS, those out of the picture first. */
  #boundMemory() {
    while (this.#people.length > MOST_TRACKS) {
      const gone = this.#people.filter(({ lastPicture }) => lastPicture < this.#pictures);
      const least = (gone.length ? gone : this.#people).reduce((one, other) =>
        (other.times_s.length < one.times_s.length ? other : one));
      this.#people = this.#people.filter((person) => person !== least);
    }
  }
}

// A lane per person across the player, on its time axis: click to go there.

import { SHAPES } from "../verdict/labels.js";
import { element } from "../view/element.js";
import { lane } from "../view/lane.js";

/**
 * @import { Face, Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 */

const STEP_S = 1;
const MOST_LANES = 4;

/**
 * @typedef {object} Lanes
 * @property {HTMLElement} node
 * @property {(time_s: number) => void} moveTo shows where the media is
 *
 * @param {Pick<Verdict, "faces"|"model">} verdict @param {number} duration_s @param {Words} words
 * @param {(time_s: number) => void} seek @param {AbortSignal} signal
 * @returns {Lanes}
 */
export function createLanes({ faces, model }, duration_s, words, seek, signal) {
  const shown = faces.slice(0, MOST_LANES);
  const tracks = shown.map((face) => track(face, lane(face, duration_s, model), duration_s, words, seek, signal));
  const rows = shown.map((face, i) =>
    element("div", { class: `row ${face.label}` },
      element("span", { class: "who", text: `${SHAPES[face.label]} ${face.id}`, attributes: { "aria-hidden": "true" } }),
      tracks[i].node));
  const node = element("div", { class: "lanes", attributes: { dir: "ltr" } }, ...rows);
  return { node, moveTo: (time_s) => tracks.forEach((one) => one.moveTo(time_s)) };
}

/**
 * @param {Face} face @param {SVGElement} strip @param {number} duration_s @param {Words} words
 * @param {(time_s: number) => void} seek @param {AbortSignal} signal
 */
function track(face, strip, duration_s, words, seek, signal) {
  const head = element("span", { class: "head" });
  const node = element("div", {
    class: "track",
    attributes: {
      role: "slider", tabindex: 0, "aria-label": words.say("lane", String(face.id)),
      "aria-valuemin": 0, "aria-valuemax": Math.ceil(duration_s), "aria-valuenow": 0, "aria-valuetext": words.clock(0),
    },
  }, strip, head);

  /** Where the media is, and the second that assistive technology was told: once a second is enough. */
  let [now_s, told] = [0, 0];
  /** @param {number} time_s */
  const moveTo = (time_s) => {
    now_s = time_s;
    head.style.left = `${Math.min(100, (time_s / duration_s) * 100)}%`;
    if (Math.floor(time_s) === told) return;
    told = Math.floor(time_s);
    node.setAttribute("aria-valuenow", String(told));
    node.setAttribute("aria-valuetext", words.clock(told));
  };
  /** @param {number} time_s */
  const go = (time_s) => {
    now_s = Math.min(duration_s, Math.max(0, time_s));
    seek(now_s);
  };
  node.addEventListener("click", (event) => {
    const { left, width } = node.getBoundingClientRect();
    go(((event.clientX - left) / width) * duration_s);
  }, { signal });
  node.addEventListener("keydown", (event) => {
    const [back_s, on_s] = [now_s - STEP_S, now_s + STEP_S];
    const goals = { ArrowRight: on_s, ArrowUp: on_s, ArrowLeft: back_s, ArrowDown: back_s, Home: 0, End: duration_s };
    if (!(event.key in goals)) return;
    event.preventDefault();
    go(goals[/** @type {keyof typeof goals} */ (event.key)]);
  }, { signal });
  return { node, moveTo };
}

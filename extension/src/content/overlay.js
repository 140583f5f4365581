// The overlay of one video or picture: follows it on the screen and in time until its signal ends.

import { sameMedia, withLater } from "../verdict/moments.js";
import { makeWords } from "../words.js";
import { createBoxes } from "./boxes.js";
import { createLayers, layPanel, layPicture } from "./layers.js";
import { fillPanel } from "./panel.js";
import { placeOf, samePlace } from "./place.js";
import { measured } from "./subjects.js";

/**
 * @import { Verdict } from "../verdict/types.js"
 * @import { Catalogue } from "../words.js"
 * @import { Shown } from "./subjects.js"
 */

/**
 * @typedef {object} Drawing what the worker asks to be shown
 * @property {Verdict|null} verdict null: it is being checked
 * @property {boolean} tentative
 * @property {boolean} live it is about what plays just now
 * @property {Catalogue} catalogue
 * @property {{boxes: boolean, lanes: boolean, dim: boolean}} look
 */

/** For what no event tells: a player that was moved without a scroll or a resize. */
const NET_MS = 250;

/** @param {Shown} element @param {AbortSignal} signal @param {(time_s: number) => void} draw */
function everyFrame(element, signal, draw) {
  if (!(element instanceof HTMLVideoElement)) return;
  /** @param {number} _now @param {VideoFrameCallbackMetadata} frame */
  const next = (_now, frame) => {
    if (signal.aborted) return;
    draw(frame.mediaTime);
    element.requestVideoFrameCallback(next);
  };
  const first = element.requestVideoFrameCallback(next);
  signal.addEventListener("abort", () => element.cancelVideoFrameCallback(first), { once: true });
}

/**
 * @param {Shown} element @param {Drawing} drawing
 * @param {AbortController} life ended by the person (close) or from outside
 */
export function openOverlay(element, drawing, life) {
  const { signal } = life;
  const words = makeWords(drawing.catalogue);
  const layers = createLayers(words.say("overlay"), words.dir, signal);
  const moved = { x: 0, y: 0 };
  const state = { ...drawing.look, drawing, place: placeOf(element), parts: new AbortController() };
  let drawBoxes = createBoxes(layers.picture, [], words);
  /** @type {Verdict|null} of the verdicts so far, the one that knows the latest moments */
  let farthest = null;
  /** @type {(time_s: number) => void} */
  let moveLanes = () => {};

  const video = element instanceof HTMLVideoElement ? element : null;
  const isJudged = () => !state.drawing.verdict || sameMedia(state.drawing.verdict.media, measured(element));
  const layThePanel = () => layPanel(layers, state.place.visible, moved, video !== null);
  const layAll = () => {
    layPicture(layers, state.place);
    layThePanel();
    const seen = state.place.visible.width > 0 && state.place.visible.height > 0;
    layers.all.classList.toggle("away", !seen || !isJudged());
  };
  /** @param {number} time_s */
  const draw = (time_s) => {
    const place = placeOf(element);
    if (!samePlace(place, state.place)) {
      state.place = place;
      layAll();
    }
    if (state.boxes) drawBoxes(time_s, place.picture);
    moveLanes(time_s);
  };
  const drawNow = () => {
    draw(video ? video.currentTime : 0);
    layThePanel(); // a face may have come behind it
  };

  /** @type {import("./panel.js").PanelActions} */
  const actions = {
    seek: (time_s) => { if (video) video.currentTime = time_s; },
    move: (dx, dy) => { moved.x += dx; moved.y += dy; layAll(); },
    dim: (on) => { state.dim = on; layers.all.classList.toggle("dimmed", on); },
    showBoxes: (on) => { state.boxes = on; layers.view.hidden = !on; drawNow(); },
    close: () => life.abort(),
  };

  /** @param {Drawing} next replaces what is shown */
  const show = (next) => {
    state.parts.abort();
    state.parts = new AbortController();
    state.drawing = next;
    const { verdict, tentative, live, look } = next;
    const until = /** @param {Verdict|null} known */ (known) => known?.media.analyzed_s[1] ?? -1;
    if (!verdict || !tentative || live || until(verdict) >= until(farthest)) farthest = verdict;
    const faces = verdict ? withLater(verdict, farthest) : [];
    drawBoxes = createBoxes(layers.picture, faces, words, live);
    const view = { verdict, tentative, lanes: look.lanes, dimmed: state.dim, boxes: state.boxes };
    moveLanes = fillPanel(layers.panel, view, words, actions, AbortSignal.any([signal, state.parts.signal]));
    layers.all.classList.toggle("dimmed", state.dim);
    layers.view.hidden = !state.boxes;
    layAll();
    drawNow();
  };

  show(drawing);
  everyFrame(element, signal, draw);
  const again = () => { layAll(); drawNow(); };
  for (const type of ["seeked", "loadeddata", "loadedmetadata", "durationchange", "resize", "load"]) {
    element.addEventListener(type, again, { signal });
  }
  addEventListener("scroll", drawNow, { signal, capture: true, passive: true });
  addEventListener("resize", again, { signal });
  document.addEventListener("fullscreenchange", again, { signal });
  const sizes = new ResizeObserver(drawNow);
  sizes.observe(element);
  sizes.observe(layers.panel);
  const net = setInterval(drawNow, NET_MS);
  signal.addEventListener("abort", () => { sizes.disconnect(); clearInterval(net); }, { once: true });
  return { show, fits: isJudged };
}

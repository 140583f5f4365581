// The strongest moments of a video that is not at hand: small whole pictures that the service kept, with boxes.
import { jobPath } from "./api.js";
import { element } from "./dom.js";
import { createBoxes } from "./extension/content/boxes.js";
import { load } from "./pictures.js";
import { fineClock, words } from "./words.js";

/** @import { Verdict } from "./extension/verdict/types.js" */

/** What one picture shows: further faces that are strongest at the same moment need no second. */
const MOST = 3;

/** @param {Verdict} verdict @returns {{face: number, moment: number, t: number, p: number}[]} the strongest first */
export function strongest({ faces }) {
  const all = faces.flatMap(({ id, moments }) =>
    (moments ?? []).map(({ t, p_fake }, moment) => ({ face: id, moment, t, p: p_fake })));
  const times = new Set();
  return all.sort((one, other) => other.p - one.p)
    .filter(({ t }) => !times.has(t) && times.add(t)).slice(0, MOST);
}

/**
 * @param {string} id of the job @param {Verdict} verdict @param {AbortSignal} signal
 * @returns {HTMLElement[]} none where there is nothing to show
 */
export function stills(id, verdict, signal) {
  const figures = strongest(verdict).map(({ face, moment, t }) => {
    const alt = words.say("still_of", fineClock(t));
    const image = element("img", { attributes: { alt, loading: "lazy", decoding: "async" } });
    const holder = element("div", { class: "boxes", attributes: { "aria-hidden": "true" } }); // the cards say the same
    const draw = createBoxes(holder, verdict.faces, words);
    const again = () => draw(t, { x: 0, y: 0, width: image.clientWidth, height: image.clientHeight });
    const watcher = new ResizeObserver(again);
    watcher.observe(image);
    signal.addEventListener("abort", () => watcher.disconnect(), { once: true });
    const figure = element("figure", { class: "still" },
      element("div", { class: "picture" }, image, holder), element("figcaption", { text: fineClock(t) }));
    image.addEventListener("error", () => { figure.hidden = true; }, { signal }); // results of before have none
    image.addEventListener("load", () => { figure.hidden = false; again(); }, { signal });
    load(image, jobPath(id, `/faces/${face}.jpg?moment=${moment}&kind=frame`), signal);
    return figure;
  });
  if (!figures.length) return [];
  return [element("section", { class: "stills", attributes: { "aria-label": words.say("strongest") } }, ...figures)];
}

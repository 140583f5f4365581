// One person's chart: P(fake) over the media's time. The table beside it holds the same numbers.
import { element, shape } from "./dom.js";
import { level } from "./extension/verdict/moments.js";
import { fineClock, words } from "./words.js";

/** @import { Face, Verdict } from "./extension/verdict/types.js" */

const WIDTH = 600;
const HEIGHT = 90;
const EDGE = 5;

/** @param {Face} face @param {Verdict} verdict @param {(time_s: number) => void} seek @param {AbortSignal} signal */
export function chart(face, { media, model }, seek, signal) {
  const scored = face.samples.filter((sample) => sample.p_fake !== null);
  const span = Math.max(media.duration_s ?? face.end_s, face.end_s, 0.001);
  /** @param {number} t */
  const x = (t) => EDGE + ((WIDTH - 2 * EDGE) * t) / span;
  /** @param {number} p */
  const y = (p) => HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * p;

  const label = words.say("chart", words.say("person", String(face.id)));
  const svg = shape("svg", {
    class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label,
  });
  for (const at of [model.fake_at, model.real_at]) {
    if (at !== undefined) svg.append(shape("line", { class: "limit", x1: 0, x2: WIDTH, y1: y(at), y2: y(at) }));
  }
  const points = scored.map((s) => `${x(s.t)},${y(s.p_fake ?? 0)}`).join(" ");
  svg.append(shape("polyline", { class: "curve", points }));
  for (const { t, p_fake } of scored) {
    const p = p_fake ?? 0;
    // A line without length and a round end: a dot that stays round however the drawing is stretched.
    const dot = shape("path", { class: `sample ${level(p, model)}`, d: `M${x(t)} ${y(p)}h0` });
    const title = shape("title", {});
    title.textContent = `${fineClock(t)}: ${words.percent(p)}`;
    dot.append(title);
    svg.append(dot);
  }
  svg.addEventListener("click", (event) => { // by keyboard: the lanes and the moments
    const { left, width } = svg.getBoundingClientRect();
    seek(Math.min(span, Math.max(0, ((event.clientX - left) / width) * span)));
  }, { signal });
  const limits = model.fake_at === undefined || model.real_at === undefined ? [] : [element("figcaption", {
    attributes: { dir: words.dir }, text: words.say("chart_limits", words.percent(model.fake_at), words.percent(model.real_at)),
  })];
  return element("figure", { class: "timeline", attributes: { dir: "ltr" } },
    element("div", { class: "scale", attributes: { "aria-hidden": "true" } },
      element("span", { text: "100%" }), element("span", { text: "0%" })),
    element("div", { class: "drawing" }, svg),
    element("div", { class: "times", attributes: { "aria-hidden": "true" } },
      element("span", { text: words.clock(0) }), element("span", { text: words.clock(span) })), ...limits);
}

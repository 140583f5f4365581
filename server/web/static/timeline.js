// One person's lane: P(fake) over the media's time, as a drawing. The table beside it says the same.
import { level } from "./verdict/moments.js";
import { percent } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 48;

/** @param {string} name @param {Record<string, string|number>} attributes */
function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}

/**
 * @param {import("./api.js").Face} face
 * @param {number} duration_s
 */
export function lane(face, duration_s) {
  const scored = face.samples.filter((sample) => sample.p_fake !== null);
  const span = Math.max(duration_s, 0.001);
  /** @param {number} t */
  const x = (t) => 4 + ((WIDTH - 8) * t) / span;
  /** @param {number} p */
  const y = (p) => HEIGHT - 4 - (HEIGHT - 8) * p;

  const svg = shape("svg", {
    class: "lane",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": `Person ${face.id}: probability of manipulation over time`,
  });
  svg.append(
    shape("rect", { class: "frame", x: 1, y: 1, width: WIDTH - 2, height: HEIGHT - 2 }),
    shape("line", { class: "half", x1: 1, x2: WIDTH - 1, y1: y(0.5), y2: y(0.5) }),
    shape("polyline", {
      class: "curve",
      points: scored.map((s) => `${x(s.t)},${y(s.p_fake ?? 0)}`).join(" "),
    }),
  );
  for (const sample of scored) {
    const p = sample.p_fake ?? 0;
    const dot = shape("circle", { class: `sample ${level(p)}`, cx: x(sample.t), cy: y(p), r: 4 });
    const title = shape("title", {});
    title.textContent = `${sample.t.toFixed(1)} s: ${percent(p)}`;
    dot.append(title);
    svg.append(dot);
  }
  return svg;
}

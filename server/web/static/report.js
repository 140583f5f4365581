// A verdict, as a person reads it.
import { player } from "./player.js";
import { lane } from "./timeline.js";
import { LABELS, REASONS, clock, percent } from "./words.js";

/**
 * @param {string} tag
 * @param {{class?: string, text?: string}} options
 * @param {(Node|string)[]} children
 */
function element(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  if (options.class) node.className = options.class;
  if (options.text !== undefined) node.textContent = options.text;
  node.append(...children);
  return node;
}

/** @param {string} label */
function badge(label) {
  const { shape, text } = LABELS[label];
  const sign = element("span", { text: shape });
  sign.setAttribute("aria-hidden", "true");
  return element("span", { class: `label ${label}` }, sign, text);
}

/** @param {import("./api.js").Face|import("./api.js").Verdict} verdict */
function probability(verdict) {
  if (verdict.p_fake === null) return "";
  const interval = "interval" in verdict ? verdict.interval : null;
  const range = interval ? ` (95 % interval ${percent(interval[0])} to ${percent(interval[1])})` : "";
  return `Probability of manipulation: ${percent(verdict.p_fake)}${range}`;
}

/** The same as the lane's drawing, for those who do not see it. */
function sampleTable(face) {
  const rows = face.samples
    .filter((sample) => sample.p_fake !== null)
    .map((sample) =>
      element("tr", {}, element("td", { text: `${sample.t.toFixed(1)} s` }),
        element("td", { text: percent(sample.p_fake) })));
  const head = element("tr", {}, element("th", { text: "Time" }),
    element("th", { text: "Probability of manipulation" }));
  return element("details", {}, element("summary", { text: "Judged moments as a table" }),
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

/**
 * @param {import("./api.js").Face} face
 * @param {import("./api.js").Verdict} verdict
 * @param {((t: number) => void)|null} seek
 */
function faceCard(face, verdict, seek) {
  const moving = verdict.media.kind === "video";
  const card = element("article", { class: "face" });
  card.append(element("h3", { text: `Person ${face.id}` }), element("p", {}, badge(face.label)));
  if (face.p_fake !== null) card.append(element("p", { text: probability(face) }));
  for (const reason of face.reasons) card.append(element("p", { text: REASONS[reason] ?? reason }));
  if (!moving) return card;

  const when = `Seen from ${clock(face.start_s)} to ${clock(face.end_s)}`;
  if (seek) {
    const go = element("button", { class: "quiet", text: when });
    go.addEventListener("click", () => seek(face.start_s));
    card.append(go);
  } else card.append(element("p", { text: when }));
  if (face.p_fake !== null) {
    card.append(lane(face, verdict.media.duration_s ?? face.end_s), sampleTable(face));
  }
  return card;
}

/** @param {import("./api.js").Verdict} verdict */
function downloadLink(verdict) {
  const link = element("a", { class: "button quiet", text: "Download as JSON" });
  const text = JSON.stringify(verdict, null, 2);
  Object.assign(link, {
    href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
    download: "mesoscope-report.json",
  });
  return element("p", { class: "actions" }, link);
}

/**
 * @param {HTMLElement} place
 * @param {import("./api.js").Verdict} verdict
 * @param {File|null} file the person's own file, if that is what was checked
 * @param {AbortSignal} signal
 */
export function showReport(place, verdict, file, signal) {
  const screen = file ? player(file, verdict, signal) : null;
  const count = verdict.faces.length;
  const people = count === 1 ? "1 person" : `${count} people`;
  const [from, to] = verdict.media.analyzed_s;
  place.replaceChildren(
    ...(screen ? [screen.holder] : []),
    element("h2", { class: "headline" }, badge(verdict.label)),
    element("p", { text: probability(verdict) }),
    ...verdict.reasons.map((reason) => element("p", { text: REASONS[reason] ?? reason })),
    element("p", { class: "note", text: `${people} found; ` + (verdict.media.kind === "image"
      ? "one picture judged"
      : `judged from ${clock(from)} to ${clock(to)}`) + ` with the model ${verdict.model.name}.` }),
    ...verdict.faces.map((face) => faceCard(face, verdict, screen?.seek ?? null)),
    downloadLink(verdict),
  );
}

// One person of a verdict: label, strongest moments, the chart of all of them.
import { element } from "./dom.js";
import { evidenceText, labelBadge, scoreTexts } from "./extension/view/phrases.js";
import { moments } from "./pictures.js";
import { reasons } from "./report.js";
import { chart } from "./timeline.js";
import { fineClock, words } from "./words.js";

/** @import { Face, Verdict } from "./extension/verdict/types.js" */

/** The scores: of the whole, and of the chart's moments for those who do not see it. @param {Face} face */
function table(face) {
  const rows = face.samples.flatMap(({ t, p_fake }) =>
    p_fake === null ? [] : [element("tr", {},
      element("td", { text: fineClock(t) }), element("td", { text: words.percent(p_fake) }))]);
  const heads = [words.say("column_time"), words.say("column_score")].map((text) =>
    element("th", { text, attributes: { scope: "col" } }));
  return element("details", {}, element("summary", { text: words.say("moments") }),
    ...scoreTexts(words, face).map((text) => element("p", { class: "note", text })),
    element("table", {},
      element("caption", { class: "visually-hidden", text: words.say("every_moment", words.say("person", String(face.id))) }),
      element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows)));
}

/**
 * @param {Face} face @param {Verdict} verdict @param {string} id of the job
 * @param {(time_s: number) => void} seek @param {AbortSignal} signal
 */
export function personCard(face, verdict, id, seek, signal) {
  const moving = verdict.media.kind === "video";
  const p = evidenceText(words, face);
  const when = words.say("seen", words.clock(face.start_s), words.clock(Math.ceil(face.end_s)));
  const card = element("article", { class: `panel person ${face.label}` },
    element("div", { class: "head-line" }, element("h3", { text: words.say("person", String(face.id)) }), labelBadge(words, face, verdict.basis)),
    ...(p ? [element("p", { text: p })] : []),
    ...reasons(face),
    ...(moving ? [element("button", {
      class: "link", text: when, click: () => seek(face.start_s), signal, attributes: { type: "button" },
    })] : []));
  if (face.moments?.length) card.append(moments(face, face.moments, moving, id, seek, signal));
  if (moving && face.p_fake !== null) {
    card.append(chart(face, verdict, seek, signal), table(face));
  }
  return card;
}

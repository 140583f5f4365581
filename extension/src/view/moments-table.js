// The lanes as a table: what a screen reader, or a keyboard, has instead of the drawing.

import { stretches } from "../verdict/moments.js";
import { element } from "./element.js";

/**
 * @import { Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 */

/**
 * @param {Pick<Verdict, "faces"|"model">} verdict @param {Words} words
 * @param {((time_s: number) => void)|null} seek @param {AbortSignal} signal
 */
export function momentsTable({ faces, model }, words, seek, signal) {
  const rows = faces.flatMap((face) => stretches(face, model).map(({ from_s, to_s, level }) => {
    const when = words.say("span", words.clock(from_s), words.clock(to_s));
    const jump = seek ? () => seek(from_s) : undefined;
    const cell = jump
      ? element("button", { class: "jump", text: when, click: jump, signal, attributes: { type: "button" } })
      : when;
    return element("tr", {},
      element("th", { text: words.say("person", String(face.id)), attributes: { scope: "row" } }),
      element("td", {}, cell),
      element("td", { text: words.say(`level_${level}`) }));
  }));
  const heads = ["column_person", "column_time", "column_finding"].map((key) =>
    element("th", { text: words.say(key), attributes: { scope: "col" } }));
  return element("table", {},
    element("caption", { text: words.say("table_caption") }),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows));
}

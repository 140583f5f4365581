// What a person can keep: the verdict for programs, its moments for a spreadsheet, the report for people.
import { jobPath, request } from "./api.js";
import { element } from "./dom.js";
import { words } from "./words.js";

/** @import { Check } from "./checks.js" */

/** @param {string} name @param {Blob} content */
function save(name, content) {
  const href = URL.createObjectURL(content);
  element("a", { attributes: { href, download: name } }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser has read it by then
}

/** @param {string} title of a file, or an address */
function stem(title) {
  const last = title.replace(/[?#].*$/, "").split("/").filter(Boolean).at(-1) ?? "";
  return last.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 60) || "video";
}

/** @param {Check} check @param {string} id of its job @param {AbortSignal} signal */
export function downloads(check, id, signal) {
  const name = `mesoscope-${stem(check.title)}`;
  const note = element("p", { class: "reason", attributes: { role: "alert" } });
  /** @type {[string, string][]} */
  const kinds = [
    [words.say("report_html"), "html"],
    ["JSON", "json"],
    ["CSV", "csv"],
  ];
  const buttons = kinds.map(([text, kind]) => {
    const click = async () => {
      note.textContent = "";
      try {
        const answer = await request(jobPath(id, `/report?format=${kind}`), { signal });
        save(`${name}.${kind}`, await answer.blob());
      } catch (error) {
        note.textContent = error instanceof Error ? error.message : String(error);
      }
    };
    return element("button", { class: "quiet", text, click, signal, attributes: { type: "button" } });
  });
  return [element("h2", { text: words.say("keep") }), element("p", { class: "actions" }, ...buttons), note];
}

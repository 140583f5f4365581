// What a person can keep: the verdict for programs, its moments for a spreadsheet, the report for people.
import { jobPath, request } from "./api.js";
import { element } from "./dom.js";

/**
 * @import { Check } from "./checks.js"
 * @import { Verdict } from "./extension/verdict/types.js"
 */

/** @param {string} name @param {Blob} content */
function save(name, content) {
  const href = URL.createObjectURL(content);
  element("a", { attributes: { href, download: name } }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser has read it by then
}

/** One line per person and moment; boxes as fractions of the picture. @param {Verdict} verdict */
export function csv(verdict) {
  const head = "person,label,time_s,p_fake,x,y,width,height";
  const lines = verdict.faces.flatMap(({ id, label, samples }) =>
    samples.map(({ t, p_fake, box }) => [id, label, t, p_fake ?? "", ...box].join(",")));
  return [head, ...lines, ""].join("\r\n");
}

/** @param {string} title of a file, or an address */
function stem(title) {
  const last = title.replace(/[?#].*$/, "").split("/").filter(Boolean).at(-1) ?? "";
  return last.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 60) || "video";
}

/** @param {Check} check @param {string} id of its job @param {Verdict} verdict @param {AbortSignal} signal */
export function downloads(check, id, verdict, signal) {
  const name = `mesoscope-${stem(check.title)}`;
  const note = element("p", { class: "reason", attributes: { role: "alert" } });
  /** @type {[string, () => Promise<void>|void][]} */
  const kinds = [
    ["Report (HTML)", async () => save(`${name}.html`, await (await request(jobPath(id, "/report?download=1"))).blob())],
    ["JSON", () => save(`${name}.json`, new Blob([JSON.stringify(verdict, null, 2)], { type: "application/json" }))],
    ["CSV", () => save(`${name}.csv`, new Blob([csv(verdict)], { type: "text/csv" }))],
  ];
  const buttons = kinds.map(([text, make]) => {
    const click = async () => {
      note.textContent = "";
      try {
        await make();
      } catch (error) {
        note.textContent = error instanceof Error ? error.message : String(error);
      }
    };
    return element("button", { class: "quiet", text, click, signal, attributes: { type: "button" } });
  });
  return [element("h2", { text: "Keep it" }), element("p", { class: "actions" }, ...buttons), note];
}

// The report of a check in the browser: one page to keep, with the verdict and what was looked at inside.

import { ask } from "../view/ask.js";
import { element } from "../view/element.js";

/**
 * @import { Check } from "../background/store.js"
 * @import { Verdict } from "../verdict/types.js"
 * @import { OutcomeView } from "./outcome.js"
 */

const NAMES = { report: "mesoscope-report.html", verdict: "mesoscope-verdict.json" };
/** What was looked at, by its type. @type {Record<string, string>} */
const FILES = {
  "video/x-matroska": "mesoscope-pictures.mkv", "image/png": "mesoscope-picture.png", "image/jpeg": "mesoscope-picture.jpg",
};
const STYLE = `body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; } th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid #ccc; text-align: start; }
.fake { color: var(--fake); } .real { color: var(--real); } .inconclusive { color: var(--unsure); } td { overflow-wrap: anywhere; }
.strip { display: none; } pre { overflow-x: auto; }`;

/** The style with the colours of this page, which the report does not have. */
function style() {
  const here = getComputedStyle(document.documentElement);
  const colours = ["--fake", "--real", "--unsure"].map((name) => `${name}: ${here.getPropertyValue(name)};`);
  return `:root { ${colours.join(" ")} } ${STYLE}`;
}

/** @param {Verdict} verdict */
const jsonOf = (verdict) => JSON.stringify(verdict, null, 2);

/** @param {Blob} file @param {string} name @param {string} text @param {AbortSignal} signal */
function download(file, name, text, signal) {
  const href = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(href), { once: true });
  return element("a", { text, attributes: { href, download: name } });
}

/** @param {OutcomeView} view @param {Verdict} verdict */
export function saveLink({ words, signal }, verdict) {
  return download(new Blob([jsonOf(verdict)], { type: "application/json" }), NAMES.verdict, words.say("save"), signal);
}

/** @param {Element} shown the popup's account @returns {Element} what of it can stand on paper */
function onPaper(shown) {
  const copy = /** @type {Element} */ (shown.cloneNode(true));
  for (const node of copy.querySelectorAll(".links, [hidden]")) node.remove();
  for (const node of copy.querySelectorAll("button")) node.replaceWith(node.textContent ?? "");
  for (const node of copy.querySelectorAll("details")) node.open = true;
  return copy;
}

/** @param {Check} check @param {Verdict} verdict @returns {[string, string][]} */
function facts({ subject, startedAt }, { media, model, detector, versions }) {
  return [
    ["URL", subject.url ?? subject.page],
    ["SHA-256", media.sha256 ?? ""],
    ["px", `${media.width_px} × ${media.height_px}`],
    ["UTC", new Date(startedAt).toISOString()],
    [model.name, model.sha256],
    [detector?.name ?? "", detector?.sha256 ?? ""],
    ...Object.entries(versions ?? {}),
  ];
}

/**
 * @param {OutcomeView} view @param {Check} check @param {Verdict} verdict @param {Element} shown
 * @param {string|null} file what was looked at, as a data URL
 * @returns {Blob}
 */
function page({ words }, check, verdict, shown, file) {
  const name = FILES[file?.slice("data:".length).split(";")[0] ?? ""] ?? "FILE";
  const inside = [[`data:application/json,${encodeURIComponent(jsonOf(verdict))}`, NAMES.verdict], ...(file ? [[file, name]] : [])];
  const kept = document.implementation.createHTMLDocument(words.say("report_title"));
  kept.documentElement.lang = words.language;
  kept.documentElement.dir = words.dir;
  kept.head.append(element("meta", { attributes: { charset: "utf-8" } }), element("style", { text: style() }));
  kept.body.append(
    element("h1", { text: words.say("report_title") }), onPaper(shown),
    element("h2", { text: words.say("report_facts") }),
    element("table", {}, element("tbody", {}, ...facts(check, verdict).map(([fact, value]) =>
      element("tr", {}, element("th", { text: fact }), element("td", { text: value }))))),
    element("p", { text: words.say("report_differs") }),
    element("h2", { text: words.say("report_again") }), element("p", { text: words.say("report_again_text") }),
    element("pre", { text: `python -m server verify ${NAMES.verdict} ${name}`, attributes: { dir: "ltr" } }),
    element("ul", {}, ...inside.map(([href, text]) => element("li", {}, element("a", { text, attributes: { href, download: text } })))),
    element("p", { text: words.say("estimate") }));
  return new Blob([new XMLSerializer().serializeToString(kept)], { type: "text/html" });
}

/**
 * @param {OutcomeView} view @param {Check} check @param {Verdict} verdict @param {() => Element} shown the verdict as it is told
 */
export function reportButton(view, check, verdict, shown) {
  const { words, signal } = view;
  const save = async () => {
    const file = await ask({ type: "lookedAt", id: check.id });
    download(page(view, check, verdict, shown(), file), NAMES.report, "", signal).click();
  };
  return element("button", { class: "link", text: words.say("report_keep"), click: save, signal, attributes: { type: "button", "data-do": "report" } });
}

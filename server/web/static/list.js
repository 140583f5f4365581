// The list of checks: those in flight with their progress, the others with their label.
import { element } from "./dom.js";
import { labelBadge } from "./extension/view/phrases.js";
import { createProgress, inFlight } from "./progress.js";
import { problemView } from "./problem.js";
import { dateText, words } from "./words.js";

/** @import { Check, Checks } from "./checks.js" */

/** @param {Check} check */
function outcome({ state, label, covers }) {
  if (label) return labelBadge(words, { label }, { covers: covers ?? [] });
  const texts = { failed: words.say("not_checked"), cancelled: words.say("called_off"), refused: words.say("not_checked") };
  return element("span", { class: "label none", text: texts[/** @type {keyof typeof texts} */ (state)] ?? "" });
}

/** What decides how an entry is built; the rest is only updated. @param {Check} check */
const form = (check) => [inFlight(check), check.id, check.state === "sending", check.label, check.problem?.code].join();

/** @param {Check} check @param {Checks} checks @param {(check: Check) => void} retry */
function createEntry(check, checks, retry) {
  const node = element("li", { class: "entry" });
  /** @type {{form: string, update: (check: Check) => void}} */
  const shown = { form: "", update: () => {} };

  const build = () => {
    const title = check.id
      ? element("a", { class: "title", text: check.title, attributes: { href: `#/jobs/${check.id}` } })
      : element("span", { class: "title", text: check.title });
    const what = element("div", { class: "what" }, title,
      element("span", { class: "note", text: words.say("checked_at", words.say(check.kind === "file" ? "file" : "address"), dateText(check.at)) }));
    const moving = inFlight(check);
    const progress = moving ? createProgress(check) : null;
    const remove = words.say(moving ? "cancel" : "delete");
    const button = element("button", {
      class: "quiet small", text: remove,
      click: () => (moving ? checks.cancel(check) : checks.forget(check)),
      attributes: { type: "button", "aria-label": `${remove}: ${check.title}` },
    });
    const failed = !moving && check.problem && !(check.id && check.state === "done");
    const again = check.kind === "url" || check.asked ? () => retry(check) : null;
    const focused = node.contains(document.activeElement);
    node.replaceChildren(what, element("div", { class: "how" }, progress?.node ?? outcome(check)), button,
      ...(failed && check.problem ? [problemView(check.problem, again)] : []));
    if (focused) button.focus();
    shown.update = progress?.update ?? (() => {});
  };
  const update = () => {
    if (shown.form !== form(check)) {
      shown.form = form(check);
      build();
    } else shown.update(check);
  };
  update();
  return { node, update };
}

/**
 * @param {HTMLElement} place the list @param {HTMLElement} none what is shown instead of an empty one
 * @param {HTMLElement} clear shown beside a list that is not empty
 * @param {Checks} checks @param {(check: Check) => void} retry
 */
export function createList(place, none, clear, checks, retry) {
  /** @type {Map<Check, ReturnType<typeof createEntry>>} */
  const entries = new Map();
  const list = () => {
    for (const check of entries.keys()) if (!checks.all.includes(check)) entries.delete(check);
    for (const check of checks.all) if (!entries.has(check)) entries.set(check, createEntry(check, checks, retry));
    const nodes = checks.all.map((check) => /** @type {{node: HTMLElement}} */ (entries.get(check)).node);
    const focused = place.contains(document.activeElement);
    for (const node of [...place.children]) if (!nodes.includes(/** @type {any} */ (node))) node.remove();
    nodes.forEach((node, i) => {
      if (place.children[i] !== node) place.insertBefore(node, place.children[i] ?? null);
    });
    none.hidden = nodes.length > 0;
    clear.hidden = nodes.length === 0;
    if (focused && !place.contains(document.activeElement)) place.focus();
  };
  checks.addEventListener("list", list);
  checks.addEventListener("change", (event) => {
    entries.get(/** @type {CustomEvent<Check>} */ (event).detail)?.update();
  });
  list();
}

// The list of checks: those in flight with their progress, the others with their label.
import { element } from "./dom.js";
import { labelBadge } from "./extension/view/phrases.js";
import { createProgress, inFlight } from "./progress.js";
import { jobPath } from "./api.js";
import { load } from "./pictures.js";
import { problemLine, problemView } from "./problem.js";
import { dateText, words } from "./words.js";

/** @import { Check, Checks } from "./checks.js" */

/** The list can be narrowed from this number of checks on. */
const MANY = 8;

/** @param {Check} check @returns {HTMLElement} what came out of it */
function outcome({ state, label, covers, problem }) {
  if (label) return labelBadge(words, { label }, { covers: covers ?? [] });
  if (state === "failed" && problem) {
    return element("div", {}, element("span", { class: "label none", text: words.say("not_checked") }), problemLine(problem));
  }
  const texts = { failed: words.say("not_checked"), cancelled: words.say("called_off"), refused: words.say("not_checked") };
  return element("span", { class: "label none", text: texts[/** @type {keyof typeof texts} */ (state)] ?? "" });
}

/** @param {Check} check @returns {HTMLElement[]} a small picture of it, where the service has one */
function thumbnail({ id, shown }) {
  if (!id || !shown) return [];
  const image = element("img", { class: "thumb", attributes: { alt: "", loading: "lazy", decoding: "async" } });
  const kinds = ["frame", "face"]; // results of before, and faces beyond the worst three, have no frame
  const next = () => {
    const wanted = kinds.shift();
    if (!wanted) return image.remove();
    load(image, jobPath(id, `/faces/${shown.face}.jpg?moment=${shown.moment}&kind=${wanted}`), new AbortController().signal);
  };
  image.addEventListener("error", next);
  next();
  return [image];
}

/** What decides how an entry is built; the rest is only updated. @param {Check} check */
const form = (check) => [inFlight(check), check.id, check.state === "sending", check.label, check.problem?.code, check.shown?.face].join();

/** @param {Check} check @param {Checks} checks @param {(check: Check) => void} retry */
function createEntry(check, checks, retry) {
  const node = element("li", { class: "entry" });
  /** @type {{form: string, update: (check: Check) => void}} */
  const shown = { form: "", update: () => {} };

  const build = () => {
    const title = check.id
      ? element("a", { class: "title", text: check.title, attributes: { href: `#/jobs/${check.id}` } })
      : element("span", { class: "title", text: check.title });
    const what = element("div", { class: "what" }, ...thumbnail(check), element("div", {}, title,
      element("span", { class: "note", text: words.say("checked_at", words.say(check.kind === "file" ? "file" : "address"), dateText(check.at)) })));
    const moving = inFlight(check);
    const progress = moving ? createProgress(check) : null;
    const remove = words.say(moving ? "cancel" : "delete");
    const button = element("button", {
      class: "quiet small", text: remove,
      click: () => (moving ? checks.cancel(check) : checks.forget(check)),
      attributes: { type: "button", "aria-label": `${remove}: ${check.title}` },
    });
    const failed = !moving && check.problem && check.state !== "failed" && !(check.id && check.state === "done");
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

/** @param {Check} check what it is found by in the list */
const finding = ({ label, state }) => label ?? (state === "failed" || state === "refused" ? "failed" : "");

/**
 * The choice of which checks are shown, offered where there are many.
 * @param {Checks} checks @param {() => void} changed
 */
function createFilter(checks, changed) {
  /** @type {[string, string][]} */
  const choices = [["", "all_checks"], ["fake", "label_fake"], ["inconclusive", "label_inconclusive"],
    ["real", "label_real"], ["no-face", "label_no_face"], ["failed", "not_checked"]];
  const node = element("select", { attributes: { id: "filter", "aria-label": words.say("filter") } },
    ...choices.map(([value, key]) => element("option", { text: words.say(key), attributes: { value } })));
  node.addEventListener("change", changed);
  return {
    node,
    update() {
      node.hidden = checks.all.length < MANY;
      if (node.hidden) node.value = "";
    },
    /** @param {Check} check */
    shows: (check) => !node.value || finding(check) === node.value,
  };
}

/**
 * @param {HTMLElement} place the list @param {HTMLElement} none what is shown instead of an empty one
 * @param {HTMLElement} clear shown beside a list that is not empty
 * @param {Checks} checks @param {(check: Check) => void} retry
 */
export function createList(place, none, clear, checks, retry) {
  /** @type {Map<Check, ReturnType<typeof createEntry>>} */
  const entries = new Map();
  const filter = createFilter(checks, () => list());
  clear.before(filter.node);
  const list = () => {
    for (const check of entries.keys()) if (!checks.all.includes(check)) entries.delete(check);
    for (const check of checks.all) if (!entries.has(check)) entries.set(check, createEntry(check, checks, retry));
    const nodes = checks.all.map((check) => /** @type {{node: HTMLElement}} */ (entries.get(check)).node);
    const focused = place.contains(document.activeElement);
    for (const node of [...place.children]) if (!nodes.includes(/** @type {any} */ (node))) node.remove();
    nodes.forEach((node, i) => {
      if (place.children[i] !== node) place.insertBefore(node, place.children[i] ?? null);
    });
    filter.update();
    for (const [check, { node }] of entries) node.hidden = !filter.shows(check);
    none.hidden = nodes.length > 0;
    clear.hidden = nodes.length === 0;
    if (focused && !place.contains(document.activeElement)) place.focus();
  };
  checks.addEventListener("list", list);
  checks.addEventListener("change", (event) => {
    const check = /** @type {CustomEvent<Check>} */ (event).detail;
    const entry = entries.get(check);
    entry?.update();
    if (entry) entry.node.hidden = !filter.shows(check);
  });
  list();
}

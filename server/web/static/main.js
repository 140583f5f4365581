// The page: what is asked for, the list of checks, and one check at its own address, #/jobs/ID.
import { enter } from "./api.js";
import { Checks } from "./checks.js";
import { announce, byId } from "./dom.js";
import { createList } from "./list.js";
import { createOne } from "./one.js";
import { chosenOptions } from "./options.js";
import { problemView } from "./problem.js";
import { words } from "./words.js";

/** @import { Check, Source } from "./checks.js" */

const TITLE = document.title;
const checks = new Checks();
/** @type {{awaited: Check|null}} the single check that is opened once the service has taken it */
const next = { awaited: null };

/** Ask for the same once more, and open that check. @param {Check} check */
function retry(check) {
  const added = checks.again(check);
  if (added === check) return;
  next.awaited = added;
  location.hash = "#/";
}

const one = createOne(byId("one"), checks, retry);
createList(byId("checks"), byId("none"), byId("clear"), checks, retry);

/** What is wrong with the address stands beside it, and the field keeps it. @param {Check|null} refused */
function showRefused(refused) {
  byId("url").setAttribute("aria-invalid", String(Boolean(refused)));
  byId("url-problem").replaceChildren(...(refused?.problem ? [problemView(refused.problem, null)] : []));
  if (!refused) return;
  checks.forget(refused);
  byId("url").value ||= refused.title;
}

/** @param {Source[]} sources */
function start(sources) {
  showRefused(null);
  const options = sources.length ? chosenOptions() : null;
  if (!options) return;
  const added = sources.map((source) => checks.add(source, options));
  next.awaited = added.length === 1 ? added[0] : null;
  if (location.hash.startsWith("#/jobs/")) location.hash = "#/";
  announce(added.length === 1 ? words.say("checking_one", added[0].title) : words.say("checking_many", String(added.length)));
}

/** @param {string} text as a person types an address, with or without https:// @returns {Source} */
const address = (text) => ({ url: /^[a-z][a-z0-9+.-]*:|\s/i.test(text) ? text : `https://${text}` });

/** @param {boolean} first when the page opens, the focus stays where the browser has put it */
function route(first = false) {
  const id = /^#\/jobs\/([0-9a-f]{1,64})$/.exec(location.hash)?.[1];
  byId("home").hidden = Boolean(id);
  byId("one").hidden = !id;
  if (id) {
    one.show(checks.open(id));
    scrollTo(0, 0);
  } else {
    one.hide();
    document.title = TITLE;
    if (!first) byId("home").querySelector("h1").focus();
  }
}

/** @param {string} name of a film that comes along; it is sent like a file of the person's own */
async function trySample(name) {
  const answer = await fetch(`/static/${name}`);
  start([{ file: new File([await answer.blob()], name, { type: "video/mp4" }) }]);
}

function listen() {
  byId("check-url").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const text = byId("url").value.trim();
    if (text) start([address(text)]);
  });
  byId("url").addEventListener("input", () => showRefused(null));
  for (const sample of document.querySelectorAll("[data-sample]")) {
    sample.addEventListener("click", () => trySample(sample.getAttribute("data-sample") ?? ""));
  }
  byId("options-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => event.preventDefault());
  const input = byId("file");
  input.addEventListener("change", () => {
    start([...input.files].map((file) => ({ file })));
    input.value = ""; // the same file can be chosen again
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) byId("drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("drop").classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])].map((file) => ({ file }));
    const link = event.dataTransfer?.getData("text/uri-list").split("\n")[0].trim();
    start(files.length ? files : link ? [address(link)] : []);
  });
  byId("skip").addEventListener("click", (/** @type {Event} */ event) => {
    event.preventDefault(); // its #main would replace the address of the check
    byId("main").focus();
  });
  byId("clear").addEventListener("click", () => byId("sure").showModal());
  byId("sure").addEventListener("close", () => {
    if (byId("sure").returnValue === "delete") checks.forgetAll();
    byId("sure").returnValue = "";
  });
  checks.addEventListener("accepted", (event) => {
    const check = /** @type {CustomEvent<Check>} */ (event).detail;
    if (check.kind === "url") byId("url").value = "";
    if (check === next.awaited && !location.hash.startsWith("#/jobs/")) location.hash = `#/jobs/${check.id}`;
  });
  checks.addEventListener("change", (event) => {
    const check = /** @type {CustomEvent<Check>} */ (event).detail;
    if (check.kind === "url" && check.state === "refused") showRefused(check);
  });
  addEventListener("hashchange", () => { if (/^(#\/.*)?$/.test(location.hash)) route(); });
}

listen();
route(true);
enter().catch(() => {}); // a service that does not answer is told of when something is asked of it
for (const check of checks.all) {
  if (check.state === "queued" || check.state === "running") checks.open(check.id ?? "");
}

// The page: submit, follow the job, show the report. One check at a time; a new one ends the old.
import { Problem, cancel, checkFile, checkUrl, job } from "./api.js";
import { showReport } from "./report.js";
import { STAGES } from "./words.js";

const POLL_MS = 500;

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);
const sections = ["progress", "problem", "report"];

/** @param {string} [shown] */
function show(shown) {
  for (const id of sections) byId(id).hidden = id !== shown;
}

/** @param {Problem|{title: string, detail: string}} problem */
function showProblem(problem) {
  byId("problem-title").textContent = "message" in problem ? problem.message : problem.title;
  byId("problem-detail").textContent = problem.detail;
  show("problem");
}

/** @param {import("./api.js").Job} state */
function showProgress(state) {
  byId("bar").value = state.progress;
  const stage = STAGES[state.stage] ?? state.stage;
  if (byId("stage").textContent !== stage) byId("stage").textContent = stage;
}

/** @param {number} ms @param {AbortSignal} signal */
const pause = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});

/** @param {import("./api.js").Job} state @param {AbortSignal} signal */
async function follow(state, signal) {
  while (state.state === "queued" || state.state === "running") {
    showProgress(state);
    await pause(POLL_MS, signal);
    state = await job(state.id, signal);
  }
  return state;
}

/**
 * @param {string} subject what is being checked, in words
 * @param {(signal: AbortSignal) => Promise<import("./api.js").Job>} submit
 * @param {File|null} file
 * @param {AbortController} run
 */
async function check(subject, submit, file, run) {
  const { signal } = run;
  byId("subject").textContent = subject;
  byId("bar").removeAttribute("value");
  byId("stage").textContent = "Sending";
  show("progress");
  try {
    const accepted = await submit(signal);
    byId("cancel").onclick = () => { run.abort(); show(); cancel(accepted.id).catch(() => {}); };
    const ended = await follow(accepted, signal);
    if (ended.state === "done" && ended.result) {
      showReport(byId("report"), ended.result, file, signal);
      show("report");
      byId("report").focus();
    } else {
      showProblem(ended.error ?? { title: "The check was cancelled", detail: "" });
    }
  } catch (error) {
    if (!signal.aborted) showProblem(error instanceof Problem ? error : new Problem({ detail: String(error) }));
  }
}

function start() {
  let run = new AbortController();
  const next = () => { run.abort(); run = new AbortController(); return run; };

  byId("check-url").addEventListener("submit", (event) => {
    event.preventDefault();
    const url = byId("url").value.trim();
    check(url, (signal) => checkUrl(url, signal), null, next());
  });

  /** @param {File|undefined} file */
  const checkOwn = (file) => {
    if (file) check(file.name, (signal) => checkFile(file, signal), file, next());
  };
  byId("file").addEventListener("change", (event) => checkOwn(event.target.files[0]));
  const drop = byId("drop");
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    checkOwn(event.dataTransfer.files[0]);
  });
}

start();

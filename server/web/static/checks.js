// The checks of this visit and of earlier ones: what is asked, how it goes, what came out.
import { Problem, checkFile, checkUrl, job as ask, remove } from "./api.js";
import { ended, follow } from "./follow.js";
import { readHistory, writeHistory } from "./history.js";
import { strongest } from "./stills.js";
import { words } from "./words.js";

/**
 * @import { Job, Options, ProblemBody } from "./api.js"
 * @import { Entry, Shown } from "./history.js"
 * @import { MediaLabel } from "./extension/verdict/types.js"
 *
 * @typedef {{url: string}|{file: File}} Source
 *
 * @typedef {object} Check
 * @property {string|null} id of its job, once the service took it
 * @property {string} title
 * @property {"url"|"file"} kind
 * @property {number} at when it was asked for, in Unix milliseconds
 * @property {"sending"|"refused"|Job["state"]} state
 * @property {MediaLabel|null} label
 * @property {Shown|null} shown
 * @property {string[]} [covers] the kinds of fakes that "no sign" is said of
 * @property {number} sent share of the file that has been sent
 * @property {boolean} silent the service does not answer just now
 * @property {Job|null} job
 * @property {ProblemBody|null} problem
 * @property {File|null} file the person's own, while the page is open
 * @property {{source: Source, options: Options}|null} asked
 * @property {AbortController} run
 */

/** @param {Entry} entry @returns {Check} */
const remembered = (entry) => ({
  shown: null, ...entry, sent: 1, silent: false, job: null, problem: null, file: null, asked: null,
  run: new AbortController(),
});

/** How a check is called that this browser only knows by its address. @param {string} id */
const unnamed = (id) => words.say("one_check", id.slice(0, 8));

/** Fires "list" when checks come or go, and "change" with the check that changed. */
export class Checks extends EventTarget {
  constructor() {
    super();
    /** @type {Check[]} the newest first */
    this.all = readHistory().map(remembered);
    /** @type {Promise<unknown>} one file is sent after the other */
    this.sending = Promise.resolve();
  }

  /** @param {string} id */
  get(id) {
    return this.all.find((check) => check.id === id) ?? null;
  }

  /** @param {Source} source @param {Options} options */
  add(source, options) {
    const file = "file" in source ? source.file : null;
    /** @type {Check} */
    const check = {
      id: null, title: "url" in source ? source.url : source.file.name, kind: file ? "file" : "url",
      at: Date.now(), state: "sending", label: null, shown: null, sent: 0, silent: false, job: null, problem: null,
      file, asked: { source, options }, run: new AbortController(),
    };
    this.all.unshift(check);
    this.#list();
    this.#start(check);
    return check;
  }

  /** Ask for the same once more. @param {Check} check */
  again(check) {
    if (check.id && check.state !== "failed" && check.state !== "cancelled") this.load(check);
    else if (check.asked || check.kind === "url") {
      const asked = check.asked ?? { source: { url: check.title }, options: {} };
      this.#drop(check);
      return this.add(asked.source, asked.options);
    }
    return check;
  }

  /** The check with a job's id, also one that this browser has not asked for. @param {string} id */
  open(id) {
    let check = this.get(id);
    if (!check) {
      check = remembered({ id, title: unnamed(id), kind: "url", at: Date.now(), state: "queued", label: null });
      this.all.unshift(check);
      this.#list();
    }
    if (!check.job) this.load(check);
    return check;
  }

  /** Follow the check at the service until it has ended. @param {Check} check */
  async load(check) {
    if (!check.id) return;
    const { signal } = (check.run = new AbortController());
    Object.assign(check, { problem: null, silent: false });
    this.#changed(check);
    try {
      const job = await ask(check.id, signal);
      this.#heard(check, job);
      if (ended(job)) return;
      await follow(check.id, signal, (later) => this.#heard(check, later), () => {
        check.silent = true;
        this.#changed(check);
      });
    } catch (error) {
      this.#failed(check, error, signal);
    }
  }

  /** @param {Check} check */
  async cancel(check) {
    check.run.abort();
    if (!check.id) return this.#drop(check);
    check.state = "cancelled";
    this.#keep();
    this.#changed(check);
    await remove(check.id).catch(() => {});
  }

  /** Forget it, here and at the service. @param {Check} check */
  async forget(check) {
    this.#drop(check);
    if (!check.id) return;
    const id = check.id;
    const running = check.state === "queued" || check.state === "running";
    await remove(id).catch(() => {});
    if (running) await remove(id).catch(() => {}); // the first only cancelled it
  }

  async forgetAll() {
    await Promise.all([...this.all].map((check) => this.forget(check)));
  }

  /** @param {Check} check */
  #start(check) {
    const { source, options } = check.asked ?? { source: { url: check.title }, options: {} };
    const { signal } = check.run;
    const send = async () => {
      signal.throwIfAborted();
      if ("url" in source) return checkUrl(source.url, options, signal);
      return checkFile(source.file, options, signal, (share) => {
        check.sent = share;
        this.#changed(check);
      });
    };
    const sent = "file" in source ? this.sending.then(send) : send();
    if ("file" in source) this.sending = sent.catch(() => {});
    sent.then((job) => this.#accepted(check, job)).catch((error) => this.#failed(check, error, signal));
  }

  /** @param {Check} check @param {Job} job */
  async #accepted(check, job) {
    for (const twin of this.all.filter((other) => other.id === job.id)) this.#drop(twin); // asked before
    check.id = job.id;
    this.#heard(check, job);
    this.dispatchEvent(new CustomEvent("accepted", { detail: check }));
    await this.load(check);
  }

  /** @param {Check} check @param {Job} job */
  #heard(check, job) {
    Object.assign(check, {
      job, state: job.state, silent: false, problem: job.error, label: job.result?.label ?? null,
      covers: job.result?.basis?.covers, shown: job.result ? strongest(job.result)[0] ?? null : null,
    });
    if (check.title === unnamed(job.id)) {
      Object.assign(check, { at: job.created_at * 1000, kind: job.kind, title: job.source ?? (job.title || check.title) });
    }
    this.#keep();
    this.#changed(check);
  }

  /** @param {Check} check @param {unknown} error @param {AbortSignal} signal */
  #failed(check, error, signal) {
    if (signal.aborted) return;
    const problem = error instanceof Problem ? error : new Problem({ detail: String(error) });
    check.problem = problem.body;
    check.silent = false;
    if (!check.id) check.state = "refused";
    this.#changed(check);
  }

  /** @param {Check} check */
  #drop(check) {
    check.run.abort();
    this.all = this.all.filter((other) => other !== check);
    this.#keep();
    this.#list();
  }

  #keep() {
    writeHistory(this.all.flatMap(({ id, title, kind, at, state, label, covers, shown }) =>
      id && state !== "sending" && state !== "refused" ? [{ id, title, kind, at, state, label, covers, shown }] : []));
  }

  /** @param {Check} check */
  #changed(check) {
    this.dispatchEvent(new CustomEvent("change", { detail: check }));
  }

  #list() {
    this.dispatchEvent(new Event("list"));
  }
}

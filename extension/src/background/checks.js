// A check from the click to its verdict. Everything is kept in the store at every step, so that the
// worker may die between any two lines and another one goes on.

import { cancelJob, checkFile, checkFrames, checkUrl, getJob, nextJob } from "./api.js";
import { showBadge } from "./badge.js";
import { captureImage, captureVideo } from "./capture.js";
import { createLookHere } from "./look-here.js";
import { isPacked } from "./packed.js";
import { announce, draw, erase } from "./page.js";
import { CheckFailed, fail, fromService } from "./problem.js";
import { isShown } from "../content/subjects.js";
import { readSettings } from "../settings.js";
import { placedIn } from "../verdict/moments.js";
import { all, drawable, find, isOpen, isStillOpen, newCheck, ofTab, forget, save, tidy } from "./store.js";

/**
 * @import { Subject } from "../content/subjects.js"
 * @import { Job } from "./api.js"
 * @import { Check } from "./store.js"
 */

export const ALARM = "follow";
const ALARM_MINUTES = 0.5;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [400, 2_000];
/** Problems that are retried: the check goes on although the service cannot be reached. */
const PASSING = ["server-down", "server-slow", "store-away"];
/** How long the service may be silent before a check is given up. */
const SILENCE_MS = 120_000;
const KEPT = 8; // per tab; older ones are forgotten

/** @param {number} ms @returns {Promise<void>} */
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** @param {Check} check tells everyone */
async function publish(check) {
  await save(check);
  await showBadge(check);
}

/** @param {Check} check @param {Job} job @returns {Check} */
function advanced(check, job) {
  const { id: jobId, state, stage, progress } = job;
  const problem = state === "failed" ? fromService(job.error ?? { code: "internal" }) : null;
  const { offset_s, subject } = check;
  const [partial, result] = [job.partial, job.result].map((verdict) =>
    (offset_s === null ? verdict : placedIn(verdict, offset_s, subject.duration_s)));
  return { ...check, jobId, state, stage, progress, partial: partial ?? check.partial, result, problem, silentSince: null };
}

/** @param {Check} check @param {unknown} error @returns {Check} */
function troubled(check, error) {
  const { problem } = error instanceof CheckFailed ? error : fail("internal", "retry");
  const silent = PASSING.includes(problem.code);
  const silentSince = check.silentSince ?? Date.now();
  if (silent && check.jobId && Date.now() - silentSince < SILENCE_MS) return { ...check, silentSince };
  return { ...check, state: "failed", problem };
}

/** @param {Check} check @param {() => Promise<Job>} ask @returns {Promise<Check>} */
async function attempt(check, ask) {
  try {
    return advanced(check, await ask());
  } catch (error) {
    return troubled(check, error);
  }
}

/** @param {Check} check asks the service once @returns {Promise<Check>} */
function ask(check) {
  const { jobId, subject, way } = check;
  if (jobId) return attempt(check, () => getJob(jobId));
  // The worker that captured died; nothing of a check in the browser may go to the service.
  if (way === "browser") return Promise.resolve(troubled(check, fail("local-stopped", "retry")));
  return attempt(check, () => {
    if (!subject.url) throw fail("no-address", "capture");
    return checkUrl(subject.url, subject.watched_s ?? null);
  });
}

/** @param {Check} check captures the picture that it shows and sends it @returns {Promise<Check>} */
function sentImage(check) {
  return attempt(check, async () => {
    const picture = await captureImage(check.tabId, check.subject);
    return checkFile(picture, picture.type.replace("image/", "picture."));
  });
}

/** @param {Check} check captures what plays and sends it @returns {Promise<Check>} */
async function sentVideo(check) {
  const onProgress = async (/** @type {number} */ progress) => {
    if (!(await isStillOpen(check.id))) throw fail("cancelled", null);
    await publish({ ...check, stage: "capture", progress });
  };
  try {
    const frames = await captureVideo(check.tabId, check.subject, onProgress);
    return attempt({ ...check, offset_s: frames[0].time_s }, () => checkFrames(frames));
  } catch (error) {
    return troubled(check, error);
  }
}

export function createChecks() {
  const lookHere = createLookHere(publish);
  /** The checks that this worker follows just now; a new worker starts with none. @type {Set<string>} */
  const followed = new Set();

  /** @param {Check} before @param {Check} after */
  const settle = async (before, after) => {
    if (!(await isStillOpen(before.id))) { // cancelled meanwhile, perhaps before its job had a name
      if (after.jobId && !before.jobId && isOpen(after)) await cancelJob(after.jobId).catch(() => {});
      return null;
    }
    await publish(after);
    if (drawable(before, after)) await draw(after);
    else if (!isOpen(after) && !after.result) await erase(after);
    return isOpen(after) ? after : null;
  };

  /** @param {Check} check until it has ended @param {(check: Check) => Promise<Check>} first request */
  const follow = async (check, first = ask) => {
    if (followed.has(check.id)) return;
    followed.add(check.id);
    try {
      await chrome.alarms.create(ALARM, { periodInMinutes: ALARM_MINUTES });
      let open = await settle(check, await first(check));
      let wait = FIRST_PAUSE_MS;
      for (let known = ""; open;) {
        const next = open.jobId ? await nextJob(open.jobId, known) : null;
        if (next) {
          [known, wait] = [next.known, FIRST_PAUSE_MS];
          open = await settle(open, advanced(open, next.job));
        } else { // too many listen, the service is away, or nothing happened for long
          await pause(wait);
          wait = Math.min(wait * 1.3, LONGEST_PAUSE_MS);
          open = await settle(open, await ask(open));
        }
      }
    } finally {
      followed.delete(check.id);
    }
    if (!(await all()).some(isOpen)) await chrome.alarms.clear(ALARM);
  };

  /** @param {number} tabId @param {Subject} subject ends what ran for the same subject, keeps the newest */
  const makeRoom = async (tabId, subject) => {
    const before = await ofTab(tabId);
    const same = before.filter((check) => check.subject.key === subject.key);
    await Promise.all(same.filter(isOpen).map((check) => cancel(check.id)));
    const old = before.filter((check) => !isOpen(check)).slice(KEPT - 1);
    await forget([...same, ...old].map((check) => check.id));
  };

  /** @param {string} id */
  const cancel = async (id) => {
    const check = await find(id);
    if (!check || !isOpen(check)) return;
    await publish({ ...check, state: "cancelled" });
    await erase(check);
    if (check.jobId) await cancelJob(check.jobId).catch(() => {}); // it ends by itself then
  };

  /** @param {Check} check carries it out in this browser alone @returns {Promise<Check>} */
  const seen = async (check) => {
    try {
      return { ...check, state: "done", stage: "done", progress: 1, result: await lookHere.check(check) };
    } catch (error) {
      return troubled(check, error);
    }
  };

  /** Whether checks are carried out here, as far as the person has not chosen otherwise. */
  const isHere = async () => isPacked() && (await readSettings()).way === "browser";

  /** @param {number} tabId @param {Subject} subject @param {{first?: (check: Check) => Promise<Check>, way?: Check["way"], whole?: boolean}} [how] */
  const begin = async (tabId, subject, { first, way = "service", whole = false } = {}) => {
    await makeRoom(tabId, subject);
    // A stream has no address of its own: the service looks for it on its page.
    const url = subject.url ?? (subject.kind === "video" && /^https?:/.test(subject.page) ? subject.page : null);
    const check = newCheck(tabId, first ? subject : { ...subject, url }, way, whole);
    follow(check, async (fresh) => {
      await publish(fresh);
      await announce(tabId, subject);
      if (!(await isStillOpen(fresh.id))) await erase(fresh); // cancelled before it was drawn
      return (first ?? ask)(fresh);
    });
    return check.id;
  };

  return {
    /** Somebody may start a check in a moment. */
    async prepare() {
      if (await isHere()) lookHere.prepare();
    },
    /** @param {number} tabId @param {Subject} subject with an address @returns {Promise<string>} its id */
    async start(tabId, subject) {
      return isShown(subject) && await isHere() ? begin(tabId, subject, { first: seen, way: "browser" }) : begin(tabId, subject);
    },
    /** @param {number} tabId @param {Subject} subject for the service to fetch, whatever the usual way is */
    ask: (tabId, subject) => begin(tabId, subject),
    /** @param {number} tabId @param {Subject} subject what the browser shows and the service cannot get */
    send: (tabId, subject) =>
      begin(tabId, { ...subject, url: null }, { first: subject.kind === "image" ? sentImage : sentVideo }),
    /** @param {number} tabId @param {Subject} subject a video that can be copied, to be looked at from end to end */
    whole: (tabId, subject) => begin(tabId, subject, { first: seen, way: "browser", whole: true }),
    cancel,
    /** Go on with what another worker left behind. */
    async resume() {
      await tidy();
      for (const check of (await all()).filter(isOpen)) follow(check);
    },
    /** @param {number} tabId */
    async leave(tabId) {
      const checks = await ofTab(tabId);
      await Promise.all(checks.filter(isOpen).map((check) => cancel(check.id)));
      await forget(checks.map((check) => check.id));
    },
  };
}

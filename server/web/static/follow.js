// How a check is going: the service's events where it offers them, asking again and again elsewhere.
import { Problem, credentials, job as ask, jobPath } from "./api.js";

/** @import { Job } from "./api.js" */

const POLL_MS = 700;
const MOST_MISSES = 5;
/** A browser opens six connections to one service; streams hold theirs. */
const MOST_STREAMS = 2;
const streams = { open: 0 };

/** @param {Job} job */
export const ended = (job) => job.state !== "queued" && job.state !== "running";

/**
 * Returns when the check has ended. Throws a Problem, or the signal's reason.
 * @param {string} id @param {AbortSignal} signal
 * @param {(job: Job) => void} onJob
 * @param {() => void} onSilence the service did not answer; it is asked again
 */
export async function follow(id, signal, onJob, onSilence) {
  if (streams.open < MOST_STREAMS) {
    streams.open += 1;
    try {
      if (await streamed(id, signal, onJob)) return;
    } catch {
      signal.throwIfAborted(); // else: ask, as below
    } finally {
      streams.open -= 1;
    }
  }
  await polled(id, signal, onJob, onSilence);
}

/**
 * @param {string} id @param {AbortSignal} signal @param {(job: Job) => void} onJob
 * @returns {Promise<boolean>} whether it ended; else the stream did
 */
async function streamed(id, signal, onJob) {
  const headers = { Accept: "text/event-stream", ...credentials() };
  const { ok, body } = await fetch(jobPath(id, "/events"), { headers, signal });
  if (!body) return false;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let text = "";
    for (let part = await reader.read(); ok && !part.done; part = await reader.read()) {
      const events = (text + part.value).split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data:"));
        if (!data.length) continue; // a heartbeat
        /** @type {Job} */
        const job = JSON.parse(data.map((line) => line.slice(5)).join("\n"));
        onJob(job);
        if (ended(job)) return true;
      }
    }
    return false;
  } finally {
    reader.cancel().catch(() => {}); // gives the connection back
  }
}

/** @param {string} id @param {AbortSignal} signal @param {(job: Job) => void} onJob @param {() => void} onSilence */
async function polled(id, signal, onJob, onSilence) {
  for (let misses = 0; ;) {
    try {
      const job = await ask(id, signal);
      misses = 0;
      onJob(job);
      if (ended(job)) return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Problem) || error.body.code !== "silent" || ++misses > MOST_MISSES) throw error;
      onSilence();
    }
    await pause(POLL_MS, signal);
  }
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

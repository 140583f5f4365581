// The worker, for its owner: the offscreen document in Chrome, the background page in Firefox.

/**
 * @import { About, Answer, Call, FaultCode } from "./desk.js"
 * @import { Way } from "./runtime.js"
 * @import { Verdict } from "../verdict/types.js"
 *
 * @typedef {FaultCode|"worker-gone"|"check-gone"} LocalCode
 */

/** The fastest first. */
const WAYS = /** @type {Way[]} */ (["relaxed-simd", "simd"]);
/** A way that fails so is not the last: it computes something else, or the browser has no such instructions. */
const PASSABLE = ["network-wrong", "no-simd"];
/** A worker that was killed answers nothing; one on a very slow machine answers within this. */
const PATIENCE_MS = 30_000;

/** What kept a check in the browser from going on; `code` names it. */
export class LocalFault extends Error {
  /** @param {LocalCode} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * @typedef {object} Host its promises are rejected with LocalFault
 * @property {() => Promise<void>} prepare fulfilled once the networks are tested
 * @property {(id: string, about: About) => Promise<void>} begin the check `id`
 * @property {(id: string, picture: Blob, time_s: number) => Promise<Verdict>} look at one more picture of
 *   the check; the verdict so far
 * @property {(id: string) => Promise<Verdict>} finish the check; its last verdict
 * @property {(id: string) => Promise<void>} drop a check that is not wanted any more
 * @property {() => void} close frees everything; what is still asked for fails
 */

/**
 * A check whose worker has died must not go on in the next one, which saw none of the earlier pictures.
 * @param {Verdict|null} verdict null: the worker has not begun this check @returns {Verdict}
 */
function begun(verdict) {
  if (!verdict) throw new LocalFault("check-gone");
  return verdict;
}

/** @param {string} name tells the worker its way @param {number} patience_ms for each answer */
function createLine(name, patience_ms) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { name });
  /** @type {Map<number, PromiseWithResolvers<any>>} */
  const waiting = new Map();
  let [count, closed] = [0, false];

  const close = () => {
    closed = true;
    worker.terminate();
    for (const asked of waiting.values()) asked.reject(new LocalFault("worker-gone"));
    waiting.clear();
  };
  /** @param {number} number @returns {Promise<any>} */
  const answerTo = (number) => {
    const asked = Promise.withResolvers();
    waiting.set(number, asked);
    const late = setTimeout(close, patience_ms);
    return asked.promise.finally(() => clearTimeout(late));
  };
  worker.addEventListener("message", (/** @type {MessageEvent<Answer>} */ { data }) => {
    const asked = waiting.get(data.number);
    waiting.delete(data.number);
    if ("fault" in data) asked?.reject(new LocalFault(data.fault));
    else asked?.resolve(data.value);
  });
  worker.addEventListener("error", close);
  return {
    ready: answerTo(0),
    /** @param {Call} call */
    async ask(call) {
      if (closed) throw new LocalFault("worker-gone");
      count += 1;
      worker.postMessage({ number: count, call });
      return answerTo(count);
    },
    close,
  };
}

/** @param {{patience_ms?: number}} [how] @returns {Host} with a worker of its own, in the fastest way that works */
export function createHost({ patience_ms = PATIENCE_MS } = {}) {
  let closed = false;
  /** @type {ReturnType<typeof createLine>} */
  let line;

  /** @param {Way[]} ways @param {boolean} slower since a faster one computed something else */
  const open = async ([way, ...others], slower) => {
    line = createLine(slower ? `${way} slower` : way, patience_ms);
    try {
      await line.ready;
    } catch (error) {
      line.close();
      const { code } = /** @type {LocalFault} */ (error);
      if (closed || !others.length || !PASSABLE.includes(code)) throw error;
      await open(others, slower || code === "network-wrong");
    }
  };
  const ready = open(WAYS, false);
  ready.catch(() => {}); // each call fails by it

  /** @param {Call} call */
  const ask = async (call) => {
    await ready;
    return line.ask(call);
  };
  return {
    prepare: () => ready,
    begin: (id, about) => ask({ type: "begin", id, about }),
    look: async (id, picture, time_s) => begun(await ask({ type: "look", id, picture, time_s })),
    finish: async (id) => begun(await ask({ type: "finish", id })),
    drop: (id) => ask({ type: "drop", id }),
    close() {
      closed = true;
      line.close();
    },
  };
}

// The worker, as whoever owns it uses it: the offscreen document in Chrome, the background page in Firefox.

/** @import { About, Answer, Call, FaultCode } from "./desk.js" @import { Verdict } from "../verdict/types.js" */

/** What kept a check in the browser from going on; `code` says what it was. */
export class LocalFault extends Error {
  /** @param {FaultCode|"worker-gone"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * @typedef {object} Host
 * @property {(id: string, picture: Blob, time_s: number, about: About) => Promise<Verdict>} look at one
 *   more picture of the check `id`; the verdict so far
 * @property {(id: string, about: About) => Promise<Verdict>} finish the check; its last verdict
 * @property {(id: string) => Promise<void>} drop a check that is not wanted any more
 * @property {() => void} close frees everything; what is still asked for fails
 */

/** @returns {Host} with a worker of its own; its promises are rejected with LocalFault */
export function createHost() {
  const worker = new Worker(new URL("./worker.js", import.meta.url));
  /** @type {Map<number, PromiseWithResolvers<Verdict|null>>} */
  const waiting = new Map();
  const ready = Promise.withResolvers();
  waiting.set(0, ready);
  ready.promise.catch(() => {}); // whoever calls learns of it
  let [count, closed] = [0, false];

  /** @param {MessageEvent<Answer>} event */
  const settle = ({ data }) => {
    const asked = waiting.get(data.number);
    waiting.delete(data.number);
    if ("fault" in data) asked?.reject(new LocalFault(data.fault));
    else asked?.resolve(data.value);
  };
  const close = () => {
    closed = true;
    worker.terminate();
    for (const asked of waiting.values()) asked.reject(new LocalFault("worker-gone"));
    waiting.clear();
  };
  worker.addEventListener("message", settle);
  worker.addEventListener("error", close);

  /** @param {Call} call */
  const ask = async (call) => {
    await ready.promise;
    if (closed) throw new LocalFault("worker-gone");
    const number = (count += 1);
    const asked = Promise.withResolvers();
    waiting.set(number, asked);
    worker.postMessage({ number, call });
    return asked.promise;
  };
  return {
    look: (id, picture, time_s, about) => ask({ type: "look", id, picture, time_s, about }),
    finish: (id, about) => ask({ type: "finish", id, about }),
    drop: (id) => ask({ type: "drop", id }),
    close,
  };
}

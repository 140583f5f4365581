// A host that is there while it is asked, and for a while after: a second check need not wait for the networks.

import { LocalFault, createHost } from "./host.js";

/** @import { Host } from "./host.js" */

/** Then all its memory is given back. */
export const IDLE_MS = 30_000;

/** Faults of one check; with any other the worker is of no more use. */
const OF_A_CHECK = ["internal", "check-gone"];

/** @param {() => void} [onIdle] @returns {Omit<Host, "close">} with a new worker where the last one has failed */
export function createKept(onIdle = () => {}) {
  /** @type {Host|null} */
  let host = null;
  let asked = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let idle;

  const close = () => {
    host?.close();
    host = null;
  };
  /** @template T @param {(host: Host) => Promise<T>} ask @returns {Promise<T>} */
  const through = async (ask) => {
    clearTimeout(idle);
    asked += 1;
    const used = (host ??= createHost());
    try {
      return await ask(used);
    } catch (error) {
      if (used === host && !(error instanceof LocalFault && OF_A_CHECK.includes(error.code))) close();
      throw error;
    } finally {
      asked -= 1;
      if (!asked) idle = setTimeout(() => { close(); onIdle(); }, IDLE_MS);
    }
  };
  return {
    prepare: () => through((host) => host.prepare()),
    begin: (id, about) => through((host) => host.begin(id, about)),
    look: (id, picture, time_s) => through((host) => host.look(id, picture, time_s)),
    finish: (id) => through((host) => host.finish(id)),
    drop: async (id) => { if (host) await through((host) => host.drop(id)); },
  };
}

// Asking the worker, from the extension's own pages.

/** @import { WorkerMessage } from "../background/messages.js" */

/** @param {WorkerMessage} message @returns {Promise<any>} null where there is no answer */
export function ask(message) {
  return chrome.runtime.sendMessage(message);
}

// Making the acquaintance of a service: its address, the permission for that address, an answer.

import { permissionToSend, serverAddress, writeSettings } from "../settings.js";
import { ask } from "./ask.js";

/** @import { Words } from "../words.js" */

/**
 * Called from a click: a browser asks for a permission only then.
 * @param {string} typed @param {string} token @param {Words} words
 * @returns {Promise<{good: boolean, text: string}>}
 */
export async function connect(typed, token, words) {
  const server = serverAddress(typed);
  if (!server) return { good: false, text: words.say("not_an_address") };
  const granted = await chrome.permissions.request(permissionToSend(server));
  if (!granted) return { good: false, text: words.say("not_granted") };
  await writeSettings({ server, token });
  const { problem, health } = (await ask({ type: "test" })) ?? { problem: { code: "internal", title: "" } };
  if (!problem) return { good: true, text: words.say(health.status === "ok" ? "connected" : "connected_idle", server) };
  const key = problem.code.replaceAll("-", "_");
  const title = words.knows(`problem_${key}`) ? words.say(`problem_${key}`) : problem.title;
  const cure = words.knows(`cure_${key}`) ? ` ${words.say(`cure_${key}`, server)}` : "";
  return { good: false, text: title + cure };
}

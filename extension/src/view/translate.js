// A page's fixed texts: every element with data-say gets its message, the page its language.

/** @import { Words } from "../words.js" */

/** @param {Words} words @param {Document} page */
export function translate(words, page) {
  page.documentElement.lang = words.language;
  page.documentElement.dir = words.dir;
  for (const node of page.querySelectorAll("[data-say]")) {
    node.textContent = words.say(node.getAttribute("data-say") ?? "");
  }
}

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

// The service's token, where it has one: asked for once, kept until the tab is closed.
import { byId } from "./dom.js";

const KEY = "mesoscope.token";

export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

/** @type {{asked: Promise<boolean>|null}} one dialog, however many requests wait for it */
const open = { asked: null };

/**
 * Ask the person for the token.
 * @param {string} refused the one that was sent, which the service did not take
 * @returns {Promise<boolean>} whether there is another one to try now
 */
export function askToken(refused) {
  if (token() !== refused) return Promise.resolve(true); // entered meanwhile
  open.asked ??= dialog(refused !== "").finally(() => { open.asked = null; });
  return open.asked;
}

/** @param {boolean} wrong @returns {Promise<boolean>} */
function dialog(wrong) {
  const [frame, field, note] = [byId("token"), byId("token-field"), byId("token-wrong")];
  note.hidden = !wrong;
  field.setAttribute("aria-invalid", String(wrong));
  field.value = "";
  frame.returnValue = "";
  frame.showModal();
  field.focus();
  return new Promise((resolve) => {
    frame.addEventListener("close", () => {
      const entered = frame.returnValue === "enter" && field.value.trim() !== "";
      if (entered) sessionStorage.setItem(KEY, field.value.trim());
      field.value = "";
      resolve(entered);
    }, { once: true });
  });
}

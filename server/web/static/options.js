// What may be chosen about a check; what is left alone is as the service has it.
import { byId } from "./dom.js";
import { words } from "./words.js";

/** @import { Options } from "./api.js" */

/** @param {string} text seconds, m:ss or h:mm:ss @returns {number|null} */
export function seconds(text) {
  const parts = text.trim().split(":");
  if (!text.trim()) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** @returns {Options|null} null where something cannot be used; the browser then names it */
export function chosenOptions() {
  const [from, to] = [byId("from"), byId("to")];
  const [start_s, end_s] = [seconds(from.value), seconds(to.value)];
  to.setCustomValidity(end_s !== null && end_s <= (start_s ?? 0) ? words.say("span_order") : "");
  const form = byId("options-form");
  if (!form.checkValidity()) {
    byId("options").open = true;
    form.reportValidity();
    return null;
  }
  return {
    ...(byId("rate").value ? { samples_per_s: Number(byId("rate").value) } : {}),
    ...(start_s ? { start_s } : {}),
    ...(end_s !== null ? { end_s } : {}),
    ...(byId("fresh").checked ? { fresh: true } : {}),
  };
}

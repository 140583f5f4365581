// The panel on the picture: the finding, a lane per person, and what a person can do with both.

import { WORST_FIRST } from "../verdict/labels.js";
import { element } from "../view/element.js";
import { momentsTable } from "../view/moments-table.js";
import { badgeSoFar, evidenceText, isOpen, labelBadge } from "../view/phrases.js";
import { draggable } from "./drag.js";
import { createLanes } from "./lanes.js";

/**
 * @import { Verdict } from "../verdict/types.js"
 * @import { Words } from "../words.js"
 */

/**
 * @typedef {object} PanelActions
 * @property {(time_s: number) => void} seek
 * @property {(dx: number, dy: number) => void} move
 * @property {(on: boolean) => void} dim
 * @property {(on: boolean) => void} showBoxes
 * @property {() => void} close
 *
 * @typedef {object} PanelView
 * @property {Verdict|null} verdict null: it is being checked
 * @property {boolean} tentative
 * @property {boolean} lanes
 * @property {boolean} dimmed
 * @property {boolean} boxes
 */

/**
 * A button that stays pressed.
 * @param {string} name @param {string} sign @param {boolean} pressed
 * @param {(on: boolean) => void} change @param {AbortSignal} signal
 */
function toggle(name, sign, pressed, change, signal) {
  const button = element("button", {
    text: sign, attributes: { type: "button", "aria-label": name, title: name, "aria-pressed": String(pressed) },
  });
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    change(on);
  }, { signal });
  return button;
}

/** @param {Words} words @param {PanelView} view */
function finding(words, { verdict, tentative }) {
  if (!verdict) return element("div", { class: "finding", text: words.say("checking"), attributes: { role: "status" } });
  const evidence = tentative && isOpen(verdict) ? "" : evidenceText(words, verdict);
  const parts = tentative
    ? [element("span", { class: "tentative", text: words.say("so_far") }), badgeSoFar(words, verdict, verdict.basis)]
    : [labelBadge(words, verdict, verdict.basis)];
  return element("div", { class: "finding", attributes: { role: "status" } },
    ...parts, element("span", { class: "p", text: evidence }));
}

/** @param {Verdict} verdict its people over the media's time, the worst first; null where there is nothing to show */
function inTime(verdict) {
  if (verdict.media.kind !== "video" || !verdict.faces.length) return null;
  const rank = /** @param {{label: any}} face */ (face) => WORST_FIRST.indexOf(face.label);
  const faces = [...verdict.faces].sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  return { ...verdict, faces, duration_s: verdict.media.duration_s ?? verdict.media.analyzed_s[1] };
}

/**
 * @param {HTMLElement} panel filled anew @param {PanelView} view @param {Words} words
 * @param {PanelActions} actions @param {AbortSignal} signal
 * @returns {(time_s: number) => void} moves the lanes' heads
 */
export function fillPanel(panel, view, words, actions, signal) {
  const timed = view.verdict && view.lanes ? inTime(view.verdict) : null;
  const lanes = timed ? createLanes(timed, timed.duration_s, words, actions.seek, signal) : null;

  const handle = element("button", {
    class: "handle", text: "⠿", attributes: { type: "button", "aria-label": words.say("move"), title: words.say("move") },
  });
  draggable(handle, actions.move, signal);

  const table = element("div", { class: "moments", attributes: { hidden: true, tabindex: 0 } });
  if (timed) table.append(momentsTable(timed, words, actions.seek, signal));
  const tools = element("div", { class: "tools" });
  if (timed) tools.append(toggle(words.say("table"), "☰", false, (on) => { table.hidden = !on; }, signal));
  if (view.verdict) {
    tools.append(
      toggle(words.say("boxes"), "▢", view.boxes, actions.showBoxes, signal),
      toggle(words.say("dim"), "◐", view.dimmed, actions.dim, signal),
    );
  }
  tools.append(element("button", {
    text: "✕", click: actions.close, signal,
    attributes: { type: "button", "aria-label": words.say("close"), title: words.say("close") },
  }));
  panel.replaceChildren(element("div", { class: "bar" }, handle, finding(words, view), tools),
    ...(lanes ? [lanes.node] : []), table);
  return lanes ? lanes.moveTo : () => {};
}

// What went wrong, why, and the one thing that helps.

import { CAPTURE_S } from "../background/capture.js";
import { isShown } from "../content/subjects.js";
import { permissionToSend } from "../settings.js";
import { ask } from "../view/ask.js";
import { element } from "../view/element.js";
import { problemText } from "../view/problems.js";
import { serviceButton } from "./service-button.js";

/**
 * @import { Check } from "../background/store.js"
 * @import { Problem } from "../background/problem.js"
 * @import { OutcomeView } from "./outcome.js"
 */

/**
 * The offer to send what plays here, which asks each time and names what is sent where.
 * @param {OutcomeView} view @param {Check} check
 */
function captureOffer({ words, settings, signal }, check) {
  const { host } = new URL(settings.server);
  const still = check.subject.kind === "image";
  const text = still ? words.say("capture_consent_image", host) : words.say("capture_consent", String(CAPTURE_S), host);
  const consent = element("div", { class: "consent", attributes: { hidden: true } },
    element("p", { text }),
    element("button", {
      text: words.say("capture_go"), attributes: { type: "button", "data-do": "send" }, signal,
      click: () => ask({ type: "send", tabId: check.tabId, subject: check.subject }),
    }));
  const offer = element("button", {
    text: words.say("capture"), attributes: { type: "button", "data-do": "capture" }, signal,
    click: () => {
      consent.hidden = false;
      offer.hidden = true;
      consent.querySelector("button")?.focus();
    },
  });
  return element("div", {}, offer, consent);
}

/** @param {OutcomeView} view @param {Check} check @param {Problem} problem */
export function problemView(view, check, problem) {
  const { words, settings, signal } = view;
  const start = () => view.start(check.subject, check.way === "service" ? "ask" : "start");
  const { title, detail } = problemText(words, problem, settings.server);
  const again = () => element("button", {
    class: "quiet", text: words.say("again"), attributes: { type: "button", "data-do": "again" }, signal,
    click: start,
  });
  const permit = () => element("button", {
    text: words.say("permit", new URL(settings.server).host), attributes: { type: "button", "data-do": "permit" }, signal,
    click: async () => {
      if (await chrome.permissions.request(permissionToSend(settings.server))) start();
    },
  });
  const options = () => element("a", {
    class: "button", text: words.say("open_options"), attributes: { href: "../options/options.html", target: "_blank" },
  });
  const cures = {
    options: () => [options()],
    permit: () => [permit()],
    retry: () => [again()],
    capture: () => [...(isShown(check.subject) ? [captureOffer(view, check)] : []), ...(check.subject.url ? [again()] : [])],
  };
  return element("div", { class: "problem" },
    element("h2", { text: title }), element("p", { text: detail, attributes: { dir: "auto" } }),
    ...(problem.cure ? cures[problem.cure]() : []), ...(check.way === "browser" ? [serviceButton(view, check)] : []));
}

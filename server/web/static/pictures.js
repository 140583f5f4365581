// The strongest moments of a person as pictures, each also as a map of where in the face the evidence lies.
import { jobPath, request } from "./api.js";
import { element } from "./dom.js";
import { regionsText } from "./extension/view/phrases.js";
import { token } from "./token.js";
import { fineClock, words } from "./words.js";

/** @import { Face, Moment } from "./extension/verdict/types.js" */

/**
 * Let a picture show one of the service's. With a token it is fetched: an <img> sends none.
 * @param {HTMLImageElement} image @param {string} path @param {AbortSignal} signal
 */
export async function load(image, path, signal) {
  if (!token()) {
    image.src = path;
    return;
  }
  try {
    const href = URL.createObjectURL(await (await request(path, { signal })).blob());
    image.src = href;
    image.addEventListener("load", () => URL.revokeObjectURL(href), { once: true });
  } catch {
    image.dispatchEvent(new Event("error"));
  }
}

/**
 * @param {Face} face @param {Moment[]} strongest @param {boolean} moving whether a moment has a time
 * @param {string} id of the job @param {(time_s: number) => void} seek @param {AbortSignal} signal
 */
export function moments(face, strongest, moving, id, seek, signal) {
  const number = String(face.id);
  const pictures = strongest.map((moment, k) => {
    const image = element("img", { attributes: { width: 128, height: 128, loading: "lazy", decoding: "async" } });
    image.addEventListener("error", () => { image.hidden = true; }, { signal });
    image.addEventListener("load", () => { image.hidden = false; }, { signal });
    const named = moving ? words.say("face_of", number, fineClock(moment.t)) : words.say("face_of_still", number);
    const where = regionsText(words, moment.regions ?? []);
    /** @param {"face"|"evidence"} kind */
    const show = (kind) => {
      const mapped = kind === "evidence" && moment.regions !== null;
      image.alt = mapped ? words.say("evidence_of", number, where) : named;
      load(image, jobPath(id, `/faces/${face.id}.jpg?moment=${k}&kind=${mapped ? "evidence" : "face"}`), signal);
    };
    show("face");
    const node = moving
      ? element("button", { class: "moment", click: () => seek(moment.t), signal, attributes: { type: "button" } },
        image, element("span", { text: fineClock(moment.t) }))
      : element("div", { class: "moment" }, image);
    const told = where ? [element("span", { class: "note", text: where })] : [];
    return { node: element("li", {}, node, ...told), show };
  });
  const section = element("div", { class: "moments" },
    element("h4", { text: words.say(moving ? "strongest" : "the_face") }),
    element("ul", { class: "plain" }, ...pictures.map(({ node }) => node)));
  if (strongest.some(({ regions }) => regions !== null)) {
    const note = element("p", { class: "note", text: words.say("where_note") });
    note.hidden = true;
    const toggle = element("button", {
      class: "quiet small", text: words.say("show_where"), signal,
      attributes: { type: "button", "aria-pressed": "false", "aria-label": `${words.say("show_where")}: ${words.say("person", number)}` },
      click: () => {
        const mapped = toggle.getAttribute("aria-pressed") !== "true";
        toggle.setAttribute("aria-pressed", String(mapped));
        note.hidden = !mapped;
        pictures.forEach(({ show }) => show(mapped ? "evidence" : "face"));
      },
    });
    section.append(toggle, note);
  }
  return section;
}

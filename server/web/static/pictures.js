// The strongest moments of a person as pictures, each also as a map of where in the face the evidence lies.
import { jobPath, request } from "./api.js";
import { element } from "./dom.js";
import { token } from "./token.js";
import { fineClock, listText, words } from "./words.js";

/** @import { Face, Moment } from "./extension/verdict/types.js" */

/**
 * Let a picture show one of the service's. With a token it is fetched: an <img> sends none.
 * @param {HTMLImageElement} image @param {string} path @param {AbortSignal} signal
 */
async function load(image, path, signal) {
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
  const person = words.say("person", String(face.id));
  const pictures = strongest.map((moment, k) => {
    const image = element("img", { attributes: { width: 128, height: 128, loading: "lazy", decoding: "async" } });
    image.addEventListener("error", () => { image.hidden = true; }, { signal });
    image.addEventListener("load", () => { image.hidden = false; }, { signal });
    const at = moving ? ` at ${fineClock(moment.t)}` : "";
    const where = moment.regions?.length ? ` Strongest evidence: ${listText(moment.regions)}.` : "";
    /** @param {"face"|"evidence"} kind */
    const show = (kind) => {
      const mapped = kind === "evidence" && moment.regions !== null;
      image.alt = mapped ? `Where the evidence lies in the face of ${person}${at}.${where}` : `The face of ${person}${at}.`;
      load(image, jobPath(id, `/faces/${face.id}.jpg?moment=${k}&kind=${mapped ? "evidence" : "face"}`), signal);
    };
    show("face");
    const caption = element("span", {},
      ...(moving ? [element("span", { text: fineClock(moment.t) })] : []),
      element("b", { text: words.percent(moment.p_fake) }));
    const node = moving
      ? element("button", { class: "moment", click: () => seek(moment.t), signal, attributes: { type: "button" } }, image, caption)
      : element("div", { class: "moment" }, image, caption);
    const told = moment.regions?.length ? [element("span", { class: "note", text: listText(moment.regions) })] : [];
    return { node: element("li", {}, node, ...told), show };
  });
  const section = element("div", { class: "moments" },
    element("h4", { text: moving ? "Strongest moments" : "The face" }),
    element("ul", { class: "plain" }, ...pictures.map(({ node }) => node)));
  if (strongest.some(({ regions }) => regions !== null)) {
    const note = element("p", { class: "note", text: "Warm colours: where the face looks altered to the network. A hint, not a proof." });
    note.hidden = true;
    const toggle = element("button", {
      class: "quiet small", text: "Show where in the face", signal,
      attributes: { type: "button", "aria-pressed": "false", "aria-label": `Show where in the face of ${person}` },
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

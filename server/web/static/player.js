// The person's own file, played with the boxes and lanes that the extension draws.
import { element } from "./dom.js";
import { createBoxes } from "./extension/content/boxes.js";
import { createLanes } from "./extension/content/lanes.js";
import { pictureRect } from "./extension/verdict/geometry.js";
import { sameMedia } from "./extension/verdict/moments.js";
import { words } from "./words.js";

/** @import { Verdict } from "./extension/verdict/types.js" */

/**
 * The place of the player. Without the file at hand it asks for it: the page may load no foreign media.
 * @param {File|null} file @param {Verdict} verdict @param {AbortSignal} signal
 */
export function createScreen(file, verdict, signal) {
  const { kind } = verdict.media;
  const node = element("section", { class: "screen", attributes: { "aria-label": words.say(`screen_${kind}`) } });
  const note = element("p", { class: "note", attributes: { role: "status" } });
  const input = element("input", { class: "visually-hidden", attributes: { type: "file", accept: "video/*,image/*", id: "own-file" } });
  const opener = element("div", { class: "opener" },
    input, element("label", { class: "button quiet", text: words.say(`open_${kind}`), attributes: { for: "own-file" } }),
    element("p", { class: "note", text: words.say("open_note") }), note);
  /** @type {{seek: ((time_s: number) => void)|null, wanted_s: number, end: AbortController}} */
  const now = { seek: null, wanted_s: 0, end: new AbortController() };
  signal.addEventListener("abort", () => now.end.abort(), { once: true });

  /** @param {string} text why there is no player */
  const close = (text) => {
    now.end.abort();
    now.seek = null;
    note.textContent = text;
    node.replaceChildren(opener);
  };
  /** @param {File} chosen */
  const open = (chosen) => {
    now.end.abort();
    now.end = new AbortController();
    const player = createPlayer(chosen, verdict, now.end.signal, now.wanted_s, close);
    now.seek = player.seek;
    node.replaceChildren(player.node);
  };
  input.addEventListener("change", () => { if (input.files?.[0]) open(input.files[0]); }, { signal });
  if (file) open(file);
  else node.append(opener);
  return {
    node,
    /** @param {number} time_s */
    seek(time_s) {
      now.wanted_s = time_s;
      now.seek?.(time_s);
      node.scrollIntoView({ block: "nearest" });
      if (!now.seek) input.focus();
    },
  };
}

/**
 * @param {File} file @param {Verdict} verdict @param {AbortSignal} signal @param {number} start_s
 * @param {(why: string) => void} onFailure
 */
function createPlayer(file, verdict, signal, start_s, onFailure) {
  const { media: judged, faces } = verdict;
  const source = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(source), { once: true });
  const still = judged.kind === "image";
  const media = still
    ? element("img", { attributes: { alt: file.name, src: source } })
    : element("video", { attributes: { controls: true, playsinline: true, src: source, "aria-label": file.name } });
  const holder = element("div", { class: "boxes", attributes: { "aria-hidden": "true" } }); // the cards say the same
  const drawBoxes = createBoxes(holder, faces, words);
  const video = media instanceof HTMLVideoElement ? media : null;
  if (video) video.muted = true;

  /** @param {number} time_s */
  const seek = (time_s) => { if (video) video.currentTime = time_s; };
  const lanes = video && faces.length
    ? createLanes(verdict, judged.duration_s ?? judged.analyzed_s[1], words, seek, signal) : null;
  const draw = (time_s = video?.currentTime ?? 0) => {
    const element = { width: media.clientWidth, height: media.clientHeight };
    drawBoxes(time_s, pictureRect(element, { width: judged.width_px, height: judged.height_px }));
    lanes?.moveTo(time_s);
  };
  const everyFrame = (/** @type {number} */ _, /** @type {VideoFrameCallbackMetadata} */ { mediaTime }) => {
    if (signal.aborted) return;
    draw(mediaTime);
    video?.requestVideoFrameCallback(everyFrame);
  };
  if (video && "requestVideoFrameCallback" in video) video.requestVideoFrameCallback(everyFrame);
  const check = () => {
    const width = video?.videoWidth ?? media.width;
    const size = media instanceof HTMLImageElement
      ? { width: media.naturalWidth, height: media.naturalHeight, duration_s: 0 }
      : { width, height: video?.videoHeight ?? 0, duration_s: video?.duration ?? 0 };
    if (!sameMedia(judged, size)) return onFailure(words.say("other_file"));
    if (start_s) seek(start_s);
    draw();
  };
  media.addEventListener(still ? "load" : "loadedmetadata", check, { signal });
  for (const name of ["loadeddata", "seeked", "timeupdate"]) media.addEventListener(name, () => draw(), { signal });
  media.addEventListener("error", () => {
    onFailure(words.say("cannot_play"));
  }, { signal });
  const watcher = new ResizeObserver(() => draw());
  watcher.observe(media);
  signal.addEventListener("abort", () => watcher.disconnect(), { once: true });
  const node = element("div", { class: "player" }, element("div", { class: "picture" }, media, holder), ...(lanes ? [lanes.node] : []));
  return { node, seek };
}

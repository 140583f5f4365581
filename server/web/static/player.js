// The person's own file, played with the boxes where and when the faces were found.
import { pictureRect } from "./verdict/geometry.js";
import { boxAt } from "./verdict/moments.js";
import { LABELS, percent } from "./words.js";

/**
 * @param {File} file
 * @param {import("./api.js").Verdict} verdict
 * @param {AbortSignal} signal ends the player and frees the file
 */
export function player(file, verdict, signal) {
  const still = verdict.media.kind === "image";
  const media = document.createElement(still ? "img" : "video");
  const source = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(source), { once: true });
  media.src = source;
  if (media instanceof HTMLVideoElement) Object.assign(media, { controls: true, muted: true });
  else media.alt = `The checked picture, ${file.name}`;

  const boxes = document.createElement("div");
  boxes.className = "boxes";
  boxes.setAttribute("aria-hidden", "true"); // the list of faces below says the same in words
  const holder = document.createElement("div");
  holder.className = "player";
  holder.append(media, boxes);

  const draw = () => {
    const { width_px, height_px } = verdict.media;
    const time_s = media instanceof HTMLVideoElement ? media.currentTime : 0;
    const element = { width: media.clientWidth, height: media.clientHeight };
    const rect = pictureRect(element, { width: width_px, height: height_px });
    boxes.replaceChildren();
    for (const face of verdict.faces) {
      const at = boxAt(face.samples, time_s);
      if (!at) continue;
      const [x, y, w, h] = at;
      const box = document.createElement("div");
      box.className = `box ${face.label}`;
      box.style.left = `${rect.x + x * rect.width}px`;
      box.style.top = `${rect.y + y * rect.height}px`;
      box.style.width = `${w * rect.width}px`;
      box.style.height = `${h * rect.height}px`;
      const text = document.createElement("span");
      const p = face.p_fake === null ? "" : ` ${percent(face.p_fake)}`;
      text.textContent = `${LABELS[face.label].shape} ${face.id}${p}`;
      box.append(text);
      boxes.append(box);
    }
  };

  const everyFrame = () => {
    if (signal.aborted) return;
    draw();
    media.requestVideoFrameCallback(everyFrame);
  };
  if ("requestVideoFrameCallback" in media) media.requestVideoFrameCallback(everyFrame);
  media.addEventListener(still ? "load" : "loadeddata", draw, { signal });
  media.addEventListener("seeked", draw, { signal });
  new ResizeObserver(draw).observe(media);
  return { holder, seek: (t) => { if (!still) media.currentTime = t; } };
}

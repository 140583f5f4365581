// What is said to people, in one place. Shape and words carry the meaning; colour only repeats it.

/** @type {Record<string, {shape: string, text: string}>} */
export const LABELS = {
  fake: { shape: "▲", text: "Looks manipulated" },
  real: { shape: "●", text: "No sign of manipulation found" },
  inconclusive: { shape: "◆", text: "Cannot be told" },
  "no-face": { shape: "○", text: "No face found" },
};

/** @type {Record<string, string>} */
export const REASONS = {
  "face-too-small": "The face is too small in the picture to be judged.",
  "too-few-frames": "The face is seen too briefly to be judged.",
  blurred: "The face is too blurred to be judged.",
  "scores-disagree": "The moments of this face contradict each other.",
  "not-certain": "The evidence points neither way clearly enough.",
  "out-of-scope": "The face is turned away too far to be judged.",
  "cut-short": "The file ends early; what it held was judged.",
};

/** @type {Record<string, string>} */
export const STAGES = {
  queued: "Waiting for its turn",
  fetch: "Downloading the video",
  faces: "Finding and following the faces",
  scores: "Judging the faces",
  done: "Done",
};

/** @param {number} seconds */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** @param {number} p a probability in 0..1, never shown as more certain than it is */
export function percent(p) {
  if (p > 0.99) return "over 99 %";
  if (p < 0.01) return "under 1 %";
  return `${Math.round(p * 100)} %`;
}

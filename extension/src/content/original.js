// The file of what a page shows, for what it declares of its origin: a picture's from the browser's cache,
// of a video the parts that are asked for. No address is asked but the one that the page itself shows.

const MOST_BYTES = 16_000_000;

/** @typedef {{from: number, data: string}} Part of a file, as a data URL, and where in the file it begins */

/** @param {Blob} file @returns {Promise<string>} */
const dataUrl = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.addEventListener("load", () => resolve(String(reader.result)), { once: true });
  reader.addEventListener("error", () => reject(reader.error), { once: true });
  reader.readAsDataURL(file);
});

/**
 * How the page may read the file; null: not at all, since it is another origin's.
 * @param {HTMLImageElement|HTMLVideoElement} element @returns {RequestInit|null}
 */
function access(element) {
  const { protocol, origin } = new URL(element.currentSrc, location.href);
  if (protocol === "data:" || protocol === "blob:") return {};
  if (origin === location.origin) {
    const still = element instanceof HTMLImageElement;
    return still ? { cache: "only-if-cached", mode: "same-origin" } : { cache: "force-cache", mode: "same-origin" };
  }
  if (element.crossOrigin === null) return null;
  return { cache: "force-cache", mode: "cors", credentials: element.crossOrigin === "use-credentials" ? "include" : "same-origin" };
}

/**
 * @param {Element|null} element @param {number} from @param {number} to in bytes
 * @returns {Promise<Part|null>} at least what was asked for, or up to the file's end; null where it cannot be had
 */
export async function original(element, from, to) {
  if (!(element instanceof HTMLImageElement || element instanceof HTMLVideoElement)) return null;
  const how = access(element);
  if (!how || !element.currentSrc) return null;
  const ended = new AbortController();
  const range = element instanceof HTMLVideoElement && "cache" in how ? { headers: { Range: `bytes=${from}-${to - 1}` } } : {};
  try {
    const answer = await fetch(element.currentSrc, { ...how, ...range, signal: ended.signal });
    if (answer.status === 416) return { from, data: "data:," }; // the file ends before
    const isPart = answer.status === 206;
    const isSmall = Number(answer.headers.get("Content-Length") ?? 0) <= MOST_BYTES;
    if (!answer.ok || !isSmall) return null;
    const file = await answer.blob();
    if (!("cache" in how)) return { from, data: await dataUrl(file.slice(from, Math.min(to, from + MOST_BYTES))) };
    return file.size <= MOST_BYTES ? { from: isPart ? from : 0, data: await dataUrl(file) } : null;
  } catch {
    return null; // it is not in the cache any more, or the page's policy forbids it
  } finally {
    ended.abort(); // of a file that is too large the rest is not loaded
  }
}

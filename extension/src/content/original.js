// The file of a picture as the page got it, for what it declares of its origin: from the browser's cache
// alone, so that no request leaves. The cache of another origin is closed to the page.

const MOST_BYTES = 16_000_000;

/** @param {Blob} file @returns {Promise<string>} */
const dataUrl = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.addEventListener("load", () => resolve(String(reader.result)), { once: true });
  reader.addEventListener("error", () => reject(reader.error), { once: true });
  reader.readAsDataURL(file);
});

/** @param {Element|null} element @returns {Promise<string|null>} a data URL; null where it cannot be had */
export async function original(element) {
  if (!(element instanceof HTMLImageElement)) return null;
  const { protocol, origin } = new URL(element.currentSrc, location.href);
  const isHere = protocol === "data:" || protocol === "blob:";
  if (!isHere && origin !== location.origin) return null;
  try {
    const answer = await fetch(element.currentSrc, isHere ? {} : { cache: "only-if-cached", mode: "same-origin" });
    const file = await answer.blob();
    return answer.ok && file.size <= MOST_BYTES ? await dataUrl(file) : null;
  } catch {
    return null; // it is not in the cache any more
  }
}

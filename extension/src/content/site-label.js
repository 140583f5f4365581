// The site's own label of a video's origin, read where it shows it. Only YouTube is known.

/** Help pages of YouTube that such a notice links to, in every language; automatic dubbing has another one. */
const ABOUT_AI = ["15447836", "14328491"];
const MOST_CHARACTERS = 100;

/** @param {Element} notice whether it is about altered or generated pictures or sound */
function isAboutAi(notice) {
  return [...notice.querySelectorAll("a[href]")].some((link) => {
    const { hostname, pathname } = new URL(/** @type {HTMLAnchorElement} */ (link).href, location.href);
    return hostname === "support.google.com" && ABOUT_AI.includes(pathname.split("/").at(-1) ?? "");
  });
}

/**
 * In the notice "How this was made", if the video is the one that the address names: a page that shows
 * one after another keeps what belonged to the last one for a while.
 * @param {HTMLVideoElement} video
 * @returns {string|null} in the site's own words
 */
export function siteLabel(video) {
  const shown = video.closest("ytd-watch-flexy[video-id]");
  const id = new URL(location.href).searchParams.get("v");
  if (!shown || shown.getAttribute("video-id") !== id) return null;
  const notice = [...shown.querySelectorAll("how-this-was-made-section-view-model")].find(isAboutAi);
  const title = notice?.querySelector('[class*="BodyHeader"]') ?? notice;
  const text = title?.textContent?.trim().replace(/\s+/g, " ").slice(0, MOST_CHARACTERS);
  return text || null;
}

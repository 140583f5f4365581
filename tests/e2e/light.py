"""What a check in the browser takes from the machine: memory, and frames of what plays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.e2e.extension import DONE, Extension, wait_for

WATCHED_MS = 10_000  # as long as a check captures
LOOK_MS = 500
SETTLING = 10  # looks until the browser has tidied up
SHOWN = """() => {
  const { totalVideoFrames, droppedVideoFrames } =
    document.querySelector('video').getVideoPlaybackQuality();
  return [totalVideoFrames, droppedVideoFrames];
}"""
HELD = "() => chrome.offscreen.hasDocument()"


@dataclass(frozen=True, slots=True)
class Taken:
    """Dropped frames as a share of those that the player had, memory in MB; before the click, while
    the check ran, and after all was given back."""

    dropped_before: float
    dropped: float
    before_mb: float
    peak_mb: float
    after_mb: float


def taken(extension: Extension, page: Page) -> Taken:
    """A check of the video that plays on `page`, from the click until its memory is given back."""
    start = page.evaluate(SHOWN)
    page.wait_for_timeout(WATCHED_MS)
    usual, before_mb = _dropped(page, start), megabytes(extension)
    start, peak_mb = page.evaluate(SHOWN), before_mb
    popup = extension.click(page)
    while not popup.evaluate(DONE):
        peak_mb = max(peak_mb, megabytes(extension))
        page.wait_for_timeout(LOOK_MS)
    dropped = _dropped(page, start)
    popup.close()
    page.evaluate("document.querySelector('video').pause()")  # to decode for nobody takes a core
    wait_for(page, lambda: not extension.worker.evaluate(HELD), 60, "an end of the networks")
    after_mb = peak_mb
    for _ in range(SETTLING):
        page.wait_for_timeout(LOOK_MS)
        after_mb = min(after_mb, megabytes(extension))
    return Taken(usual, dropped, before_mb, peak_mb, after_mb)


def megabytes(extension: Extension) -> float:
    """Of all the browser's processes; memory that several share counts once."""
    assert extension.context.browser is not None
    session = extension.context.browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    total_kb = 0
    for process in found:
        rollup = Path(f"/proc/{process['id']}/smaps_rollup")
        if rollup.is_file():
            [line] = [one for one in rollup.read_text().splitlines() if one.startswith("Pss:")]
            total_kb += int(line.split()[1])
    return total_kb / 1000


def _dropped(page: Page, before: list[int]) -> float:
    total, lost = (now - then for now, then in zip(page.evaluate(SHOWN), before, strict=True))
    return lost / max(1, total)

"""What a check in the browser takes from the machine while a 720p30 video plays: frames, memory."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.clip import Scene, encoded
from tests.e2e.conftest import served
from tests.e2e.extension import installed, loaded
from tests.e2e.light import Taken, taken

MOST_DROPPED, MOST_MB = 0.08, 300
PAGE = "<!doctype html><title>720p30</title><video src={} muted loop autoplay width=960>"
FACES = (1, 3)  # how many are in a video
SECONDS = 24  # of a video
PER_S = 30


def measured(chromium: str, parts: Path, made_in: Path, rounds: int) -> dict[int, list[Taken]]:
    """By the number of faces in the video, `rounds` checks each."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="mesoscope-light-") as name, sync_playwright() as play:
        folder = Path(name)
        (folder / "site").mkdir()
        with (
            served(folder / "site") as site,
            installed(play, chromium, folder, local=parts) as extension,
        ):
            found: dict[int, list[Taken]] = {faces: [] for faces in FACES}
            for _ in range(rounds):
                for faces in FACES:
                    video = _video(faces, made_in)
                    (site.folder / video.name).write_bytes(video.read_bytes())
                    (site.folder / "index.html").write_text(PAGE.format(video.name))
                    page = extension.context.new_page()
                    page.goto(f"{site.url}/index.html")
                    loaded(page)
                    found[faces].append(taken(extension, page))
                    page.close()
            return found


def _video(faces: int, folder: Path) -> Path:
    """In `folder`, made unless it is there."""
    path = folder / f"720p30-{faces}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(Scene(faces=faces, seconds=SECONDS).pictures(), PER_S))
    return path


def rows(found: dict[int, list[Taken]]) -> Iterator[dict[str, object]]:
    """Medians of how much more it is while a check runs, and what must not be exceeded."""
    for faces, each in found.items():
        dropped = [one.dropped - one.dropped_before for one in each]
        peak_mb = [one.peak_mb - one.before_mb for one in each]
        left_mb = [one.after_mb - one.before_mb for one in each]
        about = f"720p30, {faces} faces"
        yield _row(f"dropped frames, {about}", "share more", dropped, MOST_DROPPED)
        yield _row(f"memory, {about}", "MB more", peak_mb, MOST_MB)
        yield _row(f"memory afterwards, {about}", "MB more", left_mb, None)


def _row(name: str, unit: str, values: Sequence[float], most: float | None) -> dict[str, object]:
    value = statistics.median(values)
    return {
        "name": name,
        "pairs": len(values),
        "unit": unit,
        "ours": f"{value:.3g}",
        "low": f"{min(values):.3g}",
        "high": f"{max(values):.3g}",
        "wanted": "" if most is None else f"at most {most:g}",
        "holds": "" if most is None else "yes" if value <= most else "no",
    }

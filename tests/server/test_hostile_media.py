"""Hostile sites and files through the whole service: a named error in time, nothing left, and on.

What each does to the download alone is in fetch/test_attacks.py, to the reader alone in
test_video_bad_files.py.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.media import clip, moving, numbered, picture, truncated
from tests.server import fetch_site
from tests.server.fetch_site import Handler, Reply, gzip_bomb
from tests.server.service import Site, running, until
from tests.server.test_video_bad_files import png

pytestmark = [pytest.mark.attack, pytest.mark.slow]

DOWNLOAD_S, JOB_S = 4.0, 60.0
ATTEMPTS = 3  # of a download that may succeed another time
VOD = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fetch_site.Site]:
    folder = tmp_path_factory.mktemp("web")
    fetch_site.encode(folder / "clip.mp4", "mp4", {"movflags": "faststart"})
    fetch_site.encode(folder / "plain.ts", "mpegts", {})
    with fetch_site.Site(folder) as running_web:
        yield running_web


@pytest.fixture(scope="module")
def site(web: fetch_site.Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(
        tmp_path_factory.mktemp("service"),
        allow_hosts=web.allowed,
        download_timeout_s=DOWNLOAD_S,
        job_timeout_s=JOB_S,
        max_download_bytes=2_000_000,
        keep_days=1.0,
    )
    with running(site, "serve", "worker"):
        until(lambda: site.get("/healthz").json()["workers"]["slots"])
        yield site
    assert "Traceback" not in site.log.read_text()


@pytest.fixture
def still(tmp_path: Path) -> Path:
    return picture(tmp_path / "still.png", np.full((64, 64, 3), 90, np.uint8))


@pytest.fixture(autouse=True)
def _nothing_is_left_and_the_next_one_runs(site: Site, still: Path) -> Iterator[None]:
    yield
    folders = [site.settings.data_dir / name for name in ("scratch", "uploads")]
    # A job is seen to have ended a moment before its upload is deleted.
    until(lambda: [path for folder in folders for path in folder.rglob("*")] == [], 5)
    worker = psutil.Process(site.started[1].pid)
    assert until(lambda: not working(worker), 5)
    assert sent(site, still)["label"] == "no-face"


def working(worker: psutil.Process) -> list[psutil.Process]:
    """What it has started, but for the warm process that the next check will be forked from."""
    return [
        child
        for child in worker.children(recursive=True)
        if child.ppid() != worker.pid or "server.processes.forkserver_main" not in child.cmdline()
    ]


def ended(site: Site, job_id: str, within_s: float) -> dict[str, Any]:
    """The result or the error of a job that ends in time."""
    job = site.ended(job_id, within_s)
    assert job.state in ("done", "failed")
    outcome = job.result or job.error
    assert outcome is not None
    return outcome


def asked(site: Site, url: str, within_s: float = 30.0) -> dict[str, Any]:
    answer = site.post("/check-url", json={"url": url, "wait": 0})
    assert answer.status_code == 202, answer.text
    return ended(site, answer.json()["id"], within_s)


def sent(site: Site, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        answer = site.post("/check-file?wait=0", files={"file": file})
    assert answer.status_code == 202, answer.text
    return ended(site, answer.json()["id"], JOB_S)


# From a site -------------------------------------------------------------------------------------


def endless_body(handler: Handler) -> None:
    handler.begin("video/mp4")
    handler.pour(b"\x5a" * 65536)


def endless_head(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    handler.pour(b"X-Filler: " + b"a" * 10_000 + b"\r\n")


def byte_per_second(handler: Handler) -> None:
    handler.begin("video/mp4", 1_000_000)
    handler.pour(b"\0", pause_s=1.0)


def less_than_promised(handler: Handler) -> None:
    handler.begin("video/mp4", 1_500_000)
    handler.wfile.write((handler.site.folder / "clip.mp4").read_bytes())


def unpacks_without_end(handler: Handler) -> None:
    packed = gzip_bomb(100, b"<!doctype html><html><body>")
    handler.reply(Reply(packed, headers={"Content-Encoding": "gzip"}))


def long_playlist(handler: Handler) -> None:
    segments = "#EXTINF:1,\nplain.ts\n" * 100_000
    handler.reply(Reply(f"{VOD}{segments}#EXT-X-ENDLIST\n".encode(), fetch_site.TYPES[".m3u8"]))


def to_itself(handler: Handler) -> None:
    handler.reply(Reply(status=302, headers={"Location": handler.path}))


@pytest.mark.parametrize(
    ("route", "path", "code", "attempts"),
    [
        (endless_body, "/a.mp4", "too-large", 1),
        (endless_head, "/b.mp4", "download-failed", ATTEMPTS),
        (byte_per_second, "/c.mp4", "download-timeout", ATTEMPTS),
        (less_than_promised, "/d.mp4", "download-failed", ATTEMPTS),
        (unpacks_without_end, "/e", "too-large", 1),
        (long_playlist, "/f.m3u8", "too-long", 1),
        (to_itself, "/g", "download-failed", ATTEMPTS),
    ],
)
def test_a_hostile_site(
    site: Site,
    web: fetch_site.Site,
    route: Callable[[Handler], None],
    path: str,
    code: str,
    attempts: int,
) -> None:
    url = web.behave(path, route)
    error = asked(site, url, attempts * (DOWNLOAD_S + 10))
    assert error["code"] == code
    assert error["detail"]


# In a file ---------------------------------------------------------------------------------------


def test_a_picture_that_claims_to_be_huge(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(30_000, 30_000))
    assert sent(site, tmp_path / "a.png")["code"] == "too-large"


def test_a_thousand_pictures_a_second(site: Site, tmp_path: Path) -> None:
    begun = time.monotonic()
    fast = clip(tmp_path / "a.mp4", numbered(3000), fps=1000)
    assert sent(site, fast)["label"] == "no-face"
    assert time.monotonic() - begun < JOB_S


def test_a_hundred_hours_that_are_not_there(site: Site, tmp_path: Path) -> None:
    """What the file holds is judged, and the answer marks it as ended early."""
    data = clip(tmp_path / "a.mkv", numbered(50), fps=25).read_bytes()
    stated = b"\x44\x89\x88"  # Matroska's Duration, in ms
    whole, claimed = (stated + struct.pack(">d", 1000.0 * s) for s in (2, 360_000))
    assert data.count(whole) == 1
    (tmp_path / "b.mkv").write_bytes(data.replace(whole, claimed))
    verdict = sent(site, tmp_path / "b.mkv")
    assert verdict["media"]["duration_s"] == 360_000
    assert "cut-short" in verdict["reasons"]


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_cut_at_every_tenth(site: Site, tmp_path: Path, astronaut: np.ndarray, ending: str) -> None:
    muxing = {"movflags": "+faststart"} if ending == "mp4" else {}
    pictures = moving(astronaut, 30, (320, 240))
    # Half a second that is missing is noticed, so each tenth is longer than that.
    whole = clip(tmp_path / f"a.{ending}", pictures, fps=4, options={"g": "5"}, muxing=muxing)
    outcomes = [sent(site, truncated(whole, tenth / 10)) for tenth in range(1, 10)]
    for outcome in outcomes:
        if "code" in outcome:
            assert outcome["code"] in ("corrupt-media", "no-video")
        else:
            assert "cut-short" in outcome["reasons"]
    assert "label" in outcomes[-1]

"""Downloads that work, from a site on loopback that the operator allowed."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from server.errors import AppError, Gone, NeedsLogin, NoVideo, TooLong
from server.processes.child import Child
from server.processes.fetch import SHARE, DownloadLimits, Fetched
from server.processes.fetch import fetch as fetch_within
from server.processes.messages import Progress
from server.processes.protocol import ROOT
from tests.server.fetch_site import RATE, SECONDS, Reply, Site, left_behind, pictures_in


def fetch(site: Site, url: str, folder: Path, **limits: float) -> Fetched:
    wanted = DownloadLimits(allow_hosts=site.allowed, timeout_s=60.0)
    for name, value in limits.items():
        wanted = DownloadLimits(
            **{key: getattr(wanted, key) for key in wanted.__slots__} | {name: value}
        )
    return fetch_within(url, folder, wanted, Child)


@pytest.mark.parametrize(
    "path",
    ["/clip.mp4", "/plain.m3u8", "/fragments.m3u8", "/locked.m3u8", "/split.m3u8", "/clip.mpd"],
)
def test_fetches_every_form_whole(site: Site, tmp_path: Path, path: str) -> None:
    media = fetch(site, site.url(path), tmp_path)
    assert media.path.is_relative_to(tmp_path)
    assert pictures_in(media.path) == RATE * SECONDS
    assert media.sha256 == hashlib.sha256(media.path.read_bytes()).hexdigest()
    assert not media.cut_short


def test_fetches_through_a_page_and_a_redirect(site: Site, tmp_path: Path) -> None:
    site.page("/watch", '<video src="/clip.mp4"></video>')
    start = site.redirect("/go", site.redirect("/further", "/watch"))
    news: list[Progress | None] = []
    limits = DownloadLimits(allow_hosts=site.allowed)
    media = fetch_within(start, tmp_path, limits, Child, news.append)
    assert pictures_in(media.path) == RATE * SECONDS
    fractions = [each.progress for each in news if each]
    assert len(fractions) > 1
    assert all(0 <= fraction <= SHARE for fraction in fractions)


def test_takes_the_first_video_of_many(site: Site, tmp_path: Path) -> None:
    url = site.page("/many", '<video src="/clip.mp4"></video><video src="/missing.mp4"></video>')
    assert pictures_in(fetch(site, url, tmp_path).path) == RATE * SECONDS
    assert not any(path == "/missing.mp4" for _, path, _ in site.requests)


def test_sends_nothing_of_this_machine(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("default login somebody password secret\n")
    config = tmp_path / ".config" / "yt-dlp"
    config.mkdir(parents=True)
    (config / "config").write_text("--add-headers X-Planted:yes\n")
    folder = tmp_path / "job"
    folder.mkdir()
    site.requests.clear()
    fetch(site, site.url("/clip.mp4"), folder)
    assert site.requests
    for _, _, headers in site.requests:
        names = {name.lower() for name in headers}
        assert not names & {"authorization", "proxy-authorization", "cookie", "x-planted", "via"}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(b"gone", status=404), Gone),
        (Reply(b"gone", status=410), Gone),
        (Reply(b"who?", status=401), NeedsLogin),
        (Reply(b"no", status=403), NeedsLogin),
    ],
)
def test_names_what_the_site_answered(
    site: Site, tmp_path: Path, reply: Reply, error: type[AppError]
) -> None:
    site.routes["/answer.mp4"] = reply
    with pytest.raises(error):
        fetch(site, site.url("/answer.mp4"), tmp_path)
    assert left_behind(tmp_path) == []


def test_refuses_what_is_too_long(site: Site, tmp_path: Path) -> None:
    with pytest.raises(TooLong):
        fetch(site, site.url("/plain.m3u8"), tmp_path, max_duration_s=SECONDS - 1.0)
    assert left_behind(tmp_path) == []


def test_sound_alone_is_no_video(site: Site, tmp_path: Path) -> None:
    master = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=60000,CODECS="mp4a.40.2"\nsound.m3u8\n'
    with pytest.raises(NoVideo):
        fetch(site, site.text("/audio-only.m3u8", master), tmp_path)


def test_progress_may_end_it(site: Site, tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(news: Progress | None) -> None:
        if news and news.progress > 0:
            raise Cancelled

    limits = DownloadLimits(allow_hosts=site.allowed)
    with pytest.raises(Cancelled):
        fetch_within(site.url("/clip.mp4"), tmp_path, limits, Child, cancel)
    assert left_behind(tmp_path) == []
    assert children() == []


def test_dies_with_its_parent(site: Site, tmp_path: Path) -> None:
    """Kill a process in the middle of a download: its child goes too."""
    reached = threading.Event()

    def stall(handler: object) -> None:
        reached.set()
        site.closing.wait(30)

    url = site.behave("/stall.mp4", stall)
    code = (
        "import sys; from pathlib import Path; from server.processes.fetch import *\n"
        "limits = DownloadLimits(allow_hosts=(sys.argv[3],))\n"
        "fetch(sys.argv[1], Path(sys.argv[2]), limits, Child, print)"
    )
    arguments = [sys.executable, "-c", code, url, str(tmp_path), *site.allowed]
    parent = subprocess.Popen(arguments, cwd=ROOT)
    try:
        assert reached.wait(30)
        offspring = psutil.Process(parent.pid).children(recursive=True)
        assert len(offspring) == 2  # the guard and the download
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    _, alive = psutil.wait_procs(offspring, timeout=5)
    assert alive == []


def children() -> list[psutil.Process]:
    """Our own child processes that download."""
    time.sleep(0.05)
    found = psutil.Process().children(recursive=True)
    return [child for child in found if "server.processes.fetch_main" in child.cmdline()]

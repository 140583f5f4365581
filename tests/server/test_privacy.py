"""What is kept of a check and of those who ask, and for how long. docs/privacy.md says the same."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.app import create_app
from server.config import Settings
from tests.server.service import Site, mentioning, running, scripted, until

TOKEN = "a-secret-of-some-length"


def kept(site: Site) -> bytes:
    """Every byte under the data folder, the database written out."""
    with sqlite3.connect(site.settings.data_dir / "jobs.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    files = [path for path in site.settings.data_dir.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files)


def test_tracking_and_passwords_are_never_stored(tmp_path: Path) -> None:
    with running(Site(tmp_path / "var"), "serve") as site:
        url = "https://www.youtube.com/watch?v=chosen&si=who-shared-it&utm_source=who-sent-it"
        job = site.post("/check-url", json={"url": url, "wait": 0}).json()
        assert site.job(job["id"]).source == "https://www.youtube.com/watch?v=chosen"
        secret = "https://someone:hunter2@site.example/video"
        answer = site.post("/check-url", json={"url": secret, "wait": 0})
        assert site.job(answer.json()["id"]).source == "https://site.example/video"
        assert "hunter2" not in answer.text
        stored = kept(site)
    assert b"watch?v=chosen" in stored
    for word in (b"who-shared-it", b"who-sent-it", b"hunter2", b"someone"):
        assert word not in stored


def test_the_log_holds_no_secret(tmp_path: Path) -> None:
    with running(Site(tmp_path / "var", token=TOKEN), "serve", "scripted") as site:
        mine = {"Authorization": f"Bearer {TOKEN}"}
        wrong = {"Authorization": "Bearer a-guess-of-some-length"}
        url = scripted("result:real", name="whose-video")
        for headers in (mine, wrong):
            site.post("/check-url", json={"url": url, "wait": 20}, headers=headers)
            site.get(f"/?token={TOKEN}", headers=headers)
            site.get("/jobs/none\r\n", headers=headers)
        assert until(lambda: " done " in site.log.read_text())
        log = site.log.read_text()
    for word in (TOKEN, "a-guess-of-some-length", "whose-video", "child.test"):
        assert word not in log


def test_a_removed_result_is_gone_from_the_disk(tmp_path: Path) -> None:
    with running(Site(tmp_path / "var"), "serve", "scripted") as site:
        url = scripted("result:fake", name="seldom-word")
        job_id = site.post("/check-url", json={"url": url, "wait": 0}).json()["id"]
        assert site.ended(job_id).state == "done"
        assert b"seldom-word" in kept(site)
        site.get("/healthz")
        assert requests_delete(site, job_id) == 204
        assert site.get(f"/jobs/{job_id}").status_code == 404
        site.stop()
        assert b"seldom-word" not in kept(site)


def requests_delete(site: Site, job_id: str) -> int:
    import requests

    return requests.delete(site.url(f"/jobs/{job_id}"), timeout=60).status_code


def test_media_is_deleted_also_after_a_crash(tmp_path: Path) -> None:
    """A worker that is killed deletes nothing; the next one does."""
    with running(Site(tmp_path / "var")) as site:
        first = site.start("scripted")
        steps = ["scratch", "progress:0.5", f"wait-for:{tmp_path / 'gate'}", "result:real"]
        job_id = site.submit(scripted(*steps))
        until(lambda: site.job(job_id).progress == 0.5)
        scratch = site.settings.data_dir / "scratch"
        assert any(scratch.rglob("media.mp4"))
        first.kill()
        until(lambda: not mentioning("tests.server.jobs_child"))
        assert any(scratch.rglob("media.mp4")), "nobody was left to delete it"
        (tmp_path / "gate").touch()
        site.start("scripted")
        assert site.ended(job_id, 60).state == "done"
        until(lambda: not list(scratch.iterdir()), 30)


def test_tokens_are_compared_in_constant_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[Any, Any]] = []
    compare: Callable[[Any, Any], bool] = hmac.compare_digest

    def noted(a: Any, b: Any) -> bool:
        compared.append((a, b))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    client = create_app(Settings(data_dir=tmp_path, token=TOKEN)).test_client()
    for given, status in ((TOKEN, 404), (TOKEN[:-1] + "x", 401), ("x", 401)):
        headers = {"Authorization": f"Bearer {given}"}
        assert client.get("/jobs/x", headers=headers).status_code == status
        assert compared.pop() == (given.encode(), TOKEN.encode())

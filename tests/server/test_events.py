"""A check as server-sent events, through gunicorn with a real worker."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from server.api import events
from server.api.service import SPARE_THREADS, of
from server.app import create_app
from server.config import Settings
from server.jobs.records import NewJob
from tests.server.service import Site, running, scripted, until
from tests.server.verdicts import verdict

STREAMS = 3
SOON_S = 5.0  # on a busy machine; far less than any heartbeat or time limit


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("events") / "var"
    with running(Site(path, threads=STREAMS + SPARE_THREADS), "serve", "scripted") as site:
        until(lambda: site.get("/healthz").json()["status"] == "ok")
        yield site


def follow(site: Site, job_id: str, **headers: str) -> requests.Response:
    return site.get(f"/jobs/{job_id}/events", stream=True, headers=headers)


def told(answer: requests.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event's id and Job."""
    identity = ""
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(": ")
        if name == "id":
            identity = value
        elif name == "event":
            assert value == "job"
        elif name == "data":
            yield identity, json.loads(value)


def ended(site: Site, *jobs: str) -> None:
    for job in jobs:
        requests.delete(site.url(f"/jobs/{job}"), timeout=10)


def test_every_change_is_told_until_the_result(site: Site, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job_id = site.submit(scripted("progress:0.5", f"wait-for:{gate}", "result:fake", name="told"))
    with follow(site, job_id) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Accel-Buffering"] == "no"
        jobs, ids = [], []
        for identity, job in told(answer):
            jobs.append(job)
            ids.append(identity)
            if job["progress"] == 0.5:
                gate.touch()
    assert [job["id"] for job in jobs] == [job_id] * len(jobs)
    assert [job["state"] for job in jobs][-2:] == ["running", "done"]
    assert jobs[-2]["partial"] == verdict("inconclusive")
    assert jobs[-1]["result"]["label"] == "fake"
    assert jobs[-1] == site.get(f"/jobs/{job_id}").json()
    assert len(set(ids)) == len(ids), "nothing is told twice"
    # A browser comes again by itself when a stream ends.
    again = {"Last-Event-ID": ids[-1]}
    assert follow(site, job_id, **again).status_code == 204
    with follow(site, job_id, **{"Last-Event-ID": ids[0]}) as answer:
        assert [identity for identity, _ in told(answer)] == ids[-1:]


def test_the_place_in_the_queue_is_told(site: Site) -> None:
    first = site.submit(scripted("hang", name="first"))
    until(lambda: site.job(first).state == "running")
    second, third = (site.submit(scripted("hang", name=name)) for name in ("second", "third"))
    with follow(site, third) as answer:
        news = told(answer)
        assert next(news)[1]["position"] == 1
        ended(site, second)
        assert next(news)[1]["position"] == 0
        ended(site, third)
        assert [job["state"] for _, job in news] == ["cancelled"]
    ended(site, first)


def test_streams_leave_threads_for_others_and_are_given_back(site: Site) -> None:
    job_id = site.submit(scripted("hang", name="crowd"))
    streams = [follow(site, job_id) for _ in range(STREAMS)]
    try:
        assert {stream.status_code for stream in streams} == {200}
        refused = follow(site, job_id)
        assert (refused.status_code, refused.json()["code"]) == (503, "too-many-streams")
        assert int(refused.headers["Retry-After"]) > 0
        assert requests.head(site.url(f"/jobs/{job_id}/events"), timeout=10).status_code == 200
        for path in ("/healthz", f"/jobs/{job_id}"):
            assert site.get(path).ok
        streams.pop().close()  # a client that goes away without a word
        start = time.monotonic()
        streams.append(until(lambda: s if (s := follow(site, job_id)).ok else None, SOON_S))
        print(f"a dead client's thread was free after {time.monotonic() - start:.2f} s")
    finally:
        for stream in streams:
            stream.close()
        ended(site, job_id)


def test_a_stream_that_ends_gives_its_thread_back(site: Site) -> None:
    for _ in range(STREAMS + 1):
        job_id = site.submit(scripted("result:real", name="quick"))
        with until(lambda job=job_id: s if (s := follow(site, job)).ok else None) as answer:
            assert list(told(answer))[-1][1]["state"] == "done"
        ended(site, job_id)
    log = site.log.read_text()
    assert "Traceback" not in log, log[log.index("Traceback") - 300 :][:3000]


def test_a_stop_ends_streams_and_waits(tmp_path: Path) -> None:
    with running(Site(tmp_path / "var"), "serve") as site, ThreadPoolExecutor(1) as pool:
        job_id = site.submit("http://nobody.test/")
        with follow(site, job_id) as answer:
            news = told(answer)
            next(news)
            body = {"url": "http://nobody.test/else", "wait": 50}
            waiting = pool.submit(site.post, "/check-url", json=body)
            until(lambda: site.store.counts()["queued"] == 2)
            start = time.monotonic()
            site.started[0].send_signal(signal.SIGTERM)
            assert list(news) == []
            assert waiting.result(10).status_code == 202
            assert time.monotonic() - start < SOON_S
        assert site.started[0].wait(20) == 0
        assert "Traceback" not in site.log.read_text()


def test_a_stream_is_refused_like_the_job_itself(tmp_path: Path) -> None:
    client = create_app(Settings(data_dir=tmp_path)).test_client()
    for job_id in ("x", "0" * 32):
        answer = client.get(f"/jobs/{job_id}/events")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not-found")
    locked = create_app(Settings(data_dir=tmp_path, token="a-token-of-many-letters"))
    assert locked.test_client().get("/jobs/x/events").status_code == 401


def test_silence_is_filled_and_no_stream_is_endless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(events, "POLL_S", 0.02)
    monkeypatch.setattr(events, "LONGEST_S", 1.0)
    app = create_app(Settings(data_dir=tmp_path, threads=SPARE_THREADS + 1))
    service = of(app)
    new = NewJob("url", "http://a.test/", "key", {"options": {}})
    job_id = service.store.submit(new, 9).job_id
    with app.test_client().get(f"/jobs/{job_id}/events") as answer:
        text = answer.text
    assert text.startswith("retry: 2000\n\n")
    assert text.count("event: job\n") == 1
    assert 2 <= text.count("\n: heartbeat\n\n") <= 5
    assert service.may_wait.acquire(blocking=False), "its place is free"

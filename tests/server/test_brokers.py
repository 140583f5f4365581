"""The same promises on PostgreSQL with Redis as on files, and through the outages of both."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from server.jobs.leases import Leases
from server.jobs.store import Store
from server.jobs.tables import jobs, open_engine, works
from tests.backends import Backend
from tests.server import test_store
from tests.server.service import ROOT, Site, running, scripted, until

# What must hold of the jobs table, now with this module's `engine`.
test_a_job_from_question_to_answer = test_store.test_a_job_from_question_to_answer
test_only_one_claims_and_only_the_owner_speaks = (
    test_store.test_only_one_claims_and_only_the_owner_speaks
)
test_a_silent_worker = test_store.test_a_worker_that_was_silent_finds_its_job_taken
test_lost_too_often = test_store.test_lost_too_often_is_a_failure_that_says_so
test_handing_back = test_store.test_handing_back_is_not_an_attempt
test_cancelling = test_store.test_cancelling_takes_the_job_from_its_owner
test_a_full_queue = test_store.test_a_full_queue_still_lets_people_join
test_urgent_jobs_come_first = test_store.test_urgent_jobs_come_first
test_forgetting = test_store.test_old_results_are_forgotten_and_waiting_jobs_are_not
test_workers_are_counted = test_store.test_workers_are_counted_while_they_are_heard
test_readers_do_not_wait = test_store.test_readers_do_not_wait_for_a_writer
test_fifty_threads = test_store.test_fifty_threads_asking_the_same
test_a_finished_check_answers = (
    test_store.test_a_finished_check_answers_the_same_question_for_a_while
)
test_the_same_media = (
    test_store.test_the_same_media_by_another_address_is_answered_with_its_pictures
)
test_pictures_are_deleted = test_store.test_pictures_are_deleted_with_their_job
test_an_idempotency_key = (
    test_store.test_an_idempotency_key_gives_the_same_job_until_that_is_deleted
)
test_twenty_threads = test_store.test_twenty_threads_with_one_idempotency_key
test_a_refused_request = test_store.test_a_refused_request_leaves_its_idempotency_key_free
test_a_deleted_twin = test_store.test_a_twin_that_was_deleted_answers_nothing
test_hurrying = test_store.test_a_person_who_wants_what_waits_in_bulk_hurries_it


@pytest.fixture
def engine(on_servers: Backend) -> Iterator[Engine]:
    engine = open_engine(on_servers.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


@pytest.fixture
def leases(engine: Engine) -> Leases:
    return Leases(engine)


@pytest.fixture
def site(on_servers: Backend, tmp_path: Path) -> Iterator[Site]:
    with running(site_on(on_servers, tmp_path)) as site:
        yield site


def site_on(backend: Backend, tmp_path: Path) -> Site:
    (tmp_path / "var").mkdir(parents=True)
    urls = {"database_url": backend.database_url, "broker_url": backend.broker_url}
    return Site(tmp_path / "var", **urls)


ASK = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from server.config import Settings
from server.jobs.checks import Checks
from server.jobs.queue import Queue, make_celery
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
settings = Settings.from_env(os.environ)
engine = open_engine(database_url(settings))
checks = Checks(settings, Store(engine), Queue(make_celery(settings)))
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(10) as pool:
    print(*pool.map(checks.url, ["https://site.test/video.mp4"] * 10))
engine.dispose()
"""


@pytest.mark.slow
def test_fifty_askers_in_five_processes_share_one_work(backend: Backend, tmp_path: Path) -> None:
    """Also: the five create the same tables at the same time."""
    site = site_on(backend, tmp_path)
    environment = site.settings.to_env()
    askers = [
        subprocess.Popen(
            [sys.executable, "-c", ASK],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    for asker in askers:
        assert asker.stdout
        assert asker.stdout.readline() == "ready\n"
    for asker in askers:
        assert asker.stdin
        asker.stdin.write("go\n")
        asker.stdin.flush()
    answers = [asker.communicate(timeout=60)[0].split() for asker in askers]
    assert [asker.returncode for asker in askers] == [0] * 5
    assert [len(ids) for ids in answers] == [10] * 5
    assert len({job_id for ids in answers for job_id in ids}) == 50
    with site.engine.begin() as connection:
        counts = [connection.scalar(select(func.count()).select_from(t)) for t in (jobs, works)]
    assert counts == [50, 1]
    site.stop()


@pytest.mark.slow
def test_a_person_waiting_overtakes_the_bulk(site: Site) -> None:
    bulk = [site.submit(scripted("result:fake", name=str(n)), urgent=False) for n in range(5)]
    urgent = site.submit(scripted("result:fake", name="urgent"))
    site.start("scripted")
    ends = [site.ended(job_id).finished_at or 0 for job_id in bulk]
    assert sum(end < (site.ended(urgent).finished_at or 0) for end in ends) == 0


@pytest.mark.slow
def test_a_stopping_worker_hands_its_job_to_the_other_machine(
    site: Site, on_servers: Backend, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    worker = site.start("scripted")
    job_id = site.submit(scripted("progress:0.5", f"wait-for:{gate}", "result:fake"))
    until(lambda: site.job(job_id).progress == 0.5)
    with running(site_on(on_servers, tmp_path / "other"), "scripted"):
        until(lambda: site.store.live_slots() == 2)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
        gate.touch()
        job = site.ended(job_id)
    assert (job.state, job.attempts) == ("done", 1)


@pytest.mark.slow
def test_what_is_asked_while_the_broker_is_away_is_done_later(
    site: Site, on_servers: Backend
) -> None:
    """Also what a busy worker had taken from it: an acknowledgement lost must not block it."""
    assert on_servers.servers
    _, redis = on_servers.servers
    site.serve()
    site.start("scripted")
    steps = ("progress:0.5", "sleep:1", "result:fake")
    ids = [site.submit(scripted(*steps, name=str(n))) for n in range(3)]
    until(lambda: site.job(ids[0]).progress == 0.5)
    redis.crash()
    try:
        until(lambda: site.job(ids[1]).state == "running")
        body = {"url": scripted("result:fake"), "wait": 0}
        reply = site.post("/check-url", json=body)
        assert reply.status_code == 202, reply.text
    finally:
        redis.start()
    for job_id in (*ids, reply.json()["id"]):
        assert site.ended(job_id, 60).state == "done"


@pytest.mark.slow
def test_without_its_database_the_service_says_so_and_recovers(
    site: Site, on_servers: Backend
) -> None:
    assert on_servers.servers
    postgres, _ = on_servers.servers
    site.serve()
    site.start("scripted")
    gate = site.settings.data_dir / "gate"
    body = {"url": scripted("progress:0.5", f"wait-for:{gate}", "result:fake"), "wait": 0}
    job_id = site.post("/check-url", json=body).json()["id"]
    until(lambda: site.job(job_id).progress == 0.5)
    postgres.crash()
    try:
        for reply in (site.get(f"/jobs/{job_id}"), site.post("/check-url", json=body)):
            assert reply.status_code == 503
            assert int(reply.headers["Retry-After"]) > 0
            assert reply.json()["code"] == "store-away"
        gate.touch()
    finally:
        postgres.start()
    assert until(lambda: site.get(f"/jobs/{job_id}")).json()["id"] == job_id
    assert site.ended(job_id, 60).state == "done"

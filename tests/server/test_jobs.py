"""Jobs under real faults: real workers, real children, real signals; nothing is lost or left."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from server.config import Settings
from server.errors import kinds
from server.jobs.leases import LEASE_S, MAX_ATTEMPTS, Leases
from server.jobs.queue import TASK, URGENT, make_celery
from server.jobs.records import unfetched
from server.jobs.runner import Runner
from server.jobs.tables import BUSY_S
from server.jobs.worker import YOUNG_S, Reaper
from tests.server.jobs_child import COMMAND, JPEG
from tests.server.service import Site, gone, mentioning, running, scripted, until
from tests.server.verdicts import verdict


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(Site(tmp_path / "var")) as site:
        yield site


def left_over(site: Site) -> list[str]:
    """Files of jobs that are still there."""
    folders = Runner(Leases(site.engine), site.settings, site.queue.send).folders
    return [path.name for kind in (folders.scratch, folders.uploads) for path in kind.iterdir()]


def noted(notes: Path) -> psutil.Process:
    """The child that wrote a line into `notes`."""
    until(lambda: notes.exists() and notes.read_text().endswith("\n"))
    return psutil.Process(int(notes.read_text().split()[-2]))


def test_progress_then_the_result(site: Site) -> None:
    site.start("scripted")
    job_id = site.submit(scripted("babble", "progress:0.5", "sleep:1.5", "result:fake"))
    job = until(lambda: site.job(job_id) if site.job(job_id).partial else None)
    assert job is not None
    assert (job.state, job.stage, job.progress) == ("running", "faces", 0.5)
    assert job.partial == verdict("inconclusive")
    job = site.ended(job_id)
    assert (job.state, job.attempts, job.error, job.partial) == ("done", 1, None, None)
    assert job.result is not None
    assert job.result["label"] == "fake"


def test_pictures_come_with_the_result(site: Site) -> None:
    site.start("scripted")
    job = site.ended(site.submit(scripted("result:fake")))
    assert site.store.picture(job.id, 1, 0, "face") == base64.b64decode(JPEG)


def test_media_that_was_checked_is_not_analysed_again(site: Site, tmp_path: Path) -> None:
    """Unless a fresh check is asked for."""
    site.start("scripted")
    first = site.ended(site.submit(scripted("media:abc", "result:fake", name="first")))
    steps = ("media:abc", "grandchild", "hang")
    second = site.ended(site.submit(scripted(*steps, name="second")))
    assert second.result == unfetched(first.result)
    assert site.store.picture(second.id, 1, 0, "face") == base64.b64decode(JPEG)
    assert left_over(site) == []
    until(lambda: mentioning(second.work_id or "") == [], 2)
    fresh = site.submit(scripted("media:abc", "result:real", name="third"), fresh=True)
    assert site.ended(fresh).result != first.result


def test_a_crash_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.start("scripted")
    job = site.ended(site.submit(scripted(f"crash-once:{tmp_path / 'crashed'}", "result:real")))
    assert (job.state, job.attempts) == ("done", 2)


@pytest.mark.parametrize("death", ["crash", "exit:0", "exit:3"])
def test_what_always_crashes_fails_after_three_attempts(
    site: Site, tmp_path: Path, death: str
) -> None:
    site.start("scripted")
    notes = tmp_path / "notes"
    job = site.ended(site.submit(scripted(f"note:{notes}", "scratch", death)))
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == "worker-lost"
    assert len(notes.read_text().splitlines()) == MAX_ATTEMPTS
    assert left_over(site) == []


@pytest.mark.parametrize(("code", "attempts"), [("download-failed", MAX_ATTEMPTS), ("gone", 1)])
def test_only_what_may_pass_is_tried_again(site: Site, code: str, attempts: int) -> None:
    site.start("scripted")
    job = site.ended(site.submit(scripted(f"error:{code}")))
    assert (job.state, job.attempts) == ("failed", attempts)
    assert job.error == kinds()[code]("D").to_json()


def test_cancelling_ends_all_processes_within_a_second(site: Site, tmp_path: Path) -> None:
    site.start("scripted")
    notes = tmp_path / "notes"
    job_id = site.submit(scripted("scratch", "grandchild", f"note:{notes}", "hang"))
    child, work_id = noted(notes), site.work(job_id).id
    assert mentioning(work_id), "the grandchild runs"
    assert site.store.cancel(job_id)
    start = time.monotonic()
    until(lambda: gone(child) and not mentioning(work_id), 5)
    assert time.monotonic() - start < 1.0
    until(lambda: left_over(site) == [], 2)
    assert site.job(job_id).state == "cancelled"
    assert site.ended(site.submit(scripted("result:real"))).state == "done"  # the worker is free


def test_a_check_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with running(Site(tmp_path / "var", job_timeout_s=1.0), "scripted") as site:
        job = site.ended(site.submit(scripted("grandchild", "hang")))
        assert job.error is not None
        assert (job.error["code"], job.attempts) == ("time-limit", 1)
        assert mentioning(job.work_id or "") == []


@pytest.mark.slow
def test_a_killed_worker_leaves_no_orphan_and_its_job_is_done_by_another(
    site: Site, tmp_path: Path
) -> None:
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    worker = site.start("scripted")
    job_id = site.submit(scripted("scratch", f"note:{notes}", f"wait-for:{gate}", "result:fake"))
    child = noted(notes)
    worker.send_signal(signal.SIGKILL)
    until(lambda: gone(child), 2)
    assert site.job(job_id).state == "running"  # nobody was left to say otherwise
    gate.touch()
    site.start("scripted")
    job = site.ended(job_id, LEASE_S + 15)
    assert (job.state, job.attempts) == ("done", 2)
    until(lambda: left_over(site) == [], 2)


def test_a_stopping_worker_hands_its_job_back(site: Site, tmp_path: Path) -> None:
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    worker = site.start("scripted")
    job_id = site.submit(scripted(f"note:{notes}", f"wait-for:{gate}", "result:fake"))
    child = noted(notes)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert gone(child)
    assert site.job(job_id).state == "queued"
    assert site.store.live_slots() == 0
    gate.touch()
    site.start("scripted")
    job = site.ended(job_id)
    assert (job.state, job.attempts) == ("done", 1)


def test_a_message_that_was_never_delivered_is_sent_again(site: Site) -> None:
    job_id = site.submit(scripted("result:fake"), send=False)
    site.start("scripted")
    assert site.ended(job_id).state == "done"


def test_a_doubled_message_is_harmless(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    job_id = site.submit(scripted(f"note:{notes}", "result:fake"))
    for _ in range(3):
        site.queue.send(site.work(job_id).id, True)
    site.start("scripted")
    site.ended(job_id)
    site.ended(site.submit(scripted("result:real")))
    assert len(notes.read_text().splitlines()) == 1


def test_a_person_waiting_overtakes_the_bulk(site: Site) -> None:
    bulk = [site.submit(scripted("result:fake", name=str(n)), urgent=False) for n in range(5)]
    urgent = site.submit(scripted("result:fake", name="urgent"))
    site.start("scripted")
    ends = [site.ended(job_id).finished_at or 0 for job_id in bulk]
    assert sum(end < (site.ended(urgent).finished_at or 0) for end in ends) == 0


def test_a_child_knows_no_secret_of_ours(tmp_path: Path) -> None:
    secret = "a-secret-of-sixteen"
    with running(Site(tmp_path / "var", token=secret), "scripted") as site:
        job = site.ended(site.submit(scripted("environment")))
        assert job.result is not None
        names = job.result["versions"]
        assert "PATH" in names
        assert not [name for name in names if name.startswith("MESOSCOPE_")]


def test_the_sweep_removes_what_nobody_works_on_and_nothing_else(site: Site) -> None:
    leases = Leases(site.engine)
    runner = Runner(leases, site.settings, site.queue.send, COMMAND)
    reaper = Reaper(site.store, leases, runner, site.settings, "w")
    job_id = site.submit(scripted("result:fake"), send=False)
    assert leases.claim(site.work(job_id).id, "alive")
    for owner in ("alive", "dead"):
        (runner.folders.scratch / owner).mkdir()
        (runner.folders.scratch / owner / "media.mp4").touch()
    for name, age_s in (("young", 0.0), ("old", YOUNG_S + 1)):
        upload = runner.folders.uploads / name
        upload.touch()
        os.utime(upload, (time.time() - age_s,) * 2)
    reaper.sweep()
    assert sorted(left_over(site)) == ["alive", "young"]


def test_what_was_called_off_keeps_its_folder_until_its_attempt_ends(site: Site) -> None:
    """Or its child, which lives a moment longer, could not find the folder it is to work in."""
    finds_out = threading.Event()

    class Patient(Leases):
        def owns(self, work_id: str, owner: str) -> bool:
            return finds_out.wait(30) and super().owns(work_id, owner)

    leases = Patient(site.engine)
    runner = Runner(leases, site.settings, site.queue.send, COMMAND)
    reaper = Reaper(site.store, leases, runner, site.settings, "w")
    job_id = site.submit(scripted("hang"), send=False)
    attempt = threading.Thread(target=runner.run, args=(site.work(job_id).id,))
    attempt.start()
    try:
        until(lambda: left_over(site) != [])
        assert site.store.cancel(job_id)
        reaper.sweep()
        assert left_over(site) == list(runner.owners)
    finally:
        finds_out.set()
        attempt.join(30)
    assert left_over(site) == []
    assert runner.idle == site.settings.workers


def test_files_carry_every_message_once(tmp_path: Path) -> None:
    """Four writers and four readers at once; of kombu's own files, some end their reader."""
    settings = Settings(data_dir=tmp_path)
    total, got, lock = 400, [], threading.Lock()

    def write(part: int) -> None:
        with make_celery(settings).connection_for_write() as connection:
            queue = connection.SimpleQueue(URGENT)
            for number in range(part, total, 4):
                queue.put({TASK: number})
            queue.close()

    def read() -> None:
        with make_celery(settings).connection_for_read() as connection:
            queue = connection.SimpleQueue(URGENT)
            while len(got) < total:
                try:
                    message = queue.get(timeout=0.2)
                except queue.Empty:
                    continue
                message.ack()
                with lock:
                    got.append(message.payload[TASK])
            queue.close()

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    threads += [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == list(range(total))
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_worker_runs_as_many_at_a_time_as_it_is_told(tmp_path: Path) -> None:
    with running(Site(tmp_path / "var", workers=2), "scripted") as site:
        gate = f"wait-for:{tmp_path / 'gate'}"
        ids = [site.submit(scripted(gate, "result:fake", name=str(n))) for n in range(3)]
        until(lambda: site.store.counts() == {"queued": 1, "running": 2})
        time.sleep(1)
        assert site.store.counts() == {"queued": 1, "running": 2}
        (tmp_path / "gate").touch()
        assert {site.ended(job_id).state for job_id in ids} == {"done"}


@pytest.mark.slow
def test_a_database_that_is_away_for_a_while_loses_no_job(site: Site, tmp_path: Path) -> None:
    """SQLite's only writer lock, taken for longer than anybody waits for it."""
    site.start("scripted")
    gate = tmp_path / "gate"
    job_id = site.submit(scripted("progress:0.5", f"wait-for:{gate}", "result:fake"))
    until(lambda: site.job(job_id).progress == 0.5)
    connection = sqlite3.connect(site.settings.data_dir / "jobs.db", isolation_level=None)
    with contextlib.closing(connection) as other:
        other.execute("BEGIN IMMEDIATE")
        gate.touch()
        time.sleep(BUSY_S + 3)
        other.execute("ROLLBACK")
    assert site.ended(job_id).state == "done"


def test_the_last_words_of_a_crash_are_logged(site: Site) -> None:
    site.start("scripted")
    job = site.ended(site.submit(scripted("last-words:free():%20invalid%20pointer", "crash")))

    def words() -> list[str]:  # the job's row may be seen to end before its line is written
        return [line for line in site.log.read_text().splitlines() if "invalid pointer" in line]

    until(lambda: len(words()) >= MAX_ATTEMPTS)
    lines = words()
    assert len(lines) == MAX_ATTEMPTS
    assert all(f"work={job.work_id}" in line and "status -11" in line for line in lines)


def test_a_log_line_names_its_work_and_no_address(site: Site) -> None:
    site.start("scripted")
    secret = "token-in-the-query"
    job = site.ended(site.submit(scripted("result:fake", name=secret)))

    def lines() -> list[str]:  # the job's row may be seen to end before its line is written
        return [line for line in site.log.read_text().splitlines() if f"work={job.work_id}" in line]

    until(lambda: "done" in lines()[-1])
    assert len(lines()) >= 2
    assert secret not in site.log.read_text()

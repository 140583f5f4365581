"""The tables on a real SQLite file: a job an asker, one work a question, one owner, one end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Engine, event, func, select, update

from server.errors import IdempotencyConflict, QueueFull
from server.jobs.leases import MAX_ATTEMPTS, Leases
from server.jobs.records import Job, NewJob, Taken
from server.jobs.store import Store
from server.jobs.tables import IN_FLIGHT, STATES_IN_FLIGHT, jobs, open_engine, pictures, works
from server.processes.messages import Picture

ROOT = Path(__file__).resolve().parents[2]
RESULT = {"label": "fake"}
FACE = Picture(face=1, moment=0, kind="face", jpeg=b"\xff\xd8")
ERROR = {"code": "not-media", "title": "", "detail": "", "status": 422}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


@pytest.fixture
def leases(engine: Engine) -> Leases:
    return Leases(engine)


def question(key: str = "k", *, urgent: bool = True) -> NewJob:
    return NewJob("url", f"http://site.test/{key}", key, {"options": {}}, urgent)


def taken(store: Store, key: str = "k", limit: int = 100, *, urgent: bool = True) -> Taken:
    """A new job, and the work that it has begun or joined."""
    return store.submit(question(key, urgent=urgent), limit)


def submitted(store: Store, key: str = "k", *, urgent: bool = True) -> tuple[str, str]:
    """The ids of a new job and of its work."""
    new = taken(store, key, urgent=urgent)
    assert new.work_id is not None
    return new.job_id, new.work_id


def found(store: Store, job_id: str) -> Job:
    job = store.get(job_id)
    assert job is not None
    return job


def finished(store: Store, leases: Leases, key: str = "k", *shown: Picture) -> tuple[str, str]:
    """A job that is done, and its work."""
    job_id, work_id = submitted(store, key)
    assert leases.claim(work_id, "me")
    assert leases.finish(work_id, "me", RESULT, shown)
    return job_id, work_id


def works_left(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.scalar(select(func.count()).select_from(works)) or 0


def silence(engine: Engine, work_id: str) -> None:
    """What happens to the lease of a worker that is silent for long enough."""
    with engine.begin() as connection:
        connection.execute(update(works).where(works.c.id == work_id).values(lease_until=1.0))


def test_a_job_from_question_to_answer(store: Store, leases: Leases) -> None:
    job_id, work_id = submitted(store)
    assert found(store, job_id).state == "queued"
    work = leases.claim(work_id, "me")
    assert work is not None
    assert (work.attempts, work.source) == (1, "http://site.test/k")
    assert found(store, job_id).state == "running"
    assert leases.renew(work_id, "me", stage="faces", progress=0.5, partial={"faces": []})
    assert found(store, job_id).partial == {"faces": []}
    assert leases.finish(work_id, "me", RESULT)
    job = found(store, job_id)
    assert (job.state, job.progress, job.result, job.partial) == ("done", 1.0, RESULT, None)
    assert job.created_at <= (job.started_at or 0) <= (job.finished_at or 0)


def test_only_one_claims_and_only_the_owner_speaks(store: Store, leases: Leases) -> None:
    job_id, work_id = submitted(store)
    assert leases.claim(work_id, "me")
    assert leases.claim(work_id, "you") is None
    assert not leases.owns(work_id, "you")
    assert not leases.renew(work_id, "you")
    assert not leases.finish(work_id, "you", RESULT)
    assert not leases.fail(work_id, "you", ERROR)
    assert not leases.release(work_id, "you", counted=True)
    assert found(store, job_id).state == "running"


def test_ending_twice_changes_nothing(store: Store, leases: Leases) -> None:
    job_id, work_id = submitted(store)
    leases.claim(work_id, "me")
    assert leases.finish(work_id, "me", RESULT)
    assert not leases.finish(work_id, "me", {"label": "real"})
    assert not leases.fail(work_id, "me", ERROR)
    assert not store.cancel(job_id)
    assert found(store, job_id).result == RESULT


def test_a_worker_that_was_silent_finds_its_job_taken(
    engine: Engine, store: Store, leases: Leases
) -> None:
    job_id, work_id = submitted(store)
    leases.claim(work_id, "slow")
    assert leases.expire() == []
    silence(engine, work_id)
    assert leases.expire() == [(work_id, True)]
    assert leases.claim(work_id, "quick")
    assert not leases.finish(work_id, "slow", {"label": "real"})
    assert leases.finish(work_id, "quick", RESULT)
    assert found(store, job_id).result == RESULT


def test_lost_too_often_is_a_failure_that_says_so(
    engine: Engine, store: Store, leases: Leases
) -> None:
    job_id, work_id = submitted(store)
    for attempt in range(MAX_ATTEMPTS):
        assert leases.claim(work_id, f"worker {attempt}")
        silence(engine, work_id)
        again = leases.expire()
        assert again == ([(work_id, True)] if attempt < MAX_ATTEMPTS - 1 else [])
    job = found(store, job_id)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == "worker-lost"


def test_handing_back_is_not_an_attempt(store: Store, leases: Leases) -> None:
    job_id, work_id = submitted(store)
    leases.claim(work_id, "me")
    leases.release(work_id, "me", counted=False)
    assert found(store, job_id).attempts == 0
    leases.claim(work_id, "you")
    leases.release(work_id, "you", counted=True)
    assert found(store, job_id).attempts == 1


def test_cancelling_takes_the_job_from_its_owner(store: Store, leases: Leases) -> None:
    job_id, work_id = submitted(store)
    leases.claim(work_id, "me")
    assert not store.remove(job_id)
    assert store.cancel(job_id)
    assert not leases.owns(work_id, "me")
    assert not leases.finish(work_id, "me", RESULT)
    assert found(store, job_id).state == "cancelled"
    assert taken(store).created, "the same question may be asked anew"
    assert store.remove(job_id)
    assert store.get(job_id) is None


def test_a_full_queue_still_lets_people_join(store: Store) -> None:
    first = taken(store, "a", limit=2)
    taken(store, "b", limit=2)
    with pytest.raises(QueueFull):
        taken(store, "c", limit=2)
    joined = taken(store, "a", limit=2)
    assert (joined.work_id, joined.created) == (first.work_id, False)


def test_urgent_jobs_come_first(store: Store, leases: Leases) -> None:
    bulk, _ = submitted(store, "bulk", urgent=False)
    (first, first_work), (second, second_work) = submitted(store, "first"), submitted(store, "2nd")
    assert store.position(found(store, first)) == 0
    assert store.position(found(store, second)) == 1
    assert store.position(found(store, bulk)) == 2
    assert leases.overdue(0.0, 2) == [(first_work, True), (second_work, True)]
    assert leases.overdue(60.0, 2) == []


def test_old_results_are_forgotten_and_waiting_jobs_are_not(
    engine: Engine, store: Store, leases: Leases
) -> None:
    done, _ = finished(store, leases, "done")
    off, _ = submitted(store, "off")
    assert store.cancel(off)
    waits, _ = submitted(store, "waiting")
    assert store.forget(before=time.time() - 60) == 0
    assert store.forget(before=time.time() + 60) == 2
    assert [store.get(job_id) for job_id in (done, off)] == [None, None]
    assert store.get(waits) is not None
    assert works_left(engine) == 1


def test_a_finished_check_answers_the_same_question_for_a_while(
    store: Store, leases: Leases
) -> None:
    _, first = finished(store, leases)
    assert store.submit(question(), 100, cache_s=60).work_id == first
    fresh = store.submit(question(), 100)
    assert fresh.created
    assert fresh.work_id
    leases.claim(fresh.work_id, "me")
    leases.fail(fresh.work_id, "me", ERROR)
    again = store.submit(question(), 100, cache_s=60)
    assert again.work_id == first, "a failure answers nothing"
    time.sleep(0.02)
    assert store.submit(question(), 100, cache_s=0.01).created


def test_the_same_media_by_another_address_is_answered_with_its_pictures(
    store: Store, leases: Leases
) -> None:
    (_, first), (second_job, second) = submitted(store, "a"), submitted(store, "b")
    leases.claim(first, "me")
    assert leases.same_media(first, "me", "media", 0) is None
    leases.finish(first, "me", {**RESULT, "timing_s": {"fetch": 7, "total": 1}}, [FACE])
    leases.claim(second, "you")
    assert leases.same_media(second, "you", "media", time.time() + 60) is None  # all are too old
    twin = leases.same_media(second, "you", "media", 0)
    assert twin == first
    assert leases.finish_as(second, "you", twin)
    assert not leases.finish_as(second, "you", twin)
    assert found(store, second_job).result == {**RESULT, "timing_s": {"total": 1}}, (
        "how long the other's download took is the other's"
    )
    assert store.picture(second_job, 1, 0, "face") == FACE.jpeg


def test_a_twin_that_was_deleted_answers_nothing(store: Store, leases: Leases) -> None:
    first, twin = finished(store, leases, "a")
    job_id, work_id = submitted(store, "b")
    leases.claim(work_id, "me")
    assert store.remove(first)
    assert not leases.finish_as(work_id, "me", twin)
    assert found(store, job_id).state == "running"


def test_pictures_are_deleted_with_their_job(engine: Engine, store: Store, leases: Leases) -> None:
    ids = []
    for key in ("removed", "forgotten"):
        job_id, work_id = submitted(store, key)
        leases.claim(work_id, "me")
        assert not leases.finish(work_id, "you", RESULT, [FACE])
        assert store.picture(job_id, 1, 0, "face") is None
        leases.finish(work_id, "me", RESULT, [FACE])
        assert store.picture(job_id, 1, 0, "face") == FACE.jpeg
        assert store.picture(job_id, 1, 0, "evidence") is None
        ids.append(job_id)
    store.remove(ids[0])
    assert store.picture(ids[0], 1, 0, "face") is None
    store.forget(before=time.time() + 60)
    with engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(pictures)) == 0


def test_an_idempotency_key_gives_the_same_job_until_that_is_deleted(
    store: Store, leases: Leases
) -> None:
    asked = replace(question(), idempotency_key="once", asked="this")
    first = store.submit(asked, 100)
    assert first.work_id
    leases.claim(first.work_id, "me")
    leases.finish(first.work_id, "me", RESULT)
    assert store.submit(asked, 100) == Taken(first.job_id)
    with pytest.raises(IdempotencyConflict):
        store.submit(replace(asked, key="other", asked="that"), 100)
    twin = taken(store, "other")
    joined = replace(question("other"), idempotency_key="second", asked="other")
    own = store.submit(joined, 100)
    assert own.work_id == twin.work_id
    assert own.job_id != twin.job_id
    store.cancel(own.job_id)
    assert store.submit(joined, 100) == Taken(own.job_id)
    store.remove(first.job_id)
    assert store.submit(asked, 100).created


def test_twenty_threads_with_one_idempotency_key(store: Store) -> None:
    """Their works differ, as if each had ended before the next came: only the key joins them."""
    asked = [replace(question(str(n)), idempotency_key="once", asked="this") for n in range(20)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda new: store.submit(new, 100), asked))
    assert len({answer.job_id for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert store.counts()["queued"] == 1


def test_a_refused_request_leaves_its_idempotency_key_free(store: Store) -> None:
    asked = replace(question("b"), idempotency_key="once", asked="b")
    submitted(store, "a")
    with pytest.raises(QueueFull):
        store.submit(asked, 1)
    assert store.submit(asked, 2).created


def test_the_newest_jobs_come_first(store: Store) -> None:
    ids = [submitted(store, str(number))[0] for number in range(4)]
    store.cancel(ids[1])
    newest = store.recent(2)
    assert [job.id for job in newest] == [ids[3], ids[2]]
    assert [job.id for job in store.recent(9, before=newest[-1].created_at)] == [ids[1], ids[0]]
    assert [job.id for job in store.recent(9, state="cancelled")] == [ids[1]]
    assert [job.id for job in store.recent(9, state="queued")] == [ids[3], ids[2], ids[0]]


def test_a_person_who_wants_what_waits_in_bulk_hurries_it(store: Store, leases: Leases) -> None:
    _, work_id = submitted(store, urgent=False)
    assert store.prioritise(work_id)
    assert not store.prioritise(work_id)
    work = leases.claim(work_id, "me")
    assert work is not None
    assert work.urgent
    _, running = submitted(store, "other", urgent=False)
    leases.claim(running, "me")
    assert not store.prioritise(running)


def test_workers_are_counted_while_they_are_heard(store: Store, leases: Leases) -> None:
    assert store.live_slots() == 0
    leases.worker_seen("a", 2)
    leases.worker_seen("b", 1)
    leases.worker_seen("a", 3)
    assert store.live_slots() == 4
    leases.worker_gone("a")
    assert store.live_slots() == 1


def test_readers_do_not_wait_for_a_writer(engine: Engine, store: Store) -> None:
    job_id, _ = submitted(store)
    with engine.begin() as writer:
        writer.execute(update(works).values(progress=0.5))
        start = time.monotonic()
        assert found(store, job_id).progress == 0.0
        assert time.monotonic() - start < 1.0


def test_a_changing_transaction_holds_the_lock_from_its_start(engine: Engine) -> None:
    """SQLite lets a reading transaction fail when it turns to writing: ours never begins so."""
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    Store(engine).submit(question(), 10)
    assert said[0] == "BEGIN IMMEDIATE"
    said.clear()
    Store(engine).counts()
    assert said[0] == "BEGIN"


ASK = """
import sys
from server.jobs.records import NewJob
from server.jobs.store import Store
from server.jobs.tables import open_engine
engine = open_engine(sys.argv[1])
for number in range(10):
    print(Store(engine).submit(NewJob("url", "u", f"k{number}", {}), 100).work_id)
engine.dispose()
"""


def test_the_same_questions_from_many_processes_at_once(tmp_path: Path) -> None:
    """Also: they create the same tables at the same time."""
    command = [sys.executable, "-c", ASK, f"sqlite:///{tmp_path / 'jobs.db'}"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    answers = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(set(answers[0])) == 10
    assert all(ids == answers[0] for ids in answers)


def test_fifty_threads_asking_the_same(store: Store) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: submitted(store), range(50)))
    assert len({job_id for job_id, _ in answers}) == 50
    assert len({work_id for _, work_id in answers}) == 1


class Life(RuleBasedStateMachine):
    """Anything may happen to jobs and works in any order; what must hold, holds."""

    keys = st.sampled_from(["a", "b"])
    owners = st.sampled_from(["x", "y", "z"])

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_engine("sqlite:///file::memory:?uri=true")
        self.store, self.leases = Store(self.engine), Leases(self.engine)
        self.ids: list[str] = []  # of jobs, in the order in which they came
        self.works: dict[str, str] = {}  # by job, also of those that were called off
        self.keys_asked: dict[str, str] = {}  # by work
        self.ended: dict[str, Job] = {}

    def teardown(self) -> None:
        self.engine.dispose()

    def row(self, work_id: str) -> Any:
        with self.engine.begin() as connection:
            return connection.execute(select(works).where(works.c.id == work_id)).one_or_none()

    def in_flight(self, key: str) -> set[str]:
        jobs_of_key = (found(self.store, job_id) for job_id in self.ids)
        return {
            job.work_id
            for job in jobs_of_key
            if job.in_flight and job.work_id and self.keys_asked[job.work_id] == key
        }

    @rule(key=keys, urgent=st.booleans())
    def submit(self, key: str, urgent: bool) -> None:
        before = self.in_flight(key)
        new = taken(self.store, key, urgent=urgent)
        assert new.work_id
        assert new.created == (not before)
        assert new.created or new.work_id in before
        self.ids.append(new.job_id)
        self.works[new.job_id] = new.work_id
        self.keys_asked[new.work_id] = key

    @rule(owner=owners, data=st.data())
    def claim(self, owner: str, data: st.DataObject) -> None:
        if self.ids:
            work_id = self.works[data.draw(st.sampled_from(self.ids))]
            row = self.row(work_id)
            waits = row is not None and row.state == "queued"
            assert (self.leases.claim(work_id, owner) is not None) == waits

    @rule(owner=owners, how=st.sampled_from(["finish", "fail", "release"]), data=st.data())
    def speak(self, owner: str, how: str, data: st.DataObject) -> None:
        if not self.ids:
            return
        work_id = self.works[data.draw(st.sampled_from(self.ids))]
        row = self.row(work_id)
        entitled = row is not None and row.state == "running" and row.owner == owner
        if how == "finish":
            changed = self.leases.finish(work_id, owner, RESULT)
        elif how == "fail":
            changed = self.leases.fail(work_id, owner, ERROR)
        else:
            changed = self.leases.release(work_id, owner, counted=False)
        assert changed == entitled

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.ids:
            job_id = data.draw(st.sampled_from(self.ids))
            others = {i: found(self.store, i) for i in self.ids if i != job_id}
            in_flight = found(self.store, job_id).in_flight
            assert self.store.cancel(job_id) == in_flight
            assert others == {i: found(self.store, i) for i in others}

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.ids:
            job_id = data.draw(st.sampled_from(self.ids))
            others = {i: found(self.store, i) for i in self.ids if i != job_id}
            if self.store.remove(job_id):
                self.ids.remove(job_id)
                self.ended.pop(job_id)
            assert others == {i: found(self.store, i) for i in others}

    @rule(data=st.data())
    def worker_dies(self, data: st.DataObject) -> None:
        if self.ids:
            silence(self.engine, self.works[data.draw(st.sampled_from(self.ids))])
            for work_id, _ in self.leases.expire():
                assert self.row(work_id).state == "queued"

    @invariant()
    def one_work_a_question(self) -> None:
        query = select(works.c.key, func.count()).where(IN_FLIGHT).group_by(works.c.key)
        with self.engine.begin() as connection:
            assert all(count == 1 for _, count in connection.execute(query))

    @invariant()
    def every_work_is_wanted(self) -> None:
        with self.engine.begin() as connection:
            there = set(connection.scalars(select(works.c.id)))
            wanted = set(connection.scalars(select(jobs.c.work_id).distinct())) - {None}
            rows = list(connection.execute(select(works)))
        assert there == wanted
        for row in rows:
            assert row.attempts <= MAX_ATTEMPTS
            if row.state not in STATES_IN_FLIGHT:
                assert (row.owner, row.source, row.key, row.params) == (None, "", "", {})

    @invariant()
    def what_has_ended_stays_as_it_is(self) -> None:
        for job_id in self.ids:
            job = found(self.store, job_id)
            if not job.in_flight:
                assert job.finished_at is not None
                assert self.ended.setdefault(job_id, job) == job


TestLife = Life.TestCase
TestLife.settings = hypothesis_settings(max_examples=25, stateful_step_count=30, deadline=None)

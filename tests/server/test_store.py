"""The jobs table on a real SQLite file: one job a question, one owner a job, one end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Engine, event, func, select, update

from server.errors import IdempotencyConflict, QueueFull
from server.jobs.leases import MAX_ATTEMPTS, Leases
from server.jobs.messages import Picture
from server.jobs.store import Job, NewJob, Store
from server.jobs.tables import IN_FLIGHT, jobs, open_engine, pictures

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


def submitted(store: Store, key: str = "k", limit: int = 100, *, urgent: bool = True) -> str:
    return store.submit(question(key, urgent=urgent), limit)[0]


def found(store: Store, job_id: str) -> Job:
    job = store.get(job_id)
    assert job is not None
    return job


def silence(engine: Engine, job_id: str) -> None:
    """What happens to the lease of a worker that says nothing for long enough."""
    with engine.begin() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(lease_until=1.0))


def test_a_job_from_question_to_answer(store: Store, leases: Leases) -> None:
    job_id = submitted(store)
    assert found(store, job_id).state == "queued"
    job = leases.claim(job_id, "me")
    assert job is not None
    assert (job.state, job.attempts, job.source) == ("running", 1, "http://site.test/k")
    assert leases.renew(job_id, "me", stage="faces", progress=0.5, partial={"faces": []})
    assert found(store, job_id).partial == {"faces": []}
    assert leases.finish(job_id, "me", RESULT)
    job = found(store, job_id)
    assert (job.state, job.progress, job.result, job.partial) == ("done", 1.0, RESULT, None)
    assert job.created_at <= (job.started_at or 0) <= (job.finished_at or 0)


def test_only_one_claims_and_only_the_owner_speaks(store: Store, leases: Leases) -> None:
    job_id = submitted(store)
    assert leases.claim(job_id, "me")
    assert leases.claim(job_id, "you") is None
    assert not leases.owns(job_id, "you")
    assert not leases.renew(job_id, "you")
    assert not leases.finish(job_id, "you", RESULT)
    assert not leases.fail(job_id, "you", ERROR)
    assert not leases.release(job_id, "you", counted=True)
    assert found(store, job_id).state == "running"


def test_ending_twice_changes_nothing(store: Store, leases: Leases) -> None:
    job_id = submitted(store)
    leases.claim(job_id, "me")
    assert leases.finish(job_id, "me", RESULT)
    assert not leases.finish(job_id, "me", {"label": "real"})
    assert not leases.fail(job_id, "me", ERROR)
    assert not store.cancel(job_id)
    assert found(store, job_id).result == RESULT


def test_a_worker_that_was_silent_finds_its_job_taken(
    engine: Engine, store: Store, leases: Leases
) -> None:
    job_id = submitted(store)
    leases.claim(job_id, "slow")
    assert leases.expire() == []
    silence(engine, job_id)
    assert leases.expire() == [(job_id, True)]
    assert leases.claim(job_id, "quick")
    assert not leases.finish(job_id, "slow", {"label": "real"})
    assert leases.finish(job_id, "quick", RESULT)
    assert found(store, job_id).result == RESULT


def test_lost_too_often_is_a_failure_that_says_so(
    engine: Engine, store: Store, leases: Leases
) -> None:
    job_id = submitted(store)
    for attempt in range(MAX_ATTEMPTS):
        assert leases.claim(job_id, f"worker {attempt}")
        silence(engine, job_id)
        again = leases.expire()
        assert again == ([(job_id, True)] if attempt < MAX_ATTEMPTS - 1 else [])
    job = found(store, job_id)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == "worker-lost"


def test_handing_back_is_not_an_attempt(store: Store, leases: Leases) -> None:
    job_id = submitted(store)
    leases.claim(job_id, "me")
    leases.release(job_id, "me", counted=False)
    assert found(store, job_id).attempts == 0
    leases.claim(job_id, "you")
    leases.release(job_id, "you", counted=True)
    assert found(store, job_id).attempts == 1


def test_cancelling_takes_the_job_from_its_owner(store: Store, leases: Leases) -> None:
    job_id = submitted(store)
    leases.claim(job_id, "me")
    assert not store.remove(job_id)
    assert store.cancel(job_id)
    assert not leases.owns(job_id, "me")
    assert not leases.finish(job_id, "me", RESULT)
    assert found(store, job_id).state == "cancelled"
    assert submitted(store) != job_id  # the same question may be asked anew
    assert store.remove(job_id)
    assert store.get(job_id) is None


def test_a_full_queue_still_lets_people_join(store: Store) -> None:
    first = submitted(store, "a", limit=2)
    submitted(store, "b", limit=2)
    with pytest.raises(QueueFull):
        submitted(store, "c", limit=2)
    assert submitted(store, "a", limit=2) == first


def test_urgent_jobs_come_first(store: Store, leases: Leases) -> None:
    bulk = submitted(store, "bulk", urgent=False)
    first, second = submitted(store, "first"), submitted(store, "second")
    assert store.position(found(store, first)) == 0
    assert store.position(found(store, second)) == 1
    assert store.position(found(store, bulk)) == 2
    assert leases.overdue(0.0, 2) == [(first, True), (second, True)]
    assert leases.overdue(60.0, 2) == []


def test_old_results_are_forgotten_and_waiting_jobs_are_not(store: Store, leases: Leases) -> None:
    done, waiting = submitted(store, "done"), submitted(store, "waiting")
    leases.claim(done, "me")
    leases.finish(done, "me", RESULT)
    assert store.forget(before=time.time() - 60) == 0
    assert store.forget(before=time.time() + 60) == 1
    assert store.get(done) is None
    assert store.get(waiting) is not None


def test_a_finished_check_answers_the_same_question_for_a_while(
    store: Store, leases: Leases
) -> None:
    first = submitted(store)
    leases.claim(first, "me")
    leases.finish(first, "me", RESULT)
    assert store.submit(question(), 100, cache_s=60) == (first, False)
    fresh, created = store.submit(question(), 100)
    assert created
    leases.claim(fresh, "me")
    leases.fail(fresh, "me", ERROR)
    assert store.submit(question(), 100, cache_s=60) == (first, False)  # a failure answers nothing
    time.sleep(0.02)
    assert store.submit(question(), 100, cache_s=0.01)[1]


def test_the_same_media_by_another_address_is_answered_with_its_pictures(
    store: Store, leases: Leases
) -> None:
    first, second = submitted(store, "a"), submitted(store, "b")
    leases.claim(first, "me")
    assert leases.same_media(first, "me", "media", 0) is None
    leases.finish(first, "me", RESULT, [FACE])
    leases.claim(second, "you")
    assert leases.same_media(second, "you", "media", time.time() + 60) is None  # all are too old
    twin = leases.same_media(second, "you", "media", 0)
    assert twin == first
    assert leases.finish_as(second, "you", twin)
    assert not leases.finish_as(second, "you", twin)
    assert found(store, second).result == RESULT
    assert store.picture(second, 1, 0, "face") == FACE.jpeg
    third = submitted(store, "c")
    leases.claim(third, "me")
    assert store.remove(first)
    assert not leases.finish_as(third, "me", twin)
    assert found(store, third).state == "running"


def test_pictures_are_deleted_with_their_job(engine: Engine, store: Store, leases: Leases) -> None:
    ids = [submitted(store, key) for key in ("removed", "forgotten")]
    for job_id in ids:
        leases.claim(job_id, "me")
        assert not leases.finish(job_id, "you", RESULT, [FACE])
        assert store.picture(job_id, 1, 0, "face") is None
        leases.finish(job_id, "me", RESULT, [FACE])
        assert store.picture(job_id, 1, 0, "face") == FACE.jpeg
        assert store.picture(job_id, 1, 0, "evidence") is None
    store.remove(ids[0])
    assert store.picture(ids[0], 1, 0, "face") is None
    store.forget(before=time.time() + 60)
    with engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(pictures)) == 0


def test_an_idempotency_key_gives_the_same_job_until_that_is_deleted(
    store: Store, leases: Leases
) -> None:
    asked = replace(question(), idempotency_key="once", asked="this")
    job_id, created = store.submit(asked, 100)
    assert created
    leases.claim(job_id, "me")
    leases.finish(job_id, "me", RESULT)
    assert store.submit(asked, 100) == (job_id, False)
    with pytest.raises(IdempotencyConflict):
        store.submit(replace(asked, key="other", asked="that"), 100)
    twin = submitted(store, "other")
    joined = replace(question("other"), idempotency_key="second", asked="other")
    assert store.submit(joined, 100) == (twin, False)
    store.cancel(twin)
    assert store.submit(joined, 100) == (twin, False)
    store.remove(job_id)
    assert store.submit(asked, 100)[1]


def test_twenty_threads_with_one_idempotency_key(store: Store) -> None:
    """Their jobs differ, as if each had ended before the next came: only the key joins them."""
    asked = [replace(question(str(n)), idempotency_key="once", asked="this") for n in range(20)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda new: store.submit(new, 100), asked))
    assert len({job_id for job_id, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert store.counts()["queued"] == 1


def test_a_refused_request_leaves_its_idempotency_key_free(store: Store) -> None:
    asked = replace(question("b"), idempotency_key="once", asked="b")
    submitted(store, "a", limit=1)
    with pytest.raises(QueueFull):
        store.submit(asked, 1)
    assert store.submit(asked, 2)[1]


def test_the_newest_jobs_come_first(store: Store) -> None:
    ids = [submitted(store, str(number)) for number in range(4)]
    store.cancel(ids[1])
    newest = store.recent(2)
    assert [job.id for job in newest] == [ids[3], ids[2]]
    assert [job.id for job in store.recent(9, before=newest[-1].created_at)] == [ids[1], ids[0]]
    assert [job.id for job in store.recent(9, state="cancelled")] == [ids[1]]


def test_a_person_who_wants_what_waits_in_bulk_hurries_it(store: Store, leases: Leases) -> None:
    job_id = submitted(store, urgent=False)
    assert store.hurry(job_id)
    assert not store.hurry(job_id)
    assert found(store, job_id).urgent
    running = submitted(store, "other", urgent=False)
    leases.claim(running, "me")
    assert not store.hurry(running)


def test_workers_are_counted_while_they_are_heard(store: Store, leases: Leases) -> None:
    assert store.live_slots() == 0
    leases.worker_seen("a", 2)
    leases.worker_seen("b", 1)
    leases.worker_seen("a", 3)
    assert store.live_slots() == 4
    leases.worker_gone("a")
    assert store.live_slots() == 1


def test_readers_do_not_wait_for_a_writer(engine: Engine, store: Store) -> None:
    job_id = submitted(store)
    with engine.begin() as writer:
        writer.execute(update(jobs).values(progress=0.5))
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
from server.jobs.store import NewJob, Store
from server.jobs.tables import open_engine
engine = open_engine(sys.argv[1])
for number in range(10):
    print(Store(engine).submit(NewJob("url", "u", f"k{number}", {}), 100)[0])
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
        ids = set(pool.map(lambda _: submitted(store), range(50)))
    assert len(ids) == 1


class Life(RuleBasedStateMachine):
    """Anything may happen to jobs in any order; what must hold, holds."""

    keys = st.sampled_from(["a", "b"])
    owners = st.sampled_from(["x", "y", "z"])

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_engine("sqlite:///file::memory:?uri=true")
        self.store, self.leases = Store(self.engine), Leases(self.engine)
        self.ids: list[str] = []  # in the order in which they came
        self.ended: dict[str, Job] = {}

    def teardown(self) -> None:
        self.engine.dispose()

    @rule(key=keys, urgent=st.booleans())
    def submit(self, key: str, urgent: bool) -> None:
        before = {i for i in self.ids if found(self.store, i).in_flight and self._key(i) == key}
        job_id, created = self.store.submit(question(key, urgent=urgent), 100)
        assert created == (not before)
        assert created or job_id in before
        if created:
            self.ids.append(job_id)

    def _key(self, job_id: str) -> str:
        return found(self.store, job_id).key

    @rule(owner=owners, data=st.data())
    def claim(self, owner: str, data: st.DataObject) -> None:
        if self.ids:
            job_id = data.draw(st.sampled_from(self.ids))
            waits = found(self.store, job_id).state == "queued"
            assert (self.leases.claim(job_id, owner) is not None) == waits

    @rule(owner=owners, how=st.sampled_from(["finish", "fail", "release"]), data=st.data())
    def speak(self, owner: str, how: str, data: st.DataObject) -> None:
        if not self.ids:
            return
        job_id = data.draw(st.sampled_from(self.ids))
        job = found(self.store, job_id)
        entitled = job.state == "running" and job.owner == owner
        if how == "finish":
            changed = self.leases.finish(job_id, owner, RESULT)
        elif how == "fail":
            changed = self.leases.fail(job_id, owner, ERROR)
        else:
            changed = self.leases.release(job_id, owner, counted=False)
        assert changed == entitled

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.ids:
            job_id = data.draw(st.sampled_from(self.ids))
            in_flight = found(self.store, job_id).in_flight
            assert self.store.cancel(job_id) == in_flight

    @rule(data=st.data())
    def worker_dies(self, data: st.DataObject) -> None:
        if self.ids:
            silence(self.engine, data.draw(st.sampled_from(self.ids)))
            for job_id, _ in self.leases.expire():
                assert found(self.store, job_id).state == "queued"

    @invariant()
    def one_job_a_question(self) -> None:
        query = select(jobs.c.key, func.count()).where(IN_FLIGHT).group_by(jobs.c.key)
        with self.engine.begin() as connection:
            assert all(count == 1 for _, count in connection.execute(query))

    @invariant()
    def what_has_ended_stays_as_it_is(self) -> None:
        for job_id in self.ids:
            job = found(self.store, job_id)
            assert job.attempts <= MAX_ATTEMPTS
            if not job.in_flight:
                assert job.owner is None
                assert job.finished_at is not None
                before = self.ended.setdefault(job_id, job)
                assert (before.state, before.result) == (job.state, job.result)


TestLife = Life.TestCase
TestLife.settings = hypothesis_settings(max_examples=25, stateful_step_count=30, deadline=None)

"""What is asked twice is worked on once: in flight, from the cache, or by an idempotency key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.config import Settings
from server.errors import IdempotencyConflict
from server.jobs.checks import CheckRequest, Checks
from server.jobs.leases import Leases
from server.jobs.queue import BULK, URGENT, Queue, make_celery
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from tests.server.service import work_of

URL = "https://site.test/video.mp4"
RESULT = {"label": "fake"}


class Desk:
    """Where people ask; `done` does what a worker would."""

    def __init__(self, data_dir: Path, **settings: float) -> None:
        self.settings = Settings(data_dir=data_dir, **settings)  # type: ignore[arg-type]
        self.engine = open_engine(database_url(self.settings))
        self.store = Store(self.engine)
        self.checks = Checks(self.settings, self.store, Queue(make_celery(self.settings)))

    def done(self, job_id: str) -> str:
        """The job's work, which has ended."""
        leases, work_id = Leases(self.engine), self.work(job_id)
        assert leases.claim(work_id, "me")
        assert leases.finish(work_id, "me", RESULT)
        return work_id

    def work(self, job_id: str) -> str:
        return str(work_of(self.engine, job_id).id)

    def sent(self, route: str) -> int:
        return len(list((self.settings.data_dir / "spool").glob(f"*.{route}.msg")))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.engine.dispose()


def test_one_address_in_flight_is_one_work_sent_once(desk: Desk) -> None:
    ids = {desk.checks.url(text) for text in (URL, f" {URL}?utm_source=mail", URL)}
    assert len(ids) == 3
    assert len({desk.work(job_id) for job_id in ids}) == 1
    assert desk.sent(URGENT) == 1


def test_a_finished_check_answers_unless_a_fresh_one_is_wanted(desk: Desk) -> None:
    first = desk.done(desk.checks.url(URL))
    assert desk.work(desk.checks.url(URL)) == first
    assert desk.work(desk.checks.url(URL, CheckRequest({"samples_per_s": 1.0}))) != first
    assert desk.work(desk.checks.url(URL, CheckRequest(fresh=True))) != first


def test_without_a_cache_every_check_is_a_new_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, cache_hours=0.0)
    first = desk.done(desk.checks.url(URL))
    assert desk.work(desk.checks.url(URL)) != first
    desk.engine.dispose()


def test_a_file_that_needs_no_check_is_not_kept(desk: Desk, tmp_path: Path) -> None:
    uploads = [tmp_path / "uploads" / name for name in ("first", "second", "third")]
    for path in uploads:
        path.write_bytes(b"the same")
    first = desk.checks.file(uploads[0], "5e", "a.mp4")
    joined = desk.checks.file(uploads[1], "5e", "b.mp4")
    assert desk.work(joined) == desk.work(first)
    assert uploads[0].exists()
    assert not uploads[1].exists()
    work_id = desk.done(first)
    assert desk.work(desk.checks.file(uploads[2], "5e", "c.mp4")) == work_id
    assert not uploads[2].exists()


def test_what_waits_in_bulk_hurries_once_a_person_asks(desk: Desk) -> None:
    job_id = desk.checks.url(URL, CheckRequest(urgent=False))
    assert (desk.sent(BULK), desk.sent(URGENT)) == (1, 0)
    urgent = [desk.checks.url(URL), desk.checks.url(URL)]
    assert {desk.work(each) for each in urgent} == {desk.work(job_id)}
    assert (desk.sent(BULK), desk.sent(URGENT)) == (1, 1)


def test_an_idempotency_key_belongs_to_one_request(desk: Desk) -> None:
    ask = CheckRequest(fresh=True, idempotency_key="once")
    job_id = desk.checks.url(URL, ask)
    desk.done(job_id)
    assert desk.checks.url(URL, ask) == job_id
    with pytest.raises(IdempotencyConflict):
        desk.checks.url(f"{URL}?t=1", ask)

"""A first verdict is told at once on each step of its way: by the child, and by its worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.analysis.records import Progress
from server.config import Settings
from server.jobs.lease_keeper import LeaseKeeper
from server.jobs.leases import Leases
from server.jobs.records import NewJob
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from server.processes.check_main import Reporter
from server.processes.messages import Progress as Told
from tests.server.verdicts import verdict


def test_a_child_tells_a_new_verdict_at_once_and_only_once() -> None:
    said: list[dict[str, Any]] = []
    reporter = Reporter("work", lambda **message: said.append(message["progress"]))
    so_far = verdict("inconclusive")
    reporter.opened()
    for partial in (None, so_far, so_far):
        reporter.analyzed(Progress("faces", 0.1, partial))
    assert [each.get("partial") for each in said] == [None, so_far]


def test_a_worker_writes_a_new_verdict_at_once(tmp_path: Path) -> None:
    engine = open_engine(database_url(Settings(data_dir=tmp_path)))
    store, leases = Store(engine), Leases(engine)
    taken = store.submit(NewJob("url", "https://example.org/", "key", {}, urgent=True), 9)
    assert taken.work_id
    work = leases.claim(taken.work_id, "me")
    assert work
    keeper = LeaseKeeper(leases, work, "me")
    keeper.progress(Told("faces", 0.1))
    keeper.keep()
    keeper.progress(Told("faces", 0.2))
    keeper.keep()
    before = store.get(taken.job_id)
    keeper.progress(Told("faces", 0.3, verdict("inconclusive")))
    keeper.progress(Told("faces", 0.4))
    keeper.keep()
    after = store.get(taken.job_id)
    assert before
    assert after
    assert (before.progress, before.partial) == (0.1, None)
    assert (after.progress, after.partial) == (0.4, verdict("inconclusive"))
    engine.dispose()

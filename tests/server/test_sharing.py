"""Everyone who asks has a job of their own; of another's they learn nothing, whatever is shared."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from werkzeug.test import TestResponse

from server.api.service import of
from server.app import create_app
from server.config import Settings
from server.jobs import tables
from server.jobs.checks import check_key
from server.jobs.leases import Leases
from server.jobs.records import NewJob
from server.jobs.store import Store
from server.jobs.tables import jobs, works
from server.processes.messages import Picture
from tests import media
from tests.backends import Backend
from tests.server.service import Site, gone, mentioning, running, scripted, until, work_of
from tests.server.test_jobs import noted

VERDICT = json.loads((Path(__file__).parents[1] / "contract" / "verdict-2.json").read_text())
VERDICT["timing_s"] = {"fetch": 7.5, "total": 1.0}
FACE = Picture(1, 0, "face", b"\xff\xd8 a face")
CONTENT = b"the bytes of a film"
ADDRESS = "http://first.test/what-the-first-asked-for.mp4"
FIRST, SECOND = "192.0.2.1", "192.0.2.2"


class Desk:
    """The app in this process, asked by clients at several addresses; and the hands of a worker."""

    def __init__(self, settings: Settings) -> None:
        app = create_app(settings)
        self.client: FlaskClient = app.test_client()
        self.settings = settings
        self.store: Store = of(app).store
        self.engine = self.store._writer
        self.leases = Leases(self.engine)

    def post(self, path: str, who: str = FIRST, key: str = "", **body: Any) -> TestResponse:
        headers = {"Idempotency-Key": key} if key else {}
        environ = {"REMOTE_ADDR": who}
        return self.client.post(path, environ_base=environ, headers=headers, **body)

    def address(self, url: str = ADDRESS, who: str = FIRST, **options: Any) -> dict[str, Any]:
        return taken(self.post("/check-url?wait=0", who, json={"url": url}, **options))

    def upload(self, name: str, who: str = FIRST, **options: Any) -> dict[str, Any]:
        data = {"file": (BytesIO(CONTENT), name)}
        return taken(self.post("/check-file?wait=0", who, data=data, **options))

    def work(self, job: dict[str, Any]) -> str:
        return str(work_of(self.engine, job["id"]).id)

    def finish(self, job: dict[str, Any], owner: str = "me") -> None:
        """What a worker does; the media is CONTENT, wherever it came from."""
        work = self.leases.claim(self.work(job), owner)
        assert work is not None
        content = check_key("content", hashlib.sha256(CONTENT).hexdigest(), work.params["options"])
        if twin := self.leases.same_media(work.id, owner, content, since=0.0):
            assert self.leases.finish_as(work.id, owner, twin)
        else:
            result = VERDICT if work.kind == "url" else {**VERDICT, "timing_s": {"total": 1.0}}
            assert self.leases.finish(work.id, owner, result, [FACE])

    def told(self, job: dict[str, Any]) -> str:
        """All that the service shows of a job that is done."""
        path = job["links"]["self"]
        parts = ("", "/events", "/report", "/report?format=json", "/report?format=csv")
        answers = [self.client.get(path + part) for part in parts]
        assert [answer.status_code for answer in answers] == [200] * len(parts)
        return "\n".join(answer.text + str(answer.headers) for answer in answers)

    def seen(self, job: dict[str, Any]) -> dict[str, Any]:
        return dict(self.client.get(job["links"]["self"]).get_json())

    def delete(self, job: dict[str, Any]) -> int:
        return self.client.delete(job["links"]["self"]).status_code

    def uploads(self) -> int:
        """How many files wait for their check, on the disk or in the database."""
        on_disk = len(list((self.settings.data_dir / "uploads").iterdir()))
        with self.engine.connect() as connection:
            return on_disk + (
                connection.scalar(select(func.count()).select_from(tables.parcels)) or 0
            )


def taken(answer: TestResponse) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    return dict(answer.get_json())


@pytest.fixture
def desk(backend: Backend, tmp_path: Path) -> Iterator[Desk]:
    home = {"database_url": backend.database_url, "broker_url": backend.broker_url}
    desk = Desk(Settings(data_dir=tmp_path / "var", rate_limit="", **home))
    yield desk
    desk.engine.dispose()


# What one learns of another -----------------------------------------------------------------------


def test_an_upload_that_an_address_answers_is_told_nothing_of_it(desk: Desk) -> None:
    first = desk.address()
    desk.finish(first)
    second = desk.upload("mine.mp4", SECOND)
    assert second["id"] != first["id"]
    assert desk.work(second) == desk.work(first), "the work is shared"
    seen = desk.seen(second)
    assert (seen["state"], seen["kind"]) == ("done", "file")
    assert (seen["source"], seen["title"]) == (None, "mine.mp4")
    assert seen["created_at"] <= seen["started_at"] <= seen["finished_at"]
    assert seen["result"] == {**VERDICT, "timing_s": {"total": 1.0}}, "there was no download"
    told = desk.told(second)
    assert "first" not in told
    assert "<dt>Address" not in told
    assert "mine.mp4" in desk.client.get(second["links"]["report"]).text
    assert desk.seen(first)["source"] == ADDRESS
    assert desk.seen(first)["title"] is None
    assert "mine.mp4" not in desk.told(first)


def test_an_address_that_an_upload_answers_is_told_nothing_of_it(desk: Desk) -> None:
    first = desk.upload("what-the-first-sent.mp4")
    desk.finish(first)
    second = desk.address("http://second.test/", SECOND)
    desk.finish(second, "you")
    seen = desk.seen(second)
    assert (seen["state"], seen["source"], seen["title"]) == ("done", "http://second.test/", None)
    assert seen["result"] == desk.seen(first)["result"]
    assert "what-the-first-sent" not in desk.told(second)
    assert desk.client.get(f"{second['links']['self']}/faces/1.jpg").data == FACE.jpeg


def test_whether_another_had_a_file_or_an_address_makes_no_difference(desk: Desk) -> None:
    """Of the same media: the first by address, the others cannot tell."""
    desk.finish(desk.address())
    second, third = desk.address("http://second.test/", SECOND), desk.upload("third.mp4", SECOND)
    desk.finish(second, "you")
    results = [desk.seen(job)["result"] for job in (second, third)]
    assert results == [{**VERDICT, "timing_s": {"total": 1.0}}] * 2


def test_each_upload_keeps_its_own_name(desk: Desk) -> None:
    askers = [desk.upload(f"{number}.mp4", f"192.0.2.{number}") for number in range(3)]
    assert len({desk.work(job) for job in askers}) == 1
    assert desk.uploads() == 1
    desk.finish(askers[0])
    for number, job in enumerate(askers):
        assert desk.seen(job)["title"] == f"{number}.mp4"
        assert f"{number}.mp4" in desk.client.get(job["links"]["report"]).text
        told = desk.told(job)
        assert not [n for n in range(3) if n != number and f"{n}.mp4" in told]


def test_once_its_asker_has_deleted_it_an_address_answers_nobody(desk: Desk) -> None:
    first = desk.address()
    desk.finish(first)
    second = desk.upload("mine.mp4", SECOND)
    assert desk.delete(first) == 204
    assert desk.seen(second)["state"] == "done"
    assert "mine.mp4" in desk.told(second)
    with desk.engine.connect() as connection:
        for table in (jobs, works):
            assert "first.test" not in str(connection.execute(select(table)).all())
    again = desk.address(who=SECOND)
    assert again["state"] == "queued", "nobody is told that this was asked for"
    assert desk.delete(second) == 204
    with desk.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(works)) == 1, "its own alone"


# Calling one off leaves the others ----------------------------------------------------------------


def by_batch(desk: Desk, who: str, key: str) -> dict[str, Any]:
    answer = desk.post("/check-batch", who, key, json={"urls": [ADDRESS], "urgent": True})
    [entry] = taken(answer)["checks"]
    return dict(desk.client.get(entry["links"]["self"]).get_json())


def by_frames(desk: Desk, who: str, key: str) -> dict[str, Any]:
    rgb = next(iter(media.numbered(1, size=(192, 64))))
    folder = desk.settings.data_dir / "frames"
    folder.mkdir(exist_ok=True)
    jpeg = media.picture(folder / "0.jpg", rgb).read_bytes()
    data = {"frames": (BytesIO(jpeg), "0.jpg"), "times_s": "[0]"}
    return taken(desk.post("/check-frames?wait=0", who, key, data=data))


Way = Callable[[Desk, str, str], dict[str, Any]]
WAYS: dict[str, Way] = {
    "address": lambda desk, who, key: desk.address(who=who, key=key),
    "upload": lambda desk, who, key: desk.upload(f"{who}.mp4", who, key=key),
    "batch": by_batch,
    "frames": by_frames,
}


@pytest.mark.parametrize("key", ["", "the-same-key"])
@pytest.mark.parametrize("way", WAYS)
def test_calling_one_off_leaves_the_other_whatever_the_way_in(
    desk: Desk, way: str, key: str
) -> None:
    first, second = (WAYS[way](desk, who, key) for who in (FIRST, SECOND))
    assert first["id"] != second["id"]
    assert desk.work(first) == desk.work(second)
    assert desk.store.counts() == {"queued": 1, "running": 0}
    uploads = 1 if way in ("upload", "frames") else 0
    assert desk.uploads() == uploads
    pulse = desk.store.change_token(second["id"])
    assert desk.delete(first) == 200
    assert desk.store.change_token(second["id"]) == pulse, "the other is told nothing"
    assert desk.uploads() == uploads, "the other's check needs it"
    cancelled = desk.seen(first)
    assert (cancelled["state"], cancelled["result"]) == ("cancelled", None)
    assert desk.seen(second)["state"] == "queued"
    desk.finish(second)
    assert desk.seen(second)["label"] == "fake"
    assert desk.seen(first) == cancelled, "what became of it is no business of the first any more"
    for part in ("report", "faces/1.jpg"):
        assert desk.client.get(f"{first['links']['self']}/{part}").status_code == 404
    assert desk.delete(first) == 204
    assert desk.seen(second)["label"] == "fake"


@pytest.mark.parametrize("way", WAYS)
def test_the_last_who_calls_it_off_ends_the_work(desk: Desk, way: str) -> None:
    askers = [WAYS[way](desk, who, "") for who in (FIRST, SECOND)]
    work_id = desk.work(askers[0])
    assert desk.leases.claim(work_id, "me")
    assert desk.delete(askers[0]) == 200
    assert desk.leases.owns(work_id, "me")
    assert desk.delete(askers[1]) == 200
    assert not desk.leases.owns(work_id, "me")
    assert desk.uploads() == 0
    assert [desk.seen(job)["state"] for job in askers] == ["cancelled"] * 2
    assert desk.store.sums()["jobs", "cancelled"] == 1


def test_deleting_one_result_leaves_the_other(desk: Desk) -> None:
    first, second = desk.address(), desk.address(who=SECOND)
    desk.finish(first)
    assert desk.delete(first) == 204
    assert desk.client.get(first["links"]["self"]).status_code == 404
    assert desk.seen(second)["result"] == VERDICT
    assert desk.client.get(f"{second['links']['self']}/faces/1.jpg").data == FACE.jpeg


# Keys ---------------------------------------------------------------------------------------------


@pytest.mark.attack
def test_an_idempotency_key_belongs_to_the_client_that_sent_it(desk: Desk) -> None:
    first = desk.address(key="1")
    assert desk.address(key="1")["id"] == first["id"]
    assert desk.address(who=SECOND, key="1")["id"] != first["id"]
    assert desk.address("http://other.test/", "192.0.2.3", key="1"), "no conflict with others"
    assert desk.post("/check-url", key="1", json={"url": "http://else.test/"}).status_code == 422


@pytest.mark.attack
def test_an_idempotency_key_belongs_to_the_address_it_was_sent_to(desk: Desk) -> None:
    ids = {way: WAYS[way](desk, FIRST, "1")["id"] for way in WAYS}
    assert len(set(ids.values())) == len(WAYS)
    assert {way: WAYS[way](desk, FIRST, "1")["id"] for way in WAYS} == ids


@pytest.mark.attack
def test_no_idempotency_key_and_no_clients_address_is_stored(desk: Desk) -> None:
    desk.address(key="a-key-of-mine")
    with desk.engine.connect() as connection:
        [row] = connection.execute(select(tables.requests)).all()
    assert "a-key-of-mine" not in str(row)
    assert FIRST not in str(row)


# At the same time ---------------------------------------------------------------------------------


def question(store: Store, cache_s: float = 0.0) -> tuple[str, str]:
    new = store.submit(NewJob("url", ADDRESS, "k", {"options": {}}), 1000, cache_s)
    assert new.work_id
    return new.job_id, new.work_id


class Slow(Store):
    """Takes its time between finding work to share and the job that shares it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.found = threading.Event()

    def _found_or_added(self, *arguments: Any) -> tuple[str, bool]:
        found = super()._found_or_added(*arguments)
        self.found.set()
        time.sleep(0.5)
        return found


LEAVE: dict[str, Callable[[Store, str], Any]] = {
    "cancel": lambda store, job_id: store.cancel(job_id),
    "remove": lambda store, job_id: store.remove(job_id),
    "forget": lambda store, _: store.forget(before=time.time()),
}


@pytest.mark.parametrize("how", LEAVE)
def test_the_last_leaves_while_another_comes(desk: Desk, how: str) -> None:
    first, work_id = question(desk.store)
    if how != "cancel":  # the others are for what has ended
        assert desk.leases.claim(work_id, "me")
        assert desk.leases.finish(work_id, "me", VERDICT)
    slow = Slow(desk.engine)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(question, slow, 3600)
        assert slow.found.wait(20)
        assert LEAVE[how](desk.store, first)
        second, _ = coming.result(20)
    job = desk.store.get(second)
    assert job is not None
    assert (job.state, job.work_id) == ("queued" if how == "cancel" else "done", work_id)


def test_those_who_come_never_share_the_fate_of_those_who_leave(desk: Desk) -> None:
    def ask(number: int) -> str | None:
        job_id, _ = question(desk.store)
        if random.Random(number).random() < 0.6:
            assert desk.store.cancel(job_id)
            return None
        return job_id

    with ThreadPoolExecutor(8) as pool:
        stayed = [job_id for job_id in pool.map(ask, range(60)) if job_id]
    found = [desk.store.get(job_id) for job_id in stayed]
    assert {job and job.state for job in found} == {"queued"}
    assert len({job and job.work_id for job in found}) == 1
    assert desk.store.counts()["queued"] == 1
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(desk.store.cancel, stayed))
    assert desk.store.counts()["queued"] == 0
    with desk.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(works)) == 0


def test_a_result_stays_for_whoever_was_given_it(desk: Desk) -> None:
    """While others delete theirs, and the sweep forgets the first, which is old."""
    _, work_id = question(desk.store)
    assert desk.leases.claim(work_id, "me")
    assert desk.leases.finish(work_id, "me", VERDICT)
    time.sleep(0.01)
    old = time.time()

    def ask(number: int) -> str | None:
        job_id, own_work = question(desk.store, cache_s=3600)
        if desk.leases.claim(own_work, f"{number}"):
            assert desk.leases.finish(own_work, f"{number}", VERDICT)
        chance = random.Random(number).random()
        if chance < 0.3:
            desk.store.forget(before=old)
        if chance < 0.7:
            until(lambda: desk.store.remove(job_id))
            return None
        return job_id

    with ThreadPoolExecutor(8) as pool:
        stayed = [job_id for job_id in pool.map(ask, range(60)) if job_id]
    until(lambda: desk.store.counts() == {"queued": 0, "running": 0})
    found = [desk.store.get(job_id) for job_id in stayed]
    assert [job and job.result for job in found] == [VERDICT] * len(stayed)


@pytest.mark.slow
def test_fifty_who_ask_at_once_are_fifty_jobs_and_one_check(
    backend: Backend, tmp_path: Path
) -> None:
    """Over HTTP, with a real worker: half of them leave while it runs."""
    home = {"database_url": backend.database_url, "broker_url": backend.broker_url}
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    url = scripted(f"note:{notes}", f"wait-for:{gate}", "result:fake")
    (tmp_path / "var").mkdir()
    with running(Site(tmp_path / "var", **home), "serve", "scripted") as site:
        with ThreadPoolExecutor(50) as pool:
            bodies = [{"url": url, "wait": 0}] * 50
            answers = list(pool.map(lambda body: site.post("/check-url", json=body), bodies))
        assert {answer.status_code for answer in answers} == {202}
        paths = [answer.headers["Location"] for answer in answers]
        assert len(set(paths)) == 50
        child = noted(notes)
        for path in paths[:25]:
            assert requests.delete(site.url(path), timeout=60).json()["state"] == "cancelled"
        assert not gone(child)
        gate.touch()
        until(lambda: site.get(paths[-1]).json()["state"] == "done")
        states = [site.get(path).json()["state"] for path in paths]
        assert states == ["cancelled"] * 25 + ["done"] * 25
        assert len(notes.read_text().splitlines()) == 1
        until(lambda: "mesoscope_jobs_total{code=\"\",outcome=\"done\"} 1.0"
              in site.get("/metrics").text)  # fmt: skip


@pytest.mark.slow
def test_the_last_who_leaves_ends_the_process(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with running(Site(tmp_path / "var"), "scripted") as site:
        ids = [site.submit(scripted(f"note:{notes}", "grandchild", "hang")) for _ in range(2)]
        work_id, child = site.work(ids[0]).id, noted(notes)
        assert site.store.cancel(ids[0])
        assert site.store.cancel(ids[1])
        until(lambda: gone(child) and not mentioning(work_id), 5)

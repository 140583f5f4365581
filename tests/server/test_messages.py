"""A child's lines are data: what it may say is taken, and nothing else, whoever speaks."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Table, select

from server.analysis.provenance.records import Provenance
from server.app import create_app
from server.errors import AppError, Gone, kinds
from server.jobs.checks import check_key
from server.jobs.leases import MAX_ATTEMPTS
from server.jobs.records import NewJob
from server.jobs.tables import jobs, works
from server.processes.fetch import SHARE, own_sha256
from server.processes.messages import (
    MAX_DETAIL,
    STAGES,
    Answer,
    Downloaded,
    Failed,
    Nonsense,
    Note,
    Progress,
    Proxy,
    Received,
    from_check,
    from_download,
    from_guard,
    from_reader,
    understood,
)
from tests.server.chaos import COLUMNS, NONSENSE, PICTURE, PROGRESS, line
from tests.server.jobs_child import SAY
from tests.server.service import Site, running, scripted, until
from tests.server.test_uploads import file, send
from tests.server.verdicts import verdict

pytestmark = pytest.mark.attack
SEEDS = int(os.environ.get("FUZZ_LINES", "20"))
TOGETHER = 20  # checks that wait at a time


@pytest.mark.parametrize("said", NONSENSE)
def test_nonsense_is_refused_whole(said: dict[str, Any]) -> None:
    with pytest.raises(Nonsense):
        understood(said)


def test_what_a_child_says_is_understood() -> None:
    part = verdict("inconclusive")
    assert understood({"progress": {**PROGRESS, "partial": part}}) == Progress("faces", 0.5, part)
    assert understood({"progress": {"stage": "scores", "progress": 0}}) == Progress("scores", 0.0)
    assert understood({"received": 1}) == Received(1.0)
    assert understood({"file": {"name": "a.mp4", "cut_short": True}}) == Downloaded("a.mp4", True)
    assert understood({"note": {"kind": "refused", "text": "no"}}) == Note("refused", "no")
    assert understood({"proxy": {"url": "http://a", "port": 9}}) == Proxy("http://a", 9)
    declared = verdict()["provenance"]
    provenance = understood({"provenance": declared})
    assert isinstance(provenance, Provenance)
    assert provenance.to_json() == declared
    answer = understood({"result": verdict(), "pictures": [PICTURE]})
    assert isinstance(answer, Answer)
    assert answer.result == verdict()
    assert [(each.face, each.kind) for each in answer.pictures] == [(1, "face")]


def test_what_is_no_part_of_it_is_dropped() -> None:
    columns = dict.fromkeys(COLUMNS, "/etc/passwd")
    assert understood({"progress": {**PROGRESS, **columns}}) == Progress("faces", 0.5)
    answer = understood({"result": verdict(**columns), **columns})
    assert isinstance(answer, Answer)
    assert answer.result == verdict()


def test_an_error_is_one_of_ours_with_a_sentence() -> None:
    said = {"code": "gone", "detail": "a\x1b]0;t\x07" + "b" * 9999, "status": 200, "title": "T"}
    refusal = understood({"error": said})
    assert isinstance(refusal, AppError)
    error = refusal.to_json()
    assert (error["title"], error["status"]) == (Gone.title, Gone.http_status)
    assert error["detail"].startswith("a ]0;t b")
    assert len(error["detail"]) == MAX_DETAIL
    unknown = understood({"error": {"code": "<script>", "detail": "x"}})
    assert isinstance(unknown, AppError)
    assert unknown.code == "internal"


def test_nonsense_is_the_last_word() -> None:
    messages = from_check([{"progress": PROGRESS}, {"progress": {}}, {"result": verdict()}])
    assert isinstance(next(messages), Progress)
    with pytest.raises(AppError):
        next(messages)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (from_check, {"file": {"name": "media.mp4", "cut_short": False}}),
        (from_check, {"proxy": {"url": "http://a", "port": 9}}),
        (from_check, {"provenance": {"state": "read", "declarations": []}}),
        (from_reader, {"result": verdict()}),
        (from_reader, {"progress": PROGRESS}),
        (from_download, {"result": verdict()}),
        (from_download, {"note": {"kind": "refused", "text": "x"}}),
        (from_guard, {"result": verdict()}),
        (from_guard, {"file": {"name": "media.mp4", "cut_short": False}}),
    ],
)
def test_no_child_says_what_is_another_ones(heard: Any, said: dict[str, Any]) -> None:
    understood(said)
    with pytest.raises(AppError):
        list(heard([said]))


@pytest.mark.parametrize("block", range(10))
def test_lines_made_by_chance(block: int) -> None:
    """1,000 seeds: each is nonsense, or within the bounds of what a child may say."""
    for seed in range(100 * block, 100 * (block + 1)):
        try:
            message = understood(line(seed))
        except Nonsense:
            continue
        if isinstance(message, Progress):
            assert message.stage in STAGES
            assert math.isfinite(message.progress)
            assert 0 <= message.progress <= 1
        elif isinstance(message, Answer):
            json.dumps(message.result, allow_nan=False).encode()
            assert set(message.result) == set(verdict())
        elif isinstance(message, Received):
            assert 0 <= message.fraction <= 1
        elif isinstance(message, Downloaded):
            assert "/" not in message.name
        elif isinstance(message, Failed | Note | Proxy | Provenance):
            repr(message).encode()
        elif isinstance(message, AppError):
            assert message.code in kinds()


# The hash of a download -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "scratch" / "fetch"
    inner.mkdir(parents=True)
    (inner / "media.mp4").write_text("abc")
    (tmp_path / "scratch" / "secret").write_text("abc")
    return inner


def test_the_hash_of_a_download(folder: Path) -> None:
    assert own_sha256(folder, "media.mp4") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("name", ["none", "link", "pipe", "inner", "empty"])
def test_no_other_file_is_hashed(folder: Path, name: str) -> None:
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "inner").mkdir()
    (folder / "empty").touch()
    os.mkfifo(folder / "pipe")
    assert own_sha256(folder, name) is None


def test_no_file_of_a_folder_elsewhere_is_hashed(folder: Path) -> None:
    (folder.parent / "linked").symlink_to(folder)
    assert own_sha256(folder.parent / "linked", "media.mp4") is None


# A worker with a hostile child ------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(Site(tmp_path_factory.mktemp("site") / "var"), "scripted") as site:
        yield site


def says(*lines: dict[str, Any]) -> list[str]:
    """The steps by which a scripted child writes these lines."""
    return [quote(f"say:{json.dumps(said)}", safe="") for said in lines]


def row(site: Site, job_id: str, table: Table = works) -> dict[str, Any]:
    """The job's, or that of the work that it shares."""
    query = select(table).select_from(jobs.join(works)).where(jobs.c.id == job_id)
    with site.engine.connect() as connection:
        return dict(connection.execute(query).one()._mapping)


TARGET = "https://news.example/interview"


@pytest.mark.parametrize(
    "told",
    [
        {"source": "{canary}"},
        {"key": check_key("url", TARGET, {})},
        {"attempts": 0},
        {"kind": "file", "source": "{canary}", "params": {"options": {}}},
        {"id": "0" * 32, "owner": "x", "state": "done", "lease_until": 9e9},
        {"content": "0" * 64},
    ],
)
def test_no_line_writes_what_was_asked(site: Site, tmp_path: Path, told: dict[str, Any]) -> None:
    canary = tmp_path / "precious.txt"
    canary.write_text("the user's file")
    gate = tmp_path / "gate"
    told = json.loads(json.dumps(told).replace("{canary}", str(canary)))
    steps = [*says({"progress": {**PROGRESS, **told}}), f"wait-for:{gate}", "crash"]
    job_id = site.submit(scripted(*steps, name=tmp_path.name))
    asked = {name: row(site, job_id)[name] for name in ("id", "kind", "source", "key", "params")}
    askers = row(site, job_id, jobs)
    until(lambda: site.job(job_id).progress == SHARE + (1 - SHARE) * 0.5)
    now = row(site, job_id)
    before = check_key("content", hashlib.sha256(asked["source"].encode()).hexdigest(), {})
    assert {name: now[name] for name in asked} == asked
    assert (now["attempts"], now["content"], now["state"]) == (1, before, "running")
    gate.touch()
    job = site.ended(job_id)
    assert (job.state, job.attempts) == ("failed", MAX_ATTEMPTS)
    assert row(site, job_id, jobs) == askers
    assert row(site, job_id)["id"] == asked["id"]
    assert canary.read_text() == "the user's file"


def test_a_forged_verdict_answers_nobody_else(site: Site) -> None:
    """Neither whoever asks for an address nor whoever sends a file that the child names."""
    known = hashlib.sha256(b"bytes that somebody else will send").hexdigest()
    others = [
        NewJob("url", TARGET, check_key("url", TARGET, {}), {"options": {}}),
        NewJob("file", "known.mp4", check_key("content", known, {}), {"options": {}}),
    ]
    lines = [{"progress": {**PROGRESS, "key": new.key, "content": new.key}} for new in others]
    evil = site.submit(scripted(*says(*lines), "result:real", name="forger"))
    assert site.ended(evil).state == "done"
    mine = row(site, evil, jobs)
    own = NewJob("url", mine["source"], mine["key"], {"options": {}})
    assert not site.store.submit(own, limit=1000, cache_s=3600).created, "its own is answered"
    assert [site.store.submit(new, 1000, cache_s=3600).created for new in others] == [True, True]


def test_a_check_does_not_say_what_its_file_declares(site: Site) -> None:
    """Its reader does, whatever the one says that fell to the file."""
    forged = verdict(provenance={"state": "read", "declarations": []})
    said = file(SAY + json.dumps({"result": forged}).encode())
    answer = send(create_app(site.settings).test_client(), files=said)
    job = site.ended(answer.get_json()["id"])
    assert job.result is not None
    assert job.result["provenance"] == verdict()["provenance"]


@pytest.mark.parametrize("where", ["", "fetch-"])
def test_nobody_else_says_what_a_download_is(site: Site, where: str) -> None:
    """Neither the check, whose media may speak, nor the download by another file's name."""
    other = site.ended(site.submit(scripted("media:theirs", "result:real", name="theirs")))
    said = {"file": {"name": f"../../{other.id}" if where else "media.mp4", "cut_short": False}}
    steps = [where + step for step in says(said)]
    job = site.ended(site.submit(scripted(*steps, "result:fake", name=f"evil{where}")))
    assert row(site, other.id)["content"]
    assert (job.state, job.result, job.error and job.error["code"]) == ("failed", None, "internal")


def test_a_result_of_an_odd_shape_ends_its_own_job_only(site: Site) -> None:
    client = create_app(site.settings).test_client()
    for said in ({"result": [1]}, {"result": {"label": ["fake"]}}, {"result": verdict(p_fake="x")}):
        name = hashlib.sha256(repr(said).encode()).hexdigest()
        job = site.ended(site.submit(scripted(*says(said), name=name)))
        assert (job.state, job.result) == ("failed", None)
        assert client.get("/jobs").status_code == 200
        assert client.get(f"/jobs/{job.id}").status_code == 200


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_worker_outlives_what_children_say_by_chance(site: Site) -> None:
    """No row of another job and no file changes, GET /jobs answers, and the next job runs.

    A check a seed, as nonsense is its last word; `make fuzz` takes 1,000 seeds.
    """
    other = site.ended(site.submit(scripted("media:other", "result:real", name="other")))
    before = row(site, other.id)
    client = create_app(site.settings).test_client()
    passwd = Path("/etc/passwd").read_bytes()  # which the lines name
    for block in range(0, SEEDS, TOGETHER):
        started = []
        for seed in range(block, min(block + TOGETHER, SEEDS)):
            said = "".join(json.dumps(line(seed * 10**6 + n)) + "\n" for n in range(9))
            answer = send(client, files=file(SAY + said.encode()))
            started.append(answer.get_json()["id"])
        for job_id in started:
            assert site.ended(job_id, 120).state in ("done", "failed")
            assert client.get(f"/jobs/{job_id}").status_code == 200
        assert client.get("/jobs").status_code == 200
        assert row(site, other.id) == before
    assert Path("/etc/passwd").read_bytes() == passwd
    for folder in ("uploads", "scratch"):
        assert list((site.settings.data_dir / folder).iterdir()) == []
    assert site.ended(site.submit(scripted("result:real", name="next"))).state == "done"

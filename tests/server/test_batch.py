"""POST /check-batch: every line gets its answer, in order; a bad one stops no other."""

from __future__ import annotations

import http.server
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from server.app import create_app
from server.config import Settings
from server.jobs.tables import database_url, open_engine
from tests.media import picture
from tests.server.service import Site, running, scripted, tree, until, work_of

NDJSON = "application/x-ndjson"
NO_KEY = {"Idempotency-Key": "not one"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, queue_limit=1, batch_limit=5)


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    """The app in this process; nobody works on its jobs."""
    return create_app(settings).test_client()


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(database_url(settings))
    yield engine
    engine.dispose()


def send(client: FlaskClient, *lines: Any, query: str = "", **headers: str) -> list[dict[str, Any]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path = f"/check-batch{query}"
    answer = client.post(path, data=text, content_type=NDJSON, headers=headers)
    assert (answer.status_code, answer.mimetype) == (202, NDJSON), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_lists_as_editors_save_them(client: FlaskClient) -> None:
    """With byte order marks, also where files were joined, and the line ends of Windows."""
    lines = [
        "\ufeffhttp://a.test/1\r",
        '\ufeff{"url": "http://a.test/2"}\r',
        "\ufeff",
        "<http://a.test/3>",
    ]
    assert [entry["error"] for entry in send(client, *lines)] == [None] * 3


def test_json_in_json_out(client: FlaskClient, engine: Engine) -> None:
    urls = ["http://a.test/1", "http://a.test/2"]
    answer = client.post("/check-batch", json={"urls": urls, "samples_per_s": 1.5})
    assert (answer.status_code, answer.mimetype) == (202, "application/json")
    entries = answer.get_json()["checks"]
    assert [(entry["line"], entry["url"], entry["error"]) for entry in entries] == [
        (1, urls[0], None),
        (2, urls[1], None),
    ]
    for entry in entries:
        assert entry["links"]["self"] == f"/jobs/{entry['id']}"
        work = work_of(engine, entry["id"])
        assert not work.urgent
        assert work.params["options"]["samples_per_s"] == 1.5


def test_each_line_is_answered_for_itself(client: FlaskClient, engine: Engine) -> None:
    entries = send(
        client,
        "http://a.test/1",
        "",
        {"url": "http://a.test/2", "min_face_px": 60},
        "file:///etc/passwd",
        {"url": "http://a.test/3", "speed": 2},
        "{broken",
        json.dumps("http://a.test/4"),
        query="?samples_per_s=2&min_face_px=50",
    )
    said = [(entry["line"], entry["error"] and entry["error"]["code"]) for entry in entries]
    assert said == [
        (1, None),
        (3, None),
        (4, "bad-url"),
        (5, "bad-value"),
        (6, "bad-request"),
        (7, None),
    ]
    for entry, pixels in ((entries[0], 50), (entries[1], 60)):
        options = work_of(engine, entry["id"]).params["options"]
        assert (options["min_face_px"], options["samples_per_s"]) == (pixels, 2)
    assert entries[2]["error"]["type"] == "/problems/bad-url"
    assert entries[2]["id"] is None


def test_the_same_address_twice_is_one_job(client: FlaskClient) -> None:
    for query in ("", "?fresh=true"):
        entries = send(client, *["http://a.test/twice"] * 3, query=query)
        assert len({entry["id"] for entry in entries}) == 1
        assert [entry["line"] for entry in entries] == [1, 2, 3]


def test_a_full_queue_is_said_for_each_line(client: FlaskClient) -> None:
    entries = send(client, *(f"http://a.test/{number}" for number in range(7)), "http://a.test/0")
    codes = [entry["error"] and entry["error"]["code"] for entry in entries]
    assert codes == [*[None] * 5, "queue-full", "queue-full", None]
    assert entries[5]["error"]["retry_after_s"] > 0
    one = client.post("/check-url?wait=0", json={"url": "http://b.test"})
    assert one.status_code == 202, "a batch must not keep others out"


def test_an_idempotency_key_stands_for_the_whole_batch(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "once"}
    query = "?fresh=true"
    lines = ("http://a.test/1", "http://a.test/2")
    first = send(client, *lines, query=query, **key)
    for entry in first:
        client.delete(entry["links"]["self"])
    assert send(client, *lines, query=query, **key) == first
    other = send(client, "http://a.test/9", query=query, **key)
    assert other[0]["error"]["code"] == "idempotency-conflict"


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"json": {}}, 422, "bad-value"),
        ({"json": {"urls": []}}, 422, "bad-value"),
        ({"json": {"urls": ["http://a.test"] * 1001}}, 422, "bad-value"),
        ({"json": {"urls": "http://a.test"}}, 422, "bad-value"),
        ({"json": {"urls": ["http://a.test"], "speed": 1}}, 422, "bad-value"),
        ({"data": "{", "content_type": "application/json"}, 400, "bad-request"),
        ({"data": "", "content_type": NDJSON}, 422, "bad-value"),
        ({"data": "http://a.test\n" * 1001, "content_type": NDJSON}, 422, "bad-value"),
        ({"data": b"\xff", "content_type": NDJSON}, 400, "bad-request"),
        ({"data": "x" * 1_100_000, "content_type": NDJSON}, 413, "request-too-large"),
        ({"data": "url=x", "content_type": "text/plain"}, 415, "wrong-type"),
        ({"json": {"urls": ["http://a.test"]}, "headers": NO_KEY}, 422, "bad-value"),
    ],
)
def test_what_is_no_batch(client: FlaskClient, options: dict, status: int, code: str) -> None:
    answer: TestResponse = client.post("/check-batch", **options)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


# A real service ----------------------------------------------------------------------------------


def worked_off(site: Site, urls: list[str], seconds: float) -> dict[str, Any]:
    """Send a batch to a running site; what each address became, and the web's memory."""
    until(lambda: site.get("/healthz").json()["workers"]["slots"])
    web = tree(site.started[0].pid)
    before = sum(process.memory_info().rss for process in web)
    begun = time.monotonic()
    answer = site.post("/check-batch", data="\n".join(urls), headers={"Content-Type": NDJSON})
    taken_s = time.monotonic() - begun
    entries = [json.loads(line) for line in answer.text.splitlines()]
    assert [entry["url"] for entry in entries] == urls
    assert [entry["error"] for entry in entries] == [None] * len(urls)
    until(lambda: not any(site.store.counts().values()), seconds)
    jobs = [site.get(entry["links"]["self"]).json() for entry in entries]
    return {
        "labels": Counter(job["label"] for job in jobs),
        "taken_s": round(taken_s, 2),
        "all_s": round(time.monotonic() - begun, 1),
        "rss_before": before,
        "rss_after": sum(process.memory_info().rss for process in web),
    }


@pytest.mark.slow
def test_a_batch_is_worked_off_with_memory_flat(tmp_path: Path) -> None:
    urls = [scripted("result:no-face", name=str(number)) for number in range(20)]
    with running(Site(tmp_path / "service", workers=2), "serve", "scripted") as site:
        found = worked_off(site, urls, seconds=120)
    assert found["labels"] == {"no-face": 20}
    assert found["taken_s"] < 10
    assert found["rss_after"] - found["rss_before"] < 10_000_000


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


def large_batch(lines: int, folder: Path) -> dict[str, Any]:
    """`python -m tests.server.test_batch`: pictures of one local server, checked in earnest."""
    still = picture(folder / "still.png", np.full((64, 64, 3), 90, np.uint8)).read_bytes()
    for number in range(lines):
        (folder / f"{number}.png").write_bytes(still + number.to_bytes(4, "big"))
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        site = Site(folder / "service", allow_hosts=(host,), workers=2)
        with running(site, "serve", "worker"):
            urls = [f"http://{host}/{number}.png" for number in range(lines)]
            found = worked_off(site, urls, seconds=7200)
        server.shutdown()
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(large_batch(500, Path(folder))))

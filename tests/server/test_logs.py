"""What the log holds, in both forms, and what it never holds."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import logs
from tests.server.service import Site, running, scripted, until

TOKEN = "a-token-of-many-letters"
SECRETS = ("hunter2", "who-shared-it", "signed-for-me", "whose-film")


@pytest.fixture
def restored() -> Iterator[None]:
    """The root logger as pytest has set it up, afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers, root.level = before, level


def written(form: str, write: object) -> str:
    stream = io.StringIO()
    logs.configure(stream, form=form)
    write(logging.getLogger("server.test"))  # type: ignore[operator]
    return stream.getvalue()


def fail(log: logging.Logger) -> None:
    try:
        raise ValueError("no https://u:hunter2@a.test/v?sig=signed-for-me here")
    except ValueError:
        log.exception("job=%s failed\nbadly", "7")


@pytest.mark.usefixtures("restored")
def test_json_is_one_object_a_line_with_its_values() -> None:
    text = written("json", lambda log: log.info("job=%s stage=%s after=%.1fs", "7", "faces", 1.25))
    (line,) = text.splitlines()
    entry = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "level": "info",
        "logger": "server.test",
        "message": "job=7 stage=faces after=1.2s",
        "job": "7",
        "stage": "faces",
        "after": "1.2s",
    }
    (line,) = written("json", fail).splitlines()
    assert json.loads(line)["exception"].startswith("Traceback")


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_address_and_no_password_is_written(form: str) -> None:
    for write in (
        fail,
        lambda log: log.warning("lost HTTPS://a.test/whose-film?si=who-shared-it, again"),
        lambda log: log.warning("no answer from redis://:hunter2@db:6379/0"),
        lambda log: log.warning("no answer from postgresql://me:hunter2@db/mesoscope"),
    ):
        text = written(form, write)
        assert not [secret for secret in SECRETS if secret in text]
        assert "..." in text or "@" not in text
    assert "redis://db:6379/0" in logs.redact("redis://:hunter2@db:6379/0")


def test_a_run_is_told_as_json_without_what_was_asked(tmp_path: Path) -> None:
    """The web process, the worker and a real child: each line an object, none with an address."""
    with running(Site(tmp_path / "var", token=TOKEN, log_format="json"), "serve", "worker") as site:
        mine = {"Authorization": f"Bearer {TOKEN}"}
        url = "http://127.0.0.1:9/whose-film?v=1&si=who-shared-it&sig=signed-for-me"
        answer = site.post("/check-url?wait=50&x=who-shared-it", json={"url": url}, headers=mine)
        assert answer.json()["code"] == "blocked-address"
        site.post("/check-url", json={"url": url}, headers={"Authorization": "Bearer hunter2"})
        site.get("/whose-film?si=who-shared-it", headers=mine)
        until(lambda: "blocked-address" in site.log.read_text())
        site.stop()
        text = site.log.read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert not [word for word in (*SECRETS, TOKEN, "127.0.0.1:9") if word in text]
    (begun,) = [entry for entry in entries if "job" in entry]
    (work_id,) = {entry["work"] for entry in entries if "work" in entry}
    assert begun["work"] == work_id
    assert [
        entry["stage"] for entry in entries if entry.get("work") == work_id and "stage" in entry
    ]
    requests = [(e["method"], e["path"], e["status"]) for e in entries if "method" in e]
    assert requests == [
        ("POST", "/check-url", "403"),
        ("POST", "/check-url", "401"),
        ("GET", "-", "404"),
    ]
    assert {entry["client"] for entry in entries if "client" in entry} == {"127.0.0.1"}


def test_reading_is_not_logged_and_lines_cannot_be_forged(tmp_path: Path) -> None:
    with running(Site(tmp_path / "var"), "serve") as site:
        job_id = site.submit(scripted("hang"))
        for path in ("/healthz", "/", f"/jobs/{job_id}"):
            assert site.get(path).ok
        assert site.get("/jobs/x%0A2026 INFO forged").status_code == 404
        until(lambda: "status=404" in site.log.read_text())
        lines = site.log.read_text().splitlines()
    (line,) = [line for line in lines if "method=" in line]
    assert "path=/jobs/x%0A2026%20INFO%20forged status=404" in line
    assert not [line for line in lines if line.startswith("2026 INFO")]

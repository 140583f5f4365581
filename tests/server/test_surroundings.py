"""What a child is started with: nothing of ours to carry out, and nothing that it can read from."""

from __future__ import annotations

import os
import pty
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from server.config import Settings
from server.processes.child import LOG_BYTES, Child, Log
from server.processes.forkserver import AVAILABLE, ForkServerPool
from server.processes.protocol import Checking, Task, environment
from tests.server.service import until

ROOT = Path(__file__).resolve().parents[2]
# Says what it was given, having written to its log and tried to read from it.
CURIOUS = """
import fcntl, json, os, sys
os.write(2, b"a line \\x1b]0;title\\x07\\n")
try:
    read = os.read(2, 100).decode()
except OSError as error:
    read = error.strerror
opened = {int(each): os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")
          if os.path.exists(f"/proc/self/fd/{each}")}
print(json.dumps({"environment": dict(os.environ), "read": read, "opened": opened,
                  "terminals": [each for each in opened if os.isatty(each)]}), flush=True)
"""


def task(tmp_path: Path) -> Task:
    settings = Settings()
    file = ROOT / "server" / "web" / "static" / "sample.jpg"
    options = settings.options
    asked = Checking.within(settings, str(file), sha256="", cut_short=False, options=options)
    return Task(asked, "test", str(tmp_path / "output.txt"))


def told(child: Child) -> dict[str, Any]:
    with child:
        return until(lambda: child.read(0.2))[0]


@pytest.mark.attack
def test_the_first_child_knows_no_more_than_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "MESOSCOPE_TOKEN", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "a secret")
    given = told(Child(task(tmp_path), [sys.executable, "-c", CURIOUS]))["environment"]
    assert "a secret" not in given.values()
    given.pop("LC_CTYPE", None)  # Python's own, for its locale
    assert given == environment()


@pytest.mark.attack
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of descriptors here")
def test_it_cannot_read_what_is_typed_at_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = pty.openpty()
    kept = os.dup(2)
    os.dup2(theirs, 2)  # as under `make run`
    try:
        child = Child(task(tmp_path), [sys.executable, "-c", CURIOUS])
        os.write(ours, b"a password\n")
        given = told(child)
    finally:
        os.dup2(kept, 2)
        for descriptor in (ours, theirs, kept):
            os.close(descriptor)
    assert given["read"] == "Bad file descriptor"
    assert given["terminals"] == []
    assert {number: name.partition(":")[0] for number, name in given["opened"].items()} == {
        "0": "pipe",
        "1": "pipe",
        "2": "pipe",
    }
    assert "a line ?]0;title?\n" in capfd.readouterr().err


@pytest.mark.attack
@pytest.mark.skipif(not AVAILABLE, reason="a fork server needs Linux's pidfd_open")
def test_a_forked_child_logs_to_its_own_pipe(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pool = ForkServerPool(jobs=9)
    pool.prepare()
    try:
        until(lambda: pool.servers()[0].warm, 120)
        with Child(task(tmp_path), pool=pool) as child:
            # One that the listing names may be closed before it is read.
            for each in Path(f"/proc/{child.pid}/fd").iterdir():
                with suppress(FileNotFoundError):
                    assert "/dev/pts" not in str(each.readlink())
            until(lambda: child.read(0.2) or child.ended, 60)
        assert "work=test stage=faces" in capfd.readouterr().err
    finally:
        pool.close()


def test_a_log_ends(capfd: pytest.CaptureFixture[str]) -> None:
    pipe = Log()
    for _ in range(2 * LOG_BYTES // 4096):
        os.write(pipe.input, b"x" * 4095 + b"\n")
        pipe.pass_on()
    pipe.close()
    said = capfd.readouterr().err
    assert LOG_BYTES - 4096 <= said.count("x") <= LOG_BYTES


def test_a_log_that_is_held_open_is_not_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    pipe = Log()
    held = os.dup(pipe.input)
    os.write(held, "half a line, ünd".encode())
    start = time.monotonic()
    pipe.close()
    assert time.monotonic() - start < 1
    assert capfd.readouterr().err == "half a line, ünd\n"
    os.close(held)

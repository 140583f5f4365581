"""The child that reads strangers' media: what it can no longer do, and how it ends at a limit."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from server.config import Settings
from server.errors import kinds
from server.processes import landlock, sandbox, seccomp
from server.processes.child import Child
from server.processes.protocol import Checking, Task
from tests.media import clip, moving, picture
from tests.server.service import ROOT, Site, running, scripted, until

# Confines itself as the child does, then tries each statement and prints its outcome.
PROGRAM = """
import ctypes, json, os, socket, subprocess, sys
from pathlib import Path
from server.processes import check_main
from server.processes.protocol import Task
asked = json.load(sys.stdin)
task = Task.of(asked["task"])
libc = ctypes.CDLL(None, use_errno=True)
file, scratch = task.work.file, str(Path(task.words).parent)
check_main.confine_to(Path(file), task.work, task.parent_pid)
def native(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
for statement in asked["statements"]:
    try:
        exec(statement)
    except BaseException as error:
        print(json.dumps([statement, repr(error)]))
    else:
        print(json.dumps([statement, "done"]))
"""
REFUSED = [
    "socket.create_connection(('127.0.0.1', 9), 1)",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "socket.getaddrinfo('example.com', 80)",
    "socket.socket().bind(('127.0.0.1', 0))",
    "open(scratch + '/x', 'w')",
    "open(file, 'a')",
    "open('/tmp/x-of-a-confined-child', 'w')",
    "os.unlink(file)",
    "os.rename(file, file + '.x')",
    "os.mkdir(scratch + '/d')",
    "os.execv('/bin/true', ['true'])",
    "subprocess.run(['/bin/true'])",
    "os.fork()",
]
REFUSED_BY_LANDLOCK = ["open('/etc/passwd')", "os.listdir('/')", "open('/proc/1/environ')"]
REFUSED_BY_SECCOMP = [
    "native(libc.socket(2, 1, 0))",
    "native(libc.socket(1, 1, 0))",
    "native(libc.execve(b'/bin/true', None, None))",
    "native(libc.ptrace(16, os.getppid(), 0, 0))",
    "native(libc.syscall(425, 1, None))",
]
ALLOWED = ["open(file, 'rb').read()", "bytearray(1000)"]


def task_for(path: Path, scratch: Path, **changed: int | str) -> Task:
    settings = Settings()
    options = settings.options
    asked = Checking.within(settings, str(path), sha256="", cut_short=False, options=options)
    work = dataclasses.replace(asked, **changed)  # type: ignore[arg-type]
    return Task(work, "test", str(scratch / "output.txt"))


def outcome(task: Task) -> tuple[dict[str, Any], int]:
    """(the child's last word, its exit status where it ended by itself)"""
    last: dict[str, Any] = {}
    with Child(task) as child:
        while not child.ended:
            for message in child.read(0.2):
                last = message
                if "progress" not in message:
                    return message, 0
        return last, child.close()


@pytest.fixture(scope="module")
def photo(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture(tmp_path_factory.mktemp("media") / "photo.jpg", astronaut[:256, 96:352])


@pytest.mark.attack
def test_it_opens_no_socket_writes_nowhere_and_starts_nothing(photo: Path, tmp_path: Path) -> None:
    refused = list(REFUSED)
    refused += REFUSED_BY_LANDLOCK if landlock.abi() else []
    refused += REFUSED_BY_SECCOMP if seccomp.available() else []
    task = dataclasses.replace(task_for(photo, tmp_path), parent_pid=os.getpid())
    ended = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        input=json.dumps({"task": task.to_json(), "statements": refused + ALLOWED}),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    results = dict(json.loads(line) for line in ended.stdout.splitlines())
    assert len(results) == len(refused) + len(ALLOWED)
    for statement in refused:
        assert "Confined" in results[statement] or "PermissionError" in results[statement], (
            statement,
            results[statement],
        )
    assert all(results[statement] == "done" for statement in ALLOWED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.attack
@pytest.mark.skipif(not seccomp.available(), reason="no seccomp filter for this machine")
def test_every_thread_of_a_real_check_is_confined(tmp_path: Path, astronaut: np.ndarray) -> None:
    film = clip(tmp_path / "film.mp4", moving(astronaut, 200, (480, 360)), fps=4)
    with Child(task_for(film, tmp_path)) as child:
        threads = Path(f"/proc/{child.pid}/task")
        until(lambda: any("faces" in str(message) for message in child.read(0.2)), 60)
        until(lambda: len(list(threads.iterdir())) > 1, 60)  # it decodes ahead
        for thread in threads.iterdir():
            status = (thread / "status").read_text()
            assert "Seccomp:\t2" in status
            assert "NoNewPrivs:\t1" in status
        limits = psutil.Process(child.pid)
        assert limits.rlimit(psutil.RLIMIT_DATA)[0] == Settings().max_memory_bytes
        assert limits.rlimit(psutil.RLIMIT_NOFILE)[0] == 64
        assert limits.rlimit(psutil.RLIMIT_CORE) == (0, 0)


@pytest.mark.attack
@pytest.mark.parametrize("memory_bytes", [100_000_000, 150_000_000, 300_000_000])
def test_memory_that_runs_out_is_named(
    tmp_path: Path, astronaut: np.ndarray, memory_bytes: int
) -> None:
    big = picture(tmp_path / "big.jpg", np.tile(astronaut, (9, 9, 1)))
    message, _ = outcome(task_for(big, tmp_path, memory_bytes=memory_bytes))
    assert message["error"]["code"] == "memory-limit"
    assert "MESOSCOPE_MAX_MEMORY_BYTES" in message["error"]["detail"]
    assert kinds()["memory-limit"].retryable is False


@pytest.mark.attack
def test_processor_time_that_runs_out_ends_it(tmp_path: Path, astronaut: np.ndarray) -> None:
    film = clip(tmp_path / "film.mp4", moving(astronaut, 300, (640, 480)), fps=3)
    message, status = outcome(task_for(film, tmp_path, cpu_s=2))
    assert "progress" in message
    assert status == -signal.SIGXCPU


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    with running(site, "scripted"):
        yield site


def test_the_log_says_how_far_the_kernel_confines(site: Site) -> None:
    said = f"{sandbox.level().name} sandbox"
    until(lambda: said in site.log.read_text())


def test_a_check_out_of_processor_time_is_not_tried_again(site: Site) -> None:
    job = site.ended(site.submit(scripted(f"signal:{signal.SIGXCPU:d}")))
    assert job.error is not None
    assert (job.error["code"], job.attempts) == ("time-limit", 1)
    assert site.ended(site.submit(scripted("result:real", name="next"))).state == "done"


def test_last_words_that_come_while_nobody_listens_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers and ends after the wait for its answer, and before the look whether it ended."""
    go = tmp_path / "go"
    program = (
        "import pathlib, sys, time\n"
        "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\n"
        'print(\'{"last": "words"}\')'
    )
    command = [sys.executable, "-c", program, str(go)]
    with Child(task_for(tmp_path / "none", tmp_path), command) as child:
        really = child._process.has_exited

        def ends_just_now() -> bool:
            go.touch()
            while not really():
                time.sleep(0.01)
            return True

        monkeypatch.setattr(child._process, "has_exited", ends_just_now)
        messages = []
        while not child.ended:
            messages += child.read(0.05)
    assert messages == [{"last": "words"}]

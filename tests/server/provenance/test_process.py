"""The reader's process: what a whole check says, and what is left of it when a file breaks it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from server.config import ConfigError, Settings
from server.errors import TimeLimit
from server.processes import forkserver, landlock, seccomp
from server.processes.check import Declared, check
from server.processes.child import Child, Start
from server.processes.forkserver import ForkServerPool
from server.processes.messages import Progress
from server.processes.protocol import Reading, Task
from tests.media import picture
from tests.server.provenance.test_marks import chunk, png, text
from tests.server.service import tree, until
from tests.server.test_confined_child import task_for
from tests.signing import action, authority, signed

# A child like any other, but a reader is changed by what its command line says.
PROGRAM = """
import dataclasses, json, os, signal, socket, sys, time
from server.analysis.provenance.records import Declaration, Provenance
from server.processes import check_main, main
from server.processes.protocol import Reading, Task
told = Task.of(json.loads(sys.stdin.readline()))
if isinstance(told.work, Reading):
    exec(sys.argv[1])
main.serve(told)
"""
TRIES = """
def tried(statement):
    try:
        exec(statement, {{**globals(), "media": told.work.file}})
    except BaseException as error:
        return type(error).__name__
    return "done"
def read(path, trust_list):
    yield Provenance("read", (Declaration("iptc", (), by=tried({statement!r})),))
check_main.read = read
"""
LITTLE_MEMORY = """
[held] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmData")]
work = dataclasses.replace(told.work, memory_bytes=1024 * int(held) + 40_000_000)
told = dataclasses.replace(told, work=work)
"""
HANGS = "signal.signal(signal.SIGALRM, signal.SIG_IGN); time.sleep(60)"
REFUSED = [
    "socket.socket().connect(('127.0.0.1', 9))",
    "open(media, 'a')",
    "os.unlink(media)",
    "os.execv('/bin/true', ['true'])",
    "os.kill(os.getppid(), 0)",
    "os.fork()",
]
REFUSED_BY_LANDLOCK = ["open('/etc/passwd')", "os.listdir('/')", "open('/proc/cpuinfo')"]
UNREADABLE = {"state": "unreadable", "declarations": []}
NO_NEWS: Callable[[Progress | None], None] = lambda _: None  # noqa: E731


def changed(change: str) -> Start:
    return partial(Child, command=[sys.executable, "-E", "-s", "-B", "-c", PROGRAM, change])


def ends(statement: str) -> str:
    """The change by which a reader does this instead of reading."""
    return f"def read(*_):\n    {statement}\n    yield\ncheck_main.read = read"


def reading(task: Task, start: Start) -> dict[str, Any]:
    with Declared(task, start) as declared:
        return declared.whole(NO_NEWS).to_json()


class Started:
    """Starts children as `start` does, and keeps them."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self.children: list[Child] = []

    def __call__(self, task: Task) -> Child:
        self.children.append(self._start(task))
        return self.children[-1]

    @property
    def left(self) -> list[int]:
        return [each.pid for each in self.children if psutil.pid_exists(each.pid)]


@pytest.fixture
def plain_jpeg(plain: dict[str, Path]) -> Path:
    return plain[".jpg"]


@pytest.fixture
def made(plain: dict[str, Path], tmp_path: Path) -> Path:
    """Signed as generated, and labelled with the settings of a generator."""
    path = png(plain, tmp_path / "labelled.png", text("hf-job-id", "1"))
    return signed(path, tmp_path / "made.png", action("created", "trainedAlgorithmicMedia"))


def test_a_check_says_what_its_file_declares(made: Path, tmp_path: Path) -> None:
    trust_list = tmp_path / "trust.pem"
    trust_list.write_text(authority().pem)
    result = check(task_for(made, tmp_path, trust_list=str(trust_list)), Child).result
    assert result["provenance"]["state"] == "read"
    credentials, generator = result["provenance"]["declarations"]
    assert (credentials["seal"], credentials["claims"]) == ("trusted", ["generated"])
    assert (generator["source"], generator["by"]) == ("generator", "Hugging Face")
    assert result["label"] == "no-face"  # what is declared is no part of it


@pytest.fixture
def pool() -> Iterator[ForkServerPool]:
    pool = ForkServerPool(jobs=9)
    pool.prepare()
    until(lambda: pool.servers()[0].warm, 120)
    yield pool
    pool.close()


@pytest.mark.slow
@pytest.mark.skipif(not forkserver.AVAILABLE, reason="a fork server needs Linux's pidfd_open")
def test_processes_are_three_deep(pool: ForkServerPool, made: Path, tmp_path: Path) -> None:
    """Worker, fork server, and beside each other check and reader, which is held up until then."""
    start = Started(partial(Child, pool=pool))
    seen: dict[int, int] = {}  # each process and its parent

    def held(task: Task) -> Child:
        child = start(task)
        if isinstance(task.work, Reading):
            os.kill(child.pid, signal.SIGSTOP)
        return child

    def look(news: Progress | None) -> None:
        if news and not seen:
            seen.update({each.pid: each.ppid() for each in tree(os.getpid())})
            os.kill(start.children[1].pid, signal.SIGCONT)

    result = check(task_for(made, tmp_path), held, look).result
    children = {child.pid for child in start.children}
    assert len(children) == 2
    assert {depth(pid, seen) for pid in children} == {3}
    assert not children & set(seen.values()), "none of both starts a process"
    assert [each["source"] for each in result["provenance"]["declarations"]] == [
        "content-credentials",
        "generator",
    ]
    assert start.left == []


def depth(pid: int, parents: dict[int, int]) -> int:
    """This process is the first."""
    return 1 if pid == os.getpid() else 1 + depth(parents[pid], parents)


@pytest.mark.attack
@pytest.mark.parametrize("statement", [*REFUSED, *REFUSED_BY_LANDLOCK])
def test_it_is_confined(plain_jpeg: Path, tmp_path: Path, statement: str) -> None:
    if statement in REFUSED_BY_LANDLOCK and not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    if statement == "os.fork()" and not seccomp.available():
        pytest.skip("no seccomp filter for this machine")
    found = reading(task_for(plain_jpeg, tmp_path), changed(TRIES.format(statement=statement)))
    assert found["declarations"][0]["by"] in ("Confined", "PermissionError")
    assert plain_jpeg.exists()


@pytest.mark.attack
def test_it_has_no_line_to_the_log(
    plain_jpeg: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for change in ("os.write(2, b'words\\n')", ends("raise RuntimeError('words')")):
        reading(task_for(plain_jpeg, tmp_path), changed(change))
    assert "words" not in capfd.readouterr().err


@pytest.mark.attack
def test_memory_that_runs_out_leaves_the_labels(made: Path, tmp_path: Path) -> None:
    """Compiled code ends its process then; what was read before holds."""
    data = made.read_bytes()
    at = data.index(b"caBX") - 4
    size = int.from_bytes(data[at : at + 4])
    content = data[at + 8 : at + 8 + size] + bytes(30_000_000)
    made.write_bytes(data[:at] + chunk(b"caBX", content) + data[at + 12 + size :])
    found = reading(task_for(made, tmp_path), changed(LITTLE_MEMORY))
    credentials, generator = found["declarations"]
    assert (credentials["seal"], credentials["claims"]) == ("unreadable", [])
    assert generator["by"] == "Hugging Face"


@pytest.mark.attack
@pytest.mark.parametrize(
    "end",
    [
        "time.sleep(60)",
        "signal.alarm(0); time.sleep(60)",
        "os.abort()",
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "raise RuntimeError",
        'os.write(3, b\'nonsense\\n\' * 9 + b\'{"provenance": {"state": "read"}}\\n\')',
        "os.write(3, b'{\"result\": {}}\\n'); time.sleep(60)",
        "os.write(3, b'{' * 300_000)",
    ],
)
def test_a_reader_that_fails_costs_nothing_else(plain_jpeg: Path, tmp_path: Path, end: str) -> None:
    start = Started(changed(f"Reading.wall_s = 1\n{ends(end)}"))
    begun = time.monotonic()
    result = check(task_for(plain_jpeg, tmp_path), start).result
    assert (result["label"], result["provenance"]) == ("no-face", UNREADABLE)
    assert time.monotonic() - begun < Reading.wall_s
    assert start.left == []


@pytest.mark.attack
def test_a_reader_that_ignores_its_alarm_is_ended(
    plain_jpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reading, "wall_s", 3)
    start = Started(changed(ends(HANGS)))
    result = check(task_for(plain_jpeg, tmp_path), start).result
    assert (result["label"], result["provenance"]) == ("no-face", UNREADABLE)
    assert start.left == []


@pytest.mark.attack
def test_the_time_of_a_check_ends_the_wait_for_its_reader(plain_jpeg: Path, tmp_path: Path) -> None:
    """A verdict that is there is not lost; and whoever calls the check off waits for none."""

    def late(_: Progress | None) -> None:
        raise TimeLimit("late")

    def called_off(_: Progress | None) -> None:
        raise KeyboardInterrupt

    task, start = task_for(plain_jpeg, tmp_path), Started(changed(ends(HANGS)))
    begun = time.monotonic()
    with Declared(task, start) as declared:
        assert declared.whole(late).to_json() == UNREADABLE
    with pytest.raises(KeyboardInterrupt):
        check(task, start, called_off)
    assert time.monotonic() - begun < Reading.wall_s
    assert (len(start.children), start.left) == (3, [])


@pytest.mark.attack
def test_a_check_does_without_a_reader_that_cannot_start(plain_jpeg: Path, tmp_path: Path) -> None:
    def start(task: Task) -> Child:
        missing = ["/nonexistent/python"]
        return Child(task, missing) if isinstance(task.work, Reading) else Child(task)

    result = check(task_for(plain_jpeg, tmp_path), start).result
    assert (result["label"], result["provenance"]) == ("no-face", UNREADABLE)


@pytest.mark.attack
def test_a_check_outlives_its_reader(tmp_path: Path) -> None:
    """Here the list of certificates is gone, so that no reader can work."""
    path = picture(tmp_path / "plain.jpg", np.full((64, 64, 3), 128, np.uint8))
    task = task_for(path, tmp_path, trust_list=str(tmp_path / "gone.pem"))
    assert check(task, Child).result["provenance"] == UNREADABLE


def test_the_setting_names_a_file_of_certificates(tmp_path: Path) -> None:
    listed = tmp_path / "list.pem"
    with pytest.raises(ConfigError, match=r"MESOSCOPE_TRUST_LIST.*cannot be read"):
        Settings.from_env({"MESOSCOPE_TRUST_LIST": str(listed)})
    listed.write_text("none")
    with pytest.raises(ConfigError, match="holds no certificate"):
        Settings.from_env({"MESOSCOPE_TRUST_LIST": str(listed)})
    listed.write_text(authority().pem)
    assert Settings.from_env({"MESOSCOPE_TRUST_LIST": str(listed)}).trust_list == str(listed)

"""Checks forked from a warm process: the same answers and walls, and nothing left behind."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from server.config import Settings
from server.processes import forkserver as warm
from server.processes import seccomp
from server.processes.check_main import LAST_WORDS, Task
from server.processes.child import Child
from server.processes.forkserver import Nursery
from tests.media import clip, moving
from tests.server.service import ROOT, Site, gone, running, tree, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not warm.AVAILABLE, reason="a fork server needs Linux's pidfd_open"),
]
# Starts a check from a fork server, says its first word, and waits to be killed.
WORKER = """
import json, sys, time
from server.processes.check_main import LAST_WORDS, Task
from server.processes.child import Child
from server.processes.forkserver import Nursery
nursery = Nursery(jobs=9)
nursery.prepare()
while not nursery.servers()[0].warm:
    time.sleep(0.05)
child = Child(Task(**json.load(sys.stdin)), nursery=nursery)
while not (words := child.read(1)):
    pass
print(words, flush=True)
time.sleep(300)
"""
SAMPLE = ROOT / "server" / "web" / "static" / "sample.jpg"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery(jobs=1000)
    nursery.prepare()
    yield warmed(nursery)
    nursery.close()


def warmed(nursery: Nursery) -> Nursery:
    """The same, once its server can fork."""
    until(lambda: all(server.warm for server in nursery.servers()), 120)
    return nursery


@pytest.fixture(scope="module")
def web(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of a site that serves film.mp4."""
    folder = tmp_path_factory.mktemp("web")
    clip(folder / "film.mp4", moving(astronaut, 12, (320, 240)), fps=6)
    serve = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def long_film(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A check of it takes longer than a test."""
    path = tmp_path_factory.mktemp("media") / "film.mp4"
    return clip(path, moving(astronaut, 300, (480, 360)), fps=4)


class Quiet(SimpleHTTPRequestHandler):
    """Files, and a video at /drip.mp4 that takes for ever."""

    def do_GET(self) -> None:
        if "drip" not in self.path:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(600):
                self.wfile.write(b"x")
                time.sleep(0.1)
        return None

    def log_message(self, *_: object) -> None: ...


def task_for(source: str, scratch: Path, allow: str = "") -> Task:
    settings = Settings(allow_hosts=(allow,) if allow else ())
    kind = "url" if source.startswith("http") else "file"
    return Task.within(
        settings,
        work_id="test",
        kind=kind,
        source=source,
        scratch=str(scratch),
        options=settings.options,
    )


def answer(child: Child) -> dict[str, Any]:
    """The child's last word."""
    with child:
        while not child.ended:
            for message in child.read(0.2):
                if "result" in message or "error" in message:
                    return message
    raise AssertionError(f"it ended without a word, status {child.close()}")


def comparable(message: dict[str, Any]) -> dict[str, Any]:
    message["result"].pop("timing_s")
    return message


def test_a_warm_check_answers_as_a_cold_one(nursery: Nursery, tmp_path: Path) -> None:
    task = task_for(str(SAMPLE), tmp_path)
    cold = answer(Child(task))
    child = Child(task, nursery=nursery)
    assert psutil.Process(child.pid).ppid() != os.getpid()  # it was forked, not started
    assert comparable(answer(child)) == comparable(cold)


def test_a_warm_download_answers_as_a_cold_one(nursery: Nursery, tmp_path: Path, web: str) -> None:
    address = f"http://{web}/film.mp4"
    results = []
    for name, made in (("cold", None), ("warm", nursery)):
        (tmp_path / name).mkdir()
        child = Child(task_for(address, tmp_path / name, web), nursery=made)
        results.append(comparable(answer(child)))
    assert results[0] == results[1]
    assert results[0]["result"]["media"]["kind"] == "video"


@pytest.mark.attack
@pytest.mark.skipif(not seccomp.available(), reason="no seccomp filter for this machine")
def test_a_forked_child_has_its_walls_and_no_way_back(
    nursery: Nursery, tmp_path: Path, long_film: Path
) -> None:
    """What it may do behind them is test_confined_child's: it is the same code."""
    with Child(task_for(str(long_film), tmp_path), nursery=nursery) as child:
        status = Path(f"/proc/{child.pid}/status")
        until(lambda: "Seccomp:\t2" in status.read_text(), 60)
        assert sockets_of(child.pid) == []
        assert b"MESOSCOPE_" not in Path(f"/proc/{child.pid}/environ").read_bytes()
        assert os.getpgid(child.pid) == child.pid
        limits = psutil.Process(child.pid)
        assert limits.rlimit(psutil.RLIMIT_DATA)[0] == Settings().max_memory_bytes


def sockets_of(pid: int) -> list[str]:
    opened = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    return [name for name in opened if name.startswith("socket:")]


@pytest.mark.attack
@pytest.mark.skipif(not seccomp.available(), reason="no seccomp filter for this machine")
def test_a_forked_download_has_its_walls_and_ends_with_its_check(
    nursery: Nursery, tmp_path: Path, web: str
) -> None:
    with Child(task_for(f"http://{web}/drip.mp4", tmp_path, web), nursery=nursery) as child:
        [loader] = until(psutil.Process(child.pid).children)
        status = Path(f"/proc/{loader.pid}/status")
        until(lambda: "Seccomp:\t2" in status.read_text(), 60)
        until(lambda: "fetch" in str(child.read(0.1)), 60)
        known = [str(each.readlink()) for each in Path(f"/proc/{loader.pid}/fd").iterdir()]
        assert len([name for name in known if name.startswith("pipe:")]) == 3, known
        assert not [name for name in known if name.endswith(LAST_WORDS)]
        start = time.monotonic()
    until(lambda: gone(loader), 5)
    assert time.monotonic() - start < 1.0


def test_a_killed_fork_server_is_replaced(tmp_path: Path, long_film: Path) -> None:
    nursery = Nursery(jobs=1000)
    nursery.prepare()
    try:
        with Child(task_for(str(long_film), tmp_path), nursery=warmed(nursery)) as child:
            server = psutil.Process(child.pid).parent()
            assert server is not None
            server.kill()
            until(lambda: child.read(0.1) == [] and child.ended)
            assert child.close() == -signal.SIGKILL
        assert answer(Child(task_for(str(SAMPLE), tmp_path), nursery=nursery))["result"]
        assert nursery.servers() == []
    finally:
        nursery.close()


def test_one_that_cannot_start_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    nursery = Nursery(jobs=1000)
    nursery.prepare()
    [server] = nursery.servers()
    until(lambda: not server.alive)
    assert nursery.fork(task_for(str(SAMPLE), tmp_path)) is None
    nursery.prepare()
    assert nursery.servers() == []  # not again and again


def test_it_is_replaced_after_its_jobs_and_ends_when_nothing_comes(
    tmp_path: Path, long_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nursery = Nursery(jobs=1)
    nursery.prepare()
    try:
        with Child(task_for(str(long_film), tmp_path), nursery=warmed(nursery)) as child:
            [first] = nursery.servers()
            nursery.prepare()
            answer(Child(task_for(str(SAMPLE), tmp_path), nursery=warmed(nursery)))
            nursery.tidy()
            assert len(nursery.servers()) == 2
            assert first.alive
            assert not child.ended
        nursery.tidy()
        assert not first.alive
        assert len(nursery.servers()) == 1
        monkeypatch.setattr(warm, "IDLE_S", 0.0)
        nursery.tidy()
        assert nursery.servers() == []
    finally:
        nursery.close()


def test_nothing_outlives_a_killed_worker(tmp_path: Path, web: str) -> None:
    task = task_for(f"http://{web}/drip.mp4", tmp_path, web)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(json.dumps(dataclasses.asdict(task)).encode())
        worker.stdin.close()
        assert b"fetch" in worker.stdout.readline()
        everything = tree(worker.pid)
        assert len(everything) == 4  # itself, the server, the check, its download
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()
    until(lambda: all(gone(each) for each in everything), 5)


def test_a_worker_has_one_after_its_first_check_and_stops_with_it(tmp_path: Path, web: str) -> None:
    with running(Site(tmp_path / "var", allow_hosts=(web,)), "worker") as site:
        assert site.ended(site.submit(f"http://{web}/film.mp4"), 120).result
        [worker] = site.started
        everything = until(lambda: len(found := tree(worker.pid)) > 1 and found, 60)
        assert "server.processes.forkserver_main" in everything[1].cmdline()
        worker.terminate()
        assert worker.wait(20) == 0
        until(lambda: all(gone(each) for each in everything), 5)

"""Checks forked from a warm process: the same answers and walls, and nothing left behind."""

from __future__ import annotations

import contextlib
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
from server.processes import forkserver, seccomp
from server.processes.child import Child
from server.processes.fetch import DownloadLimits, fetch
from server.processes.forkserver import ForkServerPool
from server.processes.messages import Progress
from server.processes.protocol import Checking, Task, environment
from tests.media import clip, moving
from tests.server.service import ROOT, Site, gone, running, tree, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not forkserver.AVAILABLE, reason="a fork server needs Linux's pidfd_open"),
]
# Starts a download from a fork server, says when all are there, and waits to be killed.
WORKER = """
import sys, time
import psutil
from functools import partial
from pathlib import Path
from server.processes.child import Child
from server.processes.fetch import DownloadLimits, fetch
from server.processes.forkserver import ForkServerPool
pool = ForkServerPool(jobs=9)
pool.prepare()
while not pool.servers()[0].warm:
    time.sleep(0.05)
def wait(news):
    if len(psutil.Process().children(recursive=True)) == 3:
        print("it comes", flush=True)
        time.sleep(300)
url, folder, host = sys.argv[1:]
limits = DownloadLimits(allow_hosts=(host,))
fetch(url, Path(folder), limits, partial(Child, pool=pool), wait)
"""
SAMPLE = ROOT / "server" / "web" / "static" / "sample.jpg"


@pytest.fixture(scope="module")
def pool() -> Iterator[ForkServerPool]:
    pool = ForkServerPool(jobs=1000)
    pool.prepare()
    yield warmed(pool)
    pool.close()


def warmed(pool: ForkServerPool) -> ForkServerPool:
    """The same, once its server can fork."""
    until(lambda: all(server.warm for server in pool.servers()), 120)
    return pool


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


def task_for(file: Path, scratch: Path) -> Task:
    settings = Settings()
    options = settings.options
    asked = Checking.within(settings, str(file), sha256="", cut_short=False, options=options)
    return Task(asked, "test", str(scratch / "output.txt"))


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


def test_a_warm_check_answers_as_a_cold_one(pool: ForkServerPool, tmp_path: Path) -> None:
    task = task_for(SAMPLE, tmp_path)
    cold = answer(Child(task))
    child = Child(task, pool=pool)
    assert psutil.Process(child.pid).ppid() != os.getpid()  # it was forked, not started
    assert comparable(answer(child)) == comparable(cold)


def test_a_warm_download_answers_as_a_cold_one(
    pool: ForkServerPool, tmp_path: Path, web: str
) -> None:
    limits = DownloadLimits(allow_hosts=(web,))
    cold, warm = (
        fetch(f"http://{web}/film.mp4", tmp_path, limits, start)
        for start in (Child, partial(Child, pool=pool))
    )
    assert cold.sha256 == warm.sha256
    assert not cold.cut_short
    assert not warm.cut_short


@pytest.mark.attack
@pytest.mark.skipif(not seccomp.available(), reason="no seccomp filter for this machine")
def test_a_forked_child_has_its_walls_and_no_way_back(
    pool: ForkServerPool, tmp_path: Path, long_film: Path
) -> None:
    """What it may do behind them is test_confined_child's: it is the same code."""
    with Child(task_for(long_film, tmp_path), pool=pool) as child:
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
def test_a_forked_download_has_its_walls_and_ends_when_nobody_wants_it(
    pool: ForkServerPool, tmp_path: Path, web: str
) -> None:
    started: list[Child] = []

    class Seen(Exception):
        pass

    def start(task: Task) -> Child:
        started.append(Child(task, pool=pool))
        return started[-1]

    def look(_news: Progress | None) -> None:
        if len(started) < 2 or len(sockets_of(started[1].pid)) == 0:
            return
        assert "NoNewPrivs:\t1" in Path(f"/proc/{started[0].pid}/status").read_text()
        assert psutil.Process(started[0].pid).rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        process = Path(f"/proc/{started[1].pid}")
        assert "Seccomp:\t2" in (process / "status").read_text()
        known = [str(each.readlink()) for each in (process / "fd").iterdir()]
        assert len([name for name in known if name.startswith("pipe:")]) == 2, known
        assert psutil.Process(started[1].pid).net_connections("unix") == []
        assert not [name for name in known if name.endswith("output.txt")]
        raise Seen

    limits = DownloadLimits(allow_hosts=(web,))
    with pytest.raises(Seen):
        fetch(f"http://{web}/drip.mp4", tmp_path, limits, start, look)
    assert len(started) == 2
    assert not [child.pid for child in started if psutil.pid_exists(child.pid)]
    assert list(tmp_path.iterdir()) == []


def test_a_child_imports_nothing_that_was_not_warm() -> None:
    """What a fork had to import, every check would wait for."""
    code = (
        "import sys\n"
        "from server.processes import forkserver_main, main\n"
        "forkserver_main.warm_up()\n"
        "before = set(sys.modules)\n"
        "for name in main.MODULES.values(): __import__(name)\n"
        "import server.fetch.addresses, server.fetch.guard, server.fetch.ytdlp, psutil, yt_dlp\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_no_pattern_of_an_extractor_is_left_for_a_download_to_compile() -> None:
    code = (
        "from server.fetch import ytdlp\n"
        "from yt_dlp.extractor import gen_extractor_classes\n"
        "ytdlp.warm_up()\n"
        "tried = [each for each in gen_extractor_classes() if each._VALID_URL]\n"
        "print([each for each in tried if '_VALID_URL_RE' not in vars(each)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_killed_fork_server_is_replaced(tmp_path: Path, long_film: Path) -> None:
    pool = ForkServerPool(jobs=1000)
    pool.prepare()
    try:
        with Child(task_for(long_film, tmp_path), pool=warmed(pool)) as child:
            server = psutil.Process(child.pid).parent()
            assert server is not None
            server.kill()
            until(lambda: child.read(0.1) == [] and child.ended)
            assert child.close() == -signal.SIGKILL
        assert answer(Child(task_for(SAMPLE, tmp_path), pool=pool))["result"]
        assert pool.servers() == []
    finally:
        pool.close()


def test_one_that_cannot_start_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forkserver, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    pool = ForkServerPool(jobs=1000)
    pool.prepare()
    [server] = pool.servers()
    until(lambda: not server.alive)
    assert pool.fork(task_for(SAMPLE, tmp_path)) is None
    pool.prepare()
    assert pool.servers() == []  # not again and again


def test_it_is_replaced_after_its_jobs_and_ends_when_nothing_comes(
    tmp_path: Path, long_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ForkServerPool(jobs=1)
    pool.prepare()
    try:
        with Child(task_for(long_film, tmp_path), pool=warmed(pool)) as child:
            [first] = pool.servers()
            pool.prepare()
            answer(Child(task_for(SAMPLE, tmp_path), pool=warmed(pool)))
            pool.tidy()
            assert len(pool.servers()) == 2
            assert first.alive
            assert not child.ended
        pool.tidy()
        assert not first.alive
        assert len(pool.servers()) == 1
        monkeypatch.setattr(forkserver, "IDLE_S", 0.0)
        pool.tidy()
        assert pool.servers() == []
    finally:
        pool.close()


def test_nothing_outlives_a_killed_worker(tmp_path: Path, web: str) -> None:
    arguments = (f"http://{web}/drip.mp4", str(tmp_path), web)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert worker.stdout
        assert b"it comes" in worker.stdout.readline()
        everything = tree(worker.pid)
        assert len(everything) == 4  # itself, the server, the guard, the download
        assert [each.ppid() for each in everything[2:]] == [everything[1].pid] * 2
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

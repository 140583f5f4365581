"""Starts the processes of the service: the web server, the worker, or both under one command."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from models import registry
from server import logs
from server.config import PREFIX, ConfigError, Settings
from server.fetch.addresses import AllowList

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "server" / "web" / "static" / "sample.jpg"  # NASA's portrait of Eileen Collins
STOP_S = 15.0  # what a process gets to stop by itself
READY_S = 30.0
OPEN_FILES = 8192  # a shell's usual 1024 is less than connections, databases and uploads may need
POLL_S = 0.1

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Serve and work in one command; returns the exit status once both have stopped.

    Raises ConfigError if the port is taken.
    """
    from server.listen import claim_port

    _prepare(settings)
    claim_port(settings)
    environment = {**os.environ, **settings.to_env()}
    with _stop_signal() as stopped:
        parts = {
            name: subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "server", name],
                cwd=ROOT,
                env=environment,
                start_new_session=True,  # Ctrl-C is ours to pass on
                preexec_fn=_stop_with_parent,
            )
            for name in ("serve", "worker")
        }
        try:
            return _supervise(parts, settings, stopped)
        finally:
            _stop(parts)


def serve(settings: Settings) -> int:
    """Answer requests until SIGTERM or SIGINT. Raises ConfigError if the port is taken."""
    from server.listen import Server, claim_port

    _prepare(settings)
    claim_port(settings)
    try:
        Server(settings).run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def worker(settings: Settings) -> int:
    """Work on checks until SIGTERM or SIGINT, which hand running ones back."""
    from server.jobs.worker import work

    _prepare(settings)
    return work(settings)


def _prepare(settings: Settings) -> None:
    """Set up this process, whose children have the same; raises ConfigError as check does."""
    logs.configure(form=settings.log_format)
    os.umask(0o077)  # what is written is for nobody else
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    check(settings)


def check(settings: Settings) -> None:
    """Raise ConfigError for a setting that would fail every check later on."""
    try:
        AllowList.parse(settings.allow_hosts)
    except ValueError as error:
        raise ConfigError(f"{PREFIX}ALLOW_HOSTS: {error}") from error
    try:
        model = registry.spec(settings.model)
        model.file()
    except registry.RegistryError as error:
        raise ConfigError(f"{PREFIX}MODEL: {error}") from error
    if model.task != "classify":
        raise ConfigError(f"{PREFIX}MODEL: {settings.model} finds faces, but does not judge them")


def local_host(settings: Settings) -> str:
    """The address by which this machine reaches the service itself."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104


def page(settings: Settings) -> str:
    host = local_host(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/"


def _stop_with_parent() -> None:
    """Have the kernel send SIGTERM when the supervisor ends, however it ends."""
    pr_set_pdeathsig = 1
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


@contextmanager
def _stop_signal() -> Iterator[list[int]]:
    """A list that the first SIGINT or SIGTERM is put into."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _supervise(
    parts: dict[str, subprocess.Popen[bytes]], settings: Settings, stopped: list[int]
) -> int:
    """Wait for the signal to stop, or until one of the parts ends."""
    started, greeted = time.monotonic(), False
    while not stopped:
        for name, part in parts.items():
            if (status := part.poll()) is not None:
                log.error("stopping, because `%s` ended with status %d", name, status)
                return status or 1
        if not greeted and _answers(settings):
            greeted = True
            _greet(settings, time.monotonic() - started)
        time.sleep(POLL_S)
    return 0


def _stop(parts: dict[str, subprocess.Popen[bytes]]) -> None:
    for part in parts.values():
        if part.poll() is None:
            part.terminate()
    deadline = time.monotonic() + STOP_S
    for name, part in parts.items():
        try:
            part.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("`%s` did not stop within %g s and was killed", name, STOP_S)
            os.killpg(part.pid, signal.SIGKILL)
            part.wait()


def _answers(settings: Settings) -> bool:
    try:
        socket.create_connection((local_host(settings), settings.port), timeout=1).close()
    except OSError:
        return False
    return True


def _greet(settings: Settings, after_s: float) -> None:
    start = page(settings)
    token = ' -H "Authorization: Bearer $MESOSCOPE_TOKEN"' if settings.token else ""
    sys.stdout.write(
        f"\nMesoscope is ready after {after_s:.1f} s. Open {start}\n"
        f"or try: curl{token} -F file=@{SAMPLE.relative_to(ROOT)} {start}check-file\n"
        f"a video: curl{token} -d url=ITS-ADDRESS {start}check-url\n"
        "Stop it with Ctrl-C.\n\n"
    )
    sys.stdout.flush()

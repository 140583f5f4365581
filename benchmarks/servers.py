"""A real PostgreSQL and a real Redis, started from Debian's packages in a folder of their own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import redis

from benchmarks.options import Missing
from server.processes.sandbox import die_with

READY_S = 180.0  # after a crash, on a machine that is busy with other work
STOP_S = 20.0
PACKAGES = {"initdb": "postgresql", "postgres": "postgresql", "redis-server": "redis-server"}


@contextlib.contextmanager
def running(**settings: str) -> Iterator[tuple[Postgres, Redis]]:
    """Both, started; stopped and removed in the end. `settings` are PostgreSQL's.

    Raises Missing. They end with the thread that started them, should it end first.
    """
    with tempfile.TemporaryDirectory(prefix="mesoscope-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as somebody else
        with contextlib.ExitStack() as stack:
            postgres, redis_ = Postgres(folder / "postgres", **settings), Redis(folder / "redis")
            for server in (postgres, redis_):
                server.start()
                stack.callback(server.stop)
            yield postgres, redis_


def program(name: str) -> str:
    """The path of a server's program. Raises Missing."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name) or next(map(str, debian), None)
    if not found:
        raise Missing(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found


class Postgres:
    """A database server on a socket in `folder`; it may be killed and started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._initdb, self._postgres = program("initdb"), program("postgres")
        self._folder, self._data = folder, folder / "data"
        self._settings = settings
        self._user = _user()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        if self._user:
            shutil.chown(folder, self._user["user"])
        how = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username=postgres")
        made = subprocess.run(
            [self._initdb, *how, "--pgdata", str(self._data)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            **self._user,
        )
        if made.returncode:
            raise Missing(f"PostgreSQL cannot be set up here: {made.stderr.strip()}")

    def url(self, database: str = "postgres") -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self._folder), user="postgres", dbname=database, autocommit=True
        )

    def start(self) -> None:
        """Returns once it answers."""
        options = {"listen_addresses": "", "unix_socket_directories": str(self._folder)}
        arguments = [f"--{name}={value}" for name, value in (options | self._settings).items()]
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:  # or it died: try again,
                # for what a killed one left behind may have been in its way
                with (self._folder / "log.txt").open("ab") as log:
                    self._process = subprocess.Popen(
                        [self._postgres, "-D", str(self._data), *arguments],
                        cwd=self._folder,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        preexec_fn=partial(die_with, os.getpid()),
                        **self._user,
                    )
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return
            time.sleep(0.1)
        raise TimeoutError(f"PostgreSQL did not start; see {self._folder / 'log.txt'}")

    def crash(self) -> None:
        """End it at once, with all its connections, and nothing put in order."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def disconnect_all(self) -> int:
        """Cut every connection but this one; how many they were."""
        cut = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        with self.connect() as connection:
            row = connection.execute(cut).fetchone()
        return int(row[0]) if row else 0

    def _end(self, number: int) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)
            _wait(self._process)


class Redis:
    """A broker on a loopback port, which keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._program = program("redis-server")
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Returns once it answers."""
        options = {"bind": "127.0.0.1", "port": str(self._port), "save": "", "appendonly": "no"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *arguments],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(die_with, os.getpid()),
            )
        deadline = time.monotonic() + READY_S
        with redis.Redis(port=self._port) as client:
            while self._process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(redis.ConnectionError):
                    client.ping()
                    return
                time.sleep(0.05)
        raise TimeoutError(f"Redis did not start; see {self._folder / 'log.txt'}")

    def crash(self) -> None:
        """Kill it: every message it held is lost."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            _wait(self._process)

    stop = crash

    def empty(self) -> None:
        """Take every message out of it."""
        with redis.Redis(port=self._port) as client:
            client.flushall()


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: whom it runs as then, for subprocess.Popen."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in known else "nobody"
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": ()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

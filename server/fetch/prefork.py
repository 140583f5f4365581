"""A download child that was forked, with yt-dlp imported, before its task is known.

Before: once a check has a thread for its guard, it must not fork any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import traceback
from dataclasses import asdict
from types import TracebackType
from typing import BinaryIO, NoReturn

from server.processes import fetch_main as download_child
from server.processes.sandbox import die_with


class Waiting:
    """Calling it starts the download, as child_process.spawn does; leaving it ends the child."""

    def __init__(self) -> None:
        parent_pid = os.getpid()
        theirs, task = os.pipe()
        output, said = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become_child(theirs, said, parent_pid)
        with contextlib.suppress(OSError):  # whoever comes first
            os.setpgid(self.pid, self.pid)
        os.close(theirs)
        os.close(said)
        self._task: BinaryIO = os.fdopen(task, "wb")
        self.stdout: BinaryIO = os.fdopen(output, "rb", buffering=0)
        self._status: int | None = None

    def __call__(self, task: download_child.Task) -> Waiting:
        with contextlib.suppress(BrokenPipeError), self._task:  # its silence will tell
            self._task.write(json.dumps(asdict(task)).encode())
        return self

    def wait(self) -> int:
        """Reap it; its exit status, negative for a signal."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is None:  # it was never called
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self._task.close()
        self.stdout.close()


def _become_child(task: int, output: int, parent_pid: int) -> NoReturn:
    """Be what `python -m server.processes.fetch_main` is: the same streams, environment and end."""
    status = 1
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        die_with(parent_pid)
        for descriptor, ours in ((task, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, ours)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        with open(0, "rb", closefd=False) as line:
            asked = json.load(line)
        os.environ.clear()
        os.environ |= download_child.environment(asked["folder"])
        tempfile.tempdir = asked["folder"]
        download_child.serve(download_child.Task(**asked))
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may get back into the parent's code
        traceback.print_exc()
    finally:
        os._exit(status)

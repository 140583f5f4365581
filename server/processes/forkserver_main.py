"""What checks are forked from: `python -m server.processes.forkserver_main SOCKET PARENT`.

It has imported everything and never reads a byte that a stranger wrote, so that each check begins
warm and in a process of its own. Requests come and answers go as JSON packets over a socket:
`{"task": {...}}` with the descriptors to answer on and to log to, and perhaps those of a line to
the networks -> `{"pid": ...}`; `{"reap": pid}` -> `{"status": ...}`, so that until then the number
of the process is not given out again. It writes `{"warm": true}` once, and ends with its parent.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, NoReturn

from server import logs
from server.processes import main as child
from server.processes import sandbox
from server.processes.protocol import Task

PACKET_BYTES = 1 << 18
MOST_DESCRIPTORS = 4
# All that children need: generic is the extractor that most addresses come to.
WARM = (
    "server.processes.check_main",
    "server.processes.fetch_main",
    "server.fetch.guard",
    "server.fetch.ytdlp",
    "psutil",
    "yt_dlp.extractor.extractors",
    "yt_dlp.extractor.generic",
)
THREADS = Path("/proc/self/task")


def main() -> None:
    """Serve until the parent hangs up."""
    descriptor, parent_pid = map(int, sys.argv[1:])
    sandbox.die_with(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as control:
        with logs.silence():  # LiteRT announces itself
            warm_up()
        _say(control, warm=True)
        while True:
            packet, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES, MOST_DESCRIPTORS)
            if not packet:
                return
            request = json.loads(packet)
            if "reap" in request:
                _, status = os.waitpid(request["reap"], 0)
                _say(control, status=os.waitstatus_to_exitcode(status))
            else:
                _say(control, pid=_fork(request["task"], descriptors, control))
                for descriptor in descriptors:
                    os.close(descriptor)


def warm_up() -> None:
    """Import what a check needs, run each network once, have yt-dlp compile its patterns and OpenCV
    make its tables of colours, each of which takes longer than a first look, and look up what a
    confinement asks for; starts no thread, as none survives."""
    for name in WARM:
        import_module(name)
    import cv2
    import numpy as np

    from server.analysis.cuts import thumbnail
    from server.analysis.faces import FaceFinder
    from server.fetch import ytdlp

    ytdlp.warm_up()
    sandbox.prepare()
    metadata.version("numpy")
    cv2.setNumThreads(1)  # else it starts some
    picture = np.zeros((100, 100, 3), np.uint8)
    FaceFinder().find(picture)
    thumbnail(picture)
    if THREADS.exists() and len(list(THREADS.iterdir())) > 1:
        raise SystemExit("something started a thread, so no process can be forked from this one")
    gc.collect()
    gc.freeze()  # what is here is shared with the children for as long as nobody touches it


def _fork(task: dict[str, Any], descriptors: Sequence[int], control: socket.socket) -> int:
    parent_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become_child(task, parent_pid, descriptors, control)
    with suppress(OSError):  # also done by the child: the group must be there before its number is
        os.setpgid(pid, pid)
    return pid


def _become_child(
    asked: dict[str, Any], parent_pid: int, descriptors: Sequence[int], control: socket.socket
) -> NoReturn:
    status = 1
    try:
        control.close()  # or a child could answer in place of this server
        with suppress(OSError):
            os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sandbox.die_with(parent_pid)
        output, log_to, *channel = descriptors
        for descriptor, ours in ((output, 1), (log_to, 2)):
            os.dup2(descriptor, ours)
            os.close(descriptor)
        told = asked | {"parent_pid": parent_pid, "channel": channel or None}
        child.serve(Task.of(told))
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may get back into the server's loop
        traceback.print_exc()
    finally:
        os._exit(status)


def _say(control: socket.socket, **answer: object) -> None:
    control.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main()

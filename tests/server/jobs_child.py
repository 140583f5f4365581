"""A child that speaks the protocol of server.processes.check_main and does what its address says.

http://child.test/?do=progress:0.5&do=sleep:3&do=crash ... A real process with real deaths, for the
tests of everything around the analysis.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from server.processes.check_main import LAST_WORDS, Task
from server.processes.sandbox import die_with
from tests.server.verdicts import verdict

JPEG = base64.b64encode(b"\xff\xd8 no more than a beginning").decode()
COMMAND = (sys.executable, "-m", "tests.server.jobs_child")


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def act(task: Task, step: str, value: str) -> None:
    """One step; see the test that uses it."""
    match step:
        case "progress":
            partial = verdict("inconclusive")
            say(progress={"stage": "faces", "progress": float(value), "partial": partial})
        case "sleep":
            time.sleep(float(value))
        case "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(60)
        case "wait-for":
            while not Path(value).exists():
                time.sleep(0.02)
        case "environment":
            say(result=verdict(versions=dict.fromkeys(os.environ, "")))
        case "grandchild":  # one that ties its life to nobody
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", task.work_id])
        case "note":  # a line for each attempt
            with Path(value).open("a") as notes:
                notes.write(f"{os.getpid()} {task.scratch}\n")
        case "scratch":
            (Path(task.scratch) / "media.mp4").write_bytes(b"x" * 1000)
        case "last-words":
            (Path(task.scratch) / LAST_WORDS).write_text(value)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "crash-once":
            if not Path(value).exists():
                Path(value).touch()
                os.kill(os.getpid(), signal.SIGSEGV)
        case "signal":
            os.kill(os.getpid(), int(value))
        case "exit":
            sys.exit(int(value))
        case "babble":
            print("this is not JSON", flush=True)
        case "error":
            say(error={"code": value, "detail": "D"})
        case "media":  # a download that holds this
            folder = Path(task.scratch) / "fetch"
            folder.mkdir()
            (folder / "media.mp4").write_text(value)
            say(media={"file": "fetch/media.mp4"})
        case "say":  # a line of its own
            print(value, flush=True)
        case "say-file":  # lines that do not fit into an address
            print(Path(value).read_text(), flush=True)
        case "result":
            face = {"face": 1, "moment": 0, "kind": "face", "jpeg": JPEG}
            say(result=verdict(value, versions={"source": task.source}), pictures=[face])


def read(task: Task) -> None:
    """An upload: say what it is; take a moment for one that begins with "slow"."""
    content = Path(task.source).read_bytes()
    time.sleep(0.5 if content.startswith(b"slow") else 0.0)
    say(result=verdict(versions={"sha256": hashlib.sha256(content).hexdigest()}))


def main() -> None:
    task = Task(**json.loads(sys.stdin.readline()))
    die_with(task.parent_pid)
    if task.kind == "file":
        read(task)
    for step, instruction in parse_qsl(urlsplit(task.source).query):
        name, _, value = instruction.partition(":")
        if step == "do":
            act(task, name, value)


if __name__ == "__main__":
    main()

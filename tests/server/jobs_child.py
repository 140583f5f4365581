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

from server.processes.fetch import SHARE
from server.processes.protocol import Checking, Downloading, Guarding, Reading, Task
from server.processes.sandbox import die_with
from tests.server.verdicts import verdict

JPEG = base64.b64encode(b"\xff\xd8 no more than a beginning").decode()
SAY = b"say\n"
COMMAND = (sys.executable, "-m", "tests.server.jobs_child")


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def act(task: Task, url: str, step: str, value: str) -> None:
    """One step; see the test that uses it."""
    scratch = Path(task.words).parent
    match step:
        case "progress":  # of the whole, of which the download was a part
            partial = verdict("inconclusive")
            own = max(0.0, (float(value) - SHARE) / (1 - SHARE))
            say(progress={"stage": "faces", "progress": own, "partial": partial})
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
                notes.write(f"{os.getpid()} {scratch}\n")
        case "scratch":
            (scratch / "media.mp4").write_bytes(b"x" * 1000)
        case "last-words":
            Path(task.words).write_text(value)
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
        case "say":  # a line of its own
            print(value, flush=True)
        case "result":
            face = {"face": 1, "moment": 0, "kind": "face", "jpeg": JPEG}
            say(result=verdict(value, versions={"source": url}), pictures=[face])


def read(file: Path) -> None:
    """An upload: say the lines after SAY, or what it is; take a moment for one that begins with
    "slow"."""
    content = file.read_bytes()
    if content.startswith(SAY):
        print(content.removeprefix(SAY).decode(), flush=True)
        return
    time.sleep(0.5 if content.startswith(b"slow") else 0.0)
    say(result=verdict(versions={"sha256": hashlib.sha256(content).hexdigest()}))


def download(task: Task, asked: Downloading) -> None:
    """Leave a file, and beside it what its check is to do."""
    folder, media = Path(asked.folder), asked.url
    for step, value in steps(asked.url):
        if step == "media":
            media = value
        elif step.startswith("fetch-"):
            act(task, asked.url, step.removeprefix("fetch-"), value)
    (folder / "media.mp4").write_text(media)
    (folder / "address").write_text(asked.url)
    say(file={"name": "media.mp4", "cut_short": False})


def check(task: Task, file: Path) -> None:
    address = file.parent / "address"
    if not file.exists():  # its job was deleted, and it is about to be killed
        return
    if not address.exists():
        read(file)
        return
    url = address.read_text()
    for step, value in steps(url):
        if step != "media" and not step.startswith("fetch-"):
            act(task, url, step, value)


def steps(url: str) -> list[tuple[str, str]]:
    """(what to do, its value)"""
    said = [value for name, value in parse_qsl(urlsplit(url).query) if name == "do"]
    return [(name, value) for name, _, value in (each.partition(":") for each in said)]


def main() -> None:
    task = Task.of(json.loads(sys.stdin.readline()))
    die_with(task.parent_pid)
    match task.work:
        case Guarding():
            say(proxy={"url": "http://127.0.0.1:9", "port": 9})
            time.sleep(300)
        case Downloading():
            download(task, task.work)
        case Checking():
            check(task, Path(task.work.file))
        case Reading():
            say(provenance=verdict()["provenance"])


if __name__ == "__main__":
    main()

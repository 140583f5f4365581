"""The children of a hurried drill's worker: like any other, but a check of NOWHERE only takes time.

`http://drill.invalid/7.jpg?s=0.6` keeps a media file, reports progress and ends after 0.6 s. Every
other address is really downloaded and checked.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from server.processes import main
from server.processes.protocol import Checking, Downloading, Guarding, Reading, Say, Task

NOWHERE = "drill.invalid"
STEPS = 5
MEDIA_BYTES = 100_000
NAME = "nowhere.mp4"
EXAMPLE = Path(__file__).resolve().parents[2] / "tests" / "contract" / "verdict-1.json"


def guard(_task: Task, say: Say) -> None:
    say(proxy={"url": "http://127.0.0.1:9", "port": 9})
    threading.Event().wait()


def download(task: Task, say: Say) -> None:
    asked = task.work
    assert isinstance(asked, Downloading)
    (Path(asked.folder) / NAME).write_bytes(asked.url.encode().ljust(MEDIA_BYTES))
    for step in range(STEPS):
        say(received=step / STEPS)
        time.sleep(float(parse_qs(urlsplit(asked.url).query)["s"][0]) / STEPS)
    say(file={"name": NAME, "cut_short": False})


def check(_task: Task, say: Say) -> None:
    say(result=json.loads(EXAMPLE.read_text()), pictures=[])


def reader(_task: Task, say: Say) -> None:
    say(provenance=json.loads(EXAMPLE.read_text())["provenance"])


def is_nowhere(task: Task) -> bool:
    match task.work:
        case Guarding():
            return task.work.host == NOWHERE
        case Downloading():
            return urlsplit(task.work.url).hostname == NOWHERE
        case Checking() | Reading():
            return Path(task.work.file).name == NAME


if __name__ == "__main__":
    told = Task.of(json.loads(sys.stdin.readline()))
    if is_nowhere(told):
        main.MODULES = dict.fromkeys(main.MODULES, __name__)
    main.serve(told)

"""The protocol of a child process: its task as one JSON line in, its messages as JSON lines out.

Four kinds of work, each done by a process of its own: a guard lets one download reach the internet,
a download fetches through it, a check looks at the file, and a reader beside it reads what the file
declares of its origin. messages.py holds what each may answer.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from server.config import Settings

LINE_BYTES = 32 << 20  # a longer line is no verdict
TOTAL_BYTES = 512 << 20  # of all output of one child
READER_BYTES = 256_000  # of a reader's
MOST_BABBLE = 100  # lines that are no JSON

ROOT = Path(__file__).resolve().parents[2]  # where a child is started

# For the libraries of the processes that read media.
ENVIRONMENT = {
    # A pool of threads, started on import, would stay outside of a child's confinement, and would
    # not survive a fork.
    "OPENBLAS_NUM_THREADS": "1",
    # So that a picture's memory is the system's again once it was looked at.
    "MALLOC_MMAP_THRESHOLD_": "2000000",
    # With that set, glibc would else give back and ask for again whatever is larger than 128 kB: a
    # fifth of a check's processor time.
    "MALLOC_TRIM_THRESHOLD_": "8000000",
}

Say = Callable[..., None]  # writes its named arguments as the line of a child
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guarding:
    """Let what was found public be reached; `host` and `port` are judged before anything else."""

    kind: ClassVar[str] = "guard"
    host: str
    port: int
    allow_hosts: tuple[str, ...]
    max_bytes: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Downloading:
    """Fetch the video at `url` into `folder`, through the proxy."""

    kind: ClassVar[str] = "download"
    url: str
    folder: str
    proxy_url: str
    proxy_port: int
    max_bytes: int
    max_duration_s: float
    cpu_s: int


@dataclass(frozen=True, slots=True)
class Checking:
    """Look at a file. `options` are AnalysisOptions; `threads` look at frames at the same time.

    `sha256` and `cut_short` are as in MediaFile, `watched_s` as in Analyzer.analyze.
    """

    kind: ClassVar[str] = "check"
    file: str
    sha256: str
    cut_short: bool
    options: dict[str, Any]
    memory_bytes: int
    cpu_s: int
    threads: int
    trust_list: str = ""  # a file of certificates; empty: the one that ships
    watched_s: float | None = None

    @classmethod
    def within(cls, settings: Settings, file: str, **what: Any) -> Checking:
        """`what`: the options and what is known of the file; the rest is what settings allow."""
        return cls(
            file=file,
            memory_bytes=settings.max_memory_bytes,
            cpu_s=(1 + settings.cores) * math.ceil(settings.job_timeout_s),
            threads=settings.cores,
            trust_list=settings.trust_list and str(Path(settings.trust_list).resolve()),
            **what,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Read what `file` declares of its own origin, within `wall_s` seconds.

    `memory_bytes`: what its check may use, of which the reader gets no more.
    """

    kind: ClassVar[str] = "reader"
    wall_s: ClassVar[int] = 15  # no file that was seen took a second
    file: str
    memory_bytes: int
    trust_list: str


Work = Guarding | Downloading | Checking | Reading
KINDS: dict[str, type[Work]] = {
    each.kind: each for each in (Guarding, Downloading, Checking, Reading)
}


@dataclass(frozen=True, slots=True)
class Task:
    """The task of a child. `channel`: descriptors of one to the process of the networks.

    `words`: the file for what libraries print. `parent_pid`: with whom it ends, known as it starts.
    """

    work: Work
    work_id: str = "-"
    words: str = os.devnull
    parent_pid: int = 0
    channel: tuple[int, int] | None = None
    log_level: int = logging.INFO
    log_format: str = "text"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"work": {self.work.kind: asdict(self.work)}}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Task:
        [(kind, work)] = said["work"].items()
        return cls(**{**said, "work": KINDS[kind](**work)})


def environment() -> dict[str, str]:
    """Nothing of ours: its own libraries' settings, and no folder where something could be found.

    Whatever it holds, its answer can carry out: passwords of databases and clouds, names of people.
    """
    given = ENVIRONMENT | {
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PATH": "/nonexistent",
        "YTDLP_NO_PLUGINS": "1",
    }
    if "LD_LIBRARY_PATH" in os.environ:  # some Pythons do not start without it
        given["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return given


class Lines:
    """Puts blocks of what a child writes together to the objects that its lines hold.

    `too_much`: it wrote more, in one line or altogether, than any child of ours.
    """

    def __init__(self, most_bytes: int = TOTAL_BYTES) -> None:
        self._pending = b""
        self._left = most_bytes
        self._babble = 0

    @property
    def too_much(self) -> bool:
        return self._left < 0 or self._babble > MOST_BABBLE or len(self._pending) > LINE_BYTES

    def add(self, block: bytes) -> list[dict[str, Any]]:
        """The objects of the lines that end in this block."""
        self._left -= len(block)
        *lines, self._pending = (self._pending + block).split(b"\n")
        return [message for line in lines if (message := self._parsed(line)) is not None]

    def _parsed(self, line: bytes) -> dict[str, Any] | None:
        """The line's object; None for a line without one, of which MOST_BABBLE are tolerated."""
        if self._babble > MOST_BABBLE:
            return None
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            return message
        self._babble += 1
        log.warning("a child wrote something else than its lines: %r", line[:200])
        return None

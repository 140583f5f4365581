"""One check in a process of its own: `python -m server.jobs.child`.

Reads one JSON line, the Task, from standard input; writes JSON lines to standard output:
`{"progress": {...}}` any number of times; once a download is there, and before it is decoded,
`{"media": {"file": ...}}`; then one `{"result": {...}, "pictures": [...]}` or `{"error": {...}}`.
messages.py says what the runner takes of it.
"""

from __future__ import annotations

import base64
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from server import logs
from server.config import Settings
from server.errors import AppError, MemoryLimit
from server.fetch.sandbox import Confinement, confine, die_with

if TYPE_CHECKING:  # they load NumPy; the processes that only import Task do without
    from server.analysis.records import FacePicture, MediaFile, Progress
    from server.fetch import download_child
    from server.fetch.child_process import Running

    Start = Callable[[download_child.Task], Running]

FETCH_SHARE = 0.3  # of the whole progress, for a check that begins with a download
LAST_WORDS = "output.txt"  # in the scratch folder
LAST_WORDS_BYTES = 1_000_000
OPENCV_NO_MEMORY = -4  # cv2.error.code; it is no MemoryError
REPORT_S = 0.2  # progress is written at most this often, except for a new stage
# What the processor can do, which the networks' runtime wants to know; not this machine's name.
HARDWARE = tuple(map(Path, ("/proc/cpuinfo", "/sys/devices/system/cpu", "/sys/fs/cgroup")))

log = logging.getLogger(__name__)


# For the libraries of whoever looks at media.
ENVIRONMENT = {
    # A pool of threads, started on import, would stay outside of a child's confinement, and would
    # not survive a fork.
    "OPENBLAS_NUM_THREADS": "1",
    # So that a picture's memory is the system's again once it was looked at.
    "MALLOC_MMAP_THRESHOLD_": "2000000",
}


@dataclass(frozen=True, slots=True)
class Task:
    """What the runner asks for. `limits` and `options` are DownloadLimits and AnalysisOptions."""

    work_id: str
    kind: Literal["url", "file"]
    source: str
    scratch: str
    parent_pid: int
    limits: dict[str, Any]
    options: dict[str, Any]
    memory_bytes: int
    cpu_s: int
    threads: int = 1  # frames looked at at the same time
    line: tuple[int, int] | None = None  # descriptors of a line to the networks' process
    log_level: int = logging.INFO
    log_format: str = "text"
    trust_list: str = ""  # a file of certificates; empty: the one that ships

    @classmethod
    def within(cls, settings: Settings, **work: Any) -> Task:
        """`work`, to be done by a child of this process within what the settings allow."""
        limits = {
            "max_bytes": settings.max_download_bytes,
            "timeout_s": settings.download_timeout_s,
            "max_duration_s": settings.max_duration_s,
            "allow_hosts": settings.allow_hosts,
        }
        return cls(
            parent_pid=os.getpid(),
            limits=limits,
            log_format=settings.log_format,
            trust_list=settings.trust_list and str(Path(settings.trust_list).resolve()),
            memory_bytes=settings.max_memory_bytes,
            cpu_s=(1 + settings.cores) * math.ceil(settings.job_timeout_s),
            threads=settings.cores,
            **work,
        )


def main() -> None:
    """Read the task and serve it."""
    serve(Task(**json.loads(sys.stdin.readline())))


def serve(task: Task, start: Start | None = None) -> None:
    """Answer on standard output. Whatever goes wrong becomes an error line, never a traceback
    outside. `start` starts a download, if that was prepared."""
    lines, messages = (os.fdopen(os.dup(fd), "w", encoding="utf-8", buffering=1) for fd in (1, 2))
    logs.configure(messages, task.log_level, task.log_format)
    die_with(task.parent_pid)
    _hush(Path(task.scratch) / LAST_WORDS)
    answer = _answer(task, Reporter(task, lines.write), start)
    lines.write(json.dumps(answer, allow_nan=False) + "\n")


def _hush(path: Path) -> None:
    """Send what libraries print to a file, which the runner reads should this process die."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.close(file)


class Reporter:
    """Writes how far a check has come, as a fraction of the whole, often enough to watch."""

    def __init__(self, task: Task, write: Callable[[str], object]) -> None:
        self._task = task
        self._write = write
        self._stage = ""
        self._partial: dict[str, Any] | None = None
        self._at = 0.0
        self._start = time.monotonic()

    def fetched(self, fraction: float) -> None:
        self._report("fetch", FETCH_SHARE * fraction, None)

    def media(self, file: str | None) -> None:
        self._write(json.dumps({"media": {"file": file}}) + "\n")

    def opened(self) -> None:
        self._report("faces", self._before(), None)

    def analyzed(self, progress: Progress) -> None:
        if progress.stage == "done":  # the result itself follows
            return
        before = self._before()
        fraction = before + (1 - before) * progress.fraction
        self._report(progress.stage, fraction, progress.partial)

    def _before(self) -> float:
        """What was done before the analysis began."""
        return FETCH_SHARE if self._task.kind == "url" else 0.0

    def _report(self, stage: str, fraction: float, partial: dict[str, Any] | None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            log.info("work=%s stage=%s after=%.1fs", self._task.work_id, stage, now - self._start)
        elif now < self._at + REPORT_S:
            return
        self._stage, self._at = stage, now
        progress: dict[str, Any] = {"stage": stage, "progress": fraction}
        if partial is not None and partial is not self._partial:  # they are large
            self._partial = progress["partial"] = partial
        self._write(json.dumps({"progress": progress}) + "\n")


def _answer(task: Task, reporter: Reporter, start: Start | None) -> dict[str, Any]:
    try:
        return check(task, reporter, start)
    except AppError as error:
        return _refusal(error)
    except MemoryError:
        return _refusal(_out_of_memory(task))
    except Exception as error:
        if getattr(error, "code", None) == OPENCV_NO_MEMORY:
            return _refusal(_out_of_memory(task))
        log.exception("work=%s failed in a way that we did not foresee", task.work_id)
        return _refusal(AppError())


def _refusal(error: AppError) -> dict[str, Any]:
    return {"error": {"code": error.code, "detail": error.detail}}


def _out_of_memory(task: Task) -> MemoryLimit:
    return MemoryLimit(
        f"It was stopped at {task.memory_bytes / 1e6:g} MB. Scale the media down, or let checks "
        "use more: MESOSCOPE_MAX_MEMORY_BYTES."
    )


def check(task: Task, reporter: Reporter, start: Start | None = None) -> dict[str, Any]:
    """Fetch, analyze, and give the verdict in its JSON form, with the pictures beside it."""
    begun = time.monotonic()
    media = _fetched(task, reporter, start) if task.kind == "url" else _uploaded(task)
    fetch_s = time.monotonic() - begun
    reporter.opened()
    from server.analysis.analyze import Analyzer
    from server.analysis.answer import to_json
    from server.analysis.records import AnalysisOptions
    from server.analysis.runtimes.remote import Line
    from server.jobs import provenance

    networks = Line(*task.line) if task.line else None
    declared = provenance.start(media.path, task.trust_list, task.memory_bytes)
    confine_to(media.path, task)
    if task.kind == "url":  # the runner may know the answer already, but not to a beginning
        name = media.path.relative_to(Path(task.scratch).resolve()).as_posix()
        reporter.media(None if media.cut_short else name)
    analyzer = Analyzer(AnalysisOptions(**task.options), task.threads, networks)
    verdict = analyzer.analyze(media, reporter.analyzed)
    result = to_json(replace(verdict, provenance=declared.result()))
    if task.kind == "url":
        result["timing_s"]["fetch"] = round(fetch_s, 3)
    return {"result": result, "pictures": [_sent(each) for each in verdict.pictures]}


def _sent(picture: FacePicture) -> dict[str, Any]:
    return {
        "face": picture.face_id,
        "moment": picture.moment,
        "kind": picture.kind,
        "jpeg": base64.b64encode(picture.jpeg).decode(),
    }


def confine_to(media: Path, task: Task) -> None:
    """Give up everything but reading `media` and computing, for good.

    After the last import, so that Python may keep our compiled modules, and before the first
    thread and the first byte that a stranger wrote. What is open stays so: the lines to the
    runner, the log and the file of last words.
    """
    confinement = Confinement(
        folder=None,
        proxy_port=None,
        readable=(media, *HARDWARE),
        memory_bytes=task.memory_bytes,
        file_bytes=LAST_WORDS_BYTES,
        cpu_s=task.cpu_s,
        open_files=64,
    )
    confine(confinement, task.parent_pid)


def _fetched(task: Task, reporter: Reporter, start: Start | None) -> MediaFile:
    reporter.fetched(0.0)
    from server.fetch.child_process import spawn
    from server.fetch.download import DownloadLimits, download

    limits = DownloadLimits(**{**task.limits, "allow_hosts": tuple(task.limits["allow_hosts"])})
    scratch = Path(task.scratch)
    return download(task.source, scratch, limits, reporter.fetched, start=start or spawn)


def _uploaded(task: Task) -> MediaFile:
    from server.analysis.records import MediaFile

    return MediaFile(Path(task.source))


def encode(task: Task) -> bytes:
    """The line that main() reads."""
    return json.dumps(asdict(task)).encode() + b"\n"


if __name__ == "__main__":
    main()

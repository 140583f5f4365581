"""The two children of a check, each confined before it reads the file: one looks at it and
computes, one beside it reads what the file declares of its own origin.

The readers of such words are many, their formats old, and the one of Content Credentials is
compiled code that ends its process when memory or its stack runs out: what a file breaks there
costs what it said of itself, and not its check.
"""

from __future__ import annotations

import base64
import logging
import signal
import time
from pathlib import Path
from typing import Any

from server.analysis.analyze import Analyzer
from server.analysis.answer import to_json
from server.analysis.provenance.reading import TRUST_LIST, read
from server.analysis.records import FacePicture, MediaFile, Progress
from server.errors import MemoryLimit
from server.gpu.channel import Channel
from server.processes.protocol import Checking, Reading, Say, Task
from server.processes.sandbox import MEGABYTE, Confinement, confine
from server.terms import AnalysisOptions

WORDS_BYTES = 1_000_000  # that libraries may print
OPENCV_NO_MEMORY = -4  # cv2.error.code; it is no MemoryError
REPORT_S = 0.2  # progress is written at most this often, except for a new stage or verdict
READER_CPU_S = 10
READER_MEMORY_BYTES = 1000 * MEGABYTE  # a large picture is read whole
# What the processor can do, which the networks' runtime reads; not this machine's name.
HARDWARE = tuple(map(Path, ("/proc/cpuinfo", "/sys/devices/system/cpu", "/sys/fs/cgroup")))

log = logging.getLogger(__name__)


def check(task: Task, say: Say) -> None:
    """Say how far it has come, any number of times, then the verdict with its pictures.

    Raises MemoryLimit, or what Analyzer.analyze does.
    """
    asked = task.work
    assert isinstance(asked, Checking)
    networks = Channel(*task.channel) if task.channel else None
    confine_to(Path(asked.file), asked, task.parent_pid)
    reporter = Reporter(task.work_id, say)
    reporter.opened()
    try:
        media = MediaFile(Path(asked.file), asked.sha256, asked.cut_short)
        analyzer = Analyzer(AnalysisOptions(**asked.options), asked.threads, networks)
        verdict = analyzer.analyze(media, reporter.analyzed, asked.watched_s)
    except Exception as error:
        if isinstance(error, MemoryError) or getattr(error, "code", None) == OPENCV_NO_MEMORY:
            raise MemoryLimit(
                f"It was stopped at {asked.memory_bytes / 1e6:g} MB. Scale the media down, or let "
                "checks use more: MESOSCOPE_MAX_MEMORY_BYTES."
            ) from error
        raise
    say(result=to_json(verdict), pictures=[_sent(each) for each in verdict.pictures])


def confine_to(media: Path, asked: Checking, parent_pid: int) -> None:
    """Give up everything but reading `media` and computing, for good.

    Before the first thread and the first byte that a stranger wrote. What is open stays so: the
    lines to the runner, the log, the file of last words and the channel to the networks.
    """
    confinement = Confinement(
        folder=None,
        proxy_port=None,
        readable=(media, *HARDWARE),
        memory_bytes=asked.memory_bytes,
        file_bytes=WORDS_BYTES,
        cpu_s=asked.cpu_s,
        open_files=64,
    )
    confine(confinement, parent_pid)


def reader(task: Task, say: Say) -> None:
    """Say what the file declares as far as it is known by then, once or twice; the last is all.

    Raises what `read` does, and OSError without the list of certificates.
    """
    asked = task.work
    assert isinstance(asked, Reading)
    trusted = Path(asked.trust_list or TRUST_LIST).read_text()
    media = Path(asked.file)
    signal.alarm(Reading.wall_s)
    most = min(asked.memory_bytes, READER_MEMORY_BYTES)
    limits = Confinement(None, None, (media,), most, cpu_s=READER_CPU_S, open_files=64)
    confine(limits, task.parent_pid)
    for provenance in read(media, trusted):
        say(provenance=provenance.to_json())


class Reporter:
    """Says how far the analysis has come, as a fraction of it, often enough to watch."""

    def __init__(self, work_id: str, say: Say) -> None:
        self._work_id = work_id
        self._say = say
        self._stage = ""
        self._partial: dict[str, Any] | None = None
        self._at = 0.0
        self._start = time.monotonic()

    def opened(self) -> None:
        self._report("faces", 0.0, None)

    def analyzed(self, progress: Progress) -> None:
        if progress.stage != "done":  # the result itself follows
            self._report(progress.stage, progress.fraction, progress.partial)

    def _report(self, stage: str, fraction: float, partial: dict[str, Any] | None) -> None:
        now = time.monotonic()
        new = partial is not None and partial is not self._partial
        if stage != self._stage:
            log.info("work=%s stage=%s after=%.1fs", self._work_id, stage, now - self._start)
        elif now < self._at + REPORT_S and not new:
            return
        if new and self._partial is None:
            log.info("work=%s verdict=so-far after=%.1fs", self._work_id, now - self._start)
        self._stage, self._at = stage, now
        progress: dict[str, Any] = {"stage": stage, "progress": fraction}
        if new:  # they are large
            self._partial = progress["partial"] = partial
        self._say(progress=progress)


def _sent(picture: FacePicture) -> dict[str, Any]:
    return {
        "face": picture.face_id,
        "moment": picture.moment,
        "kind": picture.kind,
        "jpeg": base64.b64encode(picture.jpeg).decode(),
    }

"""The faces of one frame after another, on several cores: frames do not depend on each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from server.analysis.faces import FaceFinder
from server.analysis.records import Faces, Frame

Found = tuple[Frame, Faces]


def find_each(
    finder: FaceFinder, frames: Iterable[Frame], threads: int
) -> Generator[Found, None, None]:
    """Every frame with its faces, in the order of `frames`, of which a few are taken ahead.

    Several `threads` help: inference releases Python's lock.
    """
    if threads == 1:
        yield from ((frame, finder.find(frame.rgb)) for frame in frames)
        return
    ahead: deque[tuple[Frame, Future[Faces]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="faces")
    try:
        for frame in frames:
            ahead.append((frame, pool.submit(finder.find, frame.rgb)))
            if len(ahead) > threads:
                yield _oldest(ahead)
        while ahead:
            yield _oldest(ahead)
    finally:
        pool.shutdown(cancel_futures=True)


def _oldest(ahead: deque[tuple[Frame, Future[Faces]]]) -> Found:
    frame, faces = ahead.popleft()
    return frame, faces.result()

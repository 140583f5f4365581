"""The faces of one frame after another, on several cores: frames do not wait for each other.

Where all faces are large, much smaller ones are looked for once a second only: the levels of the
pyramid that show these take most of the time, and what is smaller than JUDGED_PX is never judged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from server.analysis import boxes
from server.analysis.faces import FaceFinder
from server.analysis.records import Faces, Frame
from server.analysis.weighing import JUDGED_PX

WHOLE_EVERY, WHOLE_S = 3, 1.0  # pictures and seconds after which all sizes are looked for again
MOST_SMALLER = 2.0  # how many times smaller than the smallest one a face may be between these

Found = tuple[Frame, Faces]


def find_each(
    finder: FaceFinder, frames: Iterable[Frame], threads: int
) -> Generator[Found, None, None]:
    """Every frame with its faces, in the order of `frames`, of which a few are taken ahead.

    Several `threads` help: inference releases Python's lock.
    """
    ahead: deque[tuple[Frame, Future[Faces]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="faces")
    looks = _Looks()
    try:
        for frame in frames:
            least_px = looks.least_px(frame.time_s)
            faces = pool.submit(finder.find, frame.rgb, least_px)
            looks.add(frame.time_s, least_px, faces)
            ahead.append((frame, faces))
            if len(ahead) > threads:
                yield _oldest(ahead)
        while ahead:
            yield _oldest(ahead)
    finally:
        pool.shutdown(cancel_futures=True)


class _Looks:
    """Which frames are looked at whole, and how small a face may be in those between.

    By the last whole look but one: the last may not have ended, and what is found must not depend
    on which thread is faster.
    """

    def __init__(self) -> None:
        self._whole: deque[tuple[float, Future[Faces]]] = deque(maxlen=2)
        self._since = 0  # the last whole look, this one included

    def least_px(self, time_s: float) -> float:
        """0 where all sizes are looked for."""
        if len(self._whole) < 2 or self._since >= WHOLE_EVERY:
            return 0.0
        (_, before), (last_s, _) = self._whole
        if time_s - last_s > WHOLE_S:
            return 0.0
        sides = boxes.sides(before.result().boxes)
        return min(JUDGED_PX, float(sides.min()) / MOST_SMALLER) if len(sides) else 0.0

    def add(self, time_s: float, least_px: float, faces: Future[Faces]) -> None:
        if least_px == 0:
            self._whole.append((time_s, faces))
            self._since = 0
        self._since += 1


def _oldest(ahead: deque[tuple[Frame, Future[Faces]]]) -> Found:
    frame, faces = ahead.popleft()
    return frame, faces.result()

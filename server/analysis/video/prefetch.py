"""Work done ahead in a thread, so that decoding and looking at pictures overlap."""

from __future__ import annotations

from collections.abc import Generator
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

T = TypeVar("T")


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Generator[T, None, None], depth: int) -> Generator[T, None, None]:
    """Yield `items`, produced in a thread that is at most `depth` ahead.

    What `items` raises is raised here. When this generator ends, is closed or is dropped, the
    thread has ended and `items` is closed.
    """
    ready: SimpleQueue[T | _End] = SimpleQueue()
    room = Semaphore(depth)
    stopped = Event()

    def produce() -> None:
        error: BaseException | None = None
        try:
            while room.acquire() and not stopped.is_set():
                ready.put(next(items))
        except StopIteration:
            pass
        except BaseException as raised:  # noqa: BLE001 - handed to the consumer, who raises it
            error = raised
        finally:
            items.close()
            ready.put(_End(error))

    thread = Thread(target=produce, name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            room.release()
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        room.release()
        thread.join()

"""Those who ask for checks during the drill, over HTTP and with patience."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import requests

from benchmarks.drill.site import marked

PATIENCE_S = 1.0  # before asking again
TIMEOUT_S = 30.0
UPLOAD = "upload-"
AWAY = (429, 503)  # honest answers of a service in trouble


class People(threading.Thread):
    """Ask for each address until it is accepted, `ahead` of what has ended at most.

    Of an address that begins with UPLOAD, a file is sent.
    """

    def __init__(
        self, service: str, addresses: list[str], ahead: int, ended: Callable[[], int]
    ) -> None:
        super().__init__(name="people", daemon=True)
        self._service = service
        self._addresses = addresses
        self._ahead = ahead
        self._ended = ended
        self._stopping = threading.Event()
        self.accepted: dict[str, str] = {}  # job ids by address
        self.answers: Counter[str] = Counter()  # statuses, and `none` for no answer at all

    def run(self) -> None:
        for address in self._addresses:
            while len(self.accepted) - self._ended() >= self._ahead:
                if self._stopping.wait(0.05):
                    return
            while (reply := self._start(address)) is None:
                if self._stopping.wait(PATIENCE_S):
                    return
            self.accepted[address] = reply["id"]
            self._ask("GET", f"/jobs/{reply['id']}")

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    @property
    def wrong(self) -> dict[str, int]:
        """Answers that no service should give, whatever happens behind it."""
        fine = {"none", "200", "202", *map(str, AWAY)}
        return {status: count for status, count in self.answers.items() if status not in fine}

    def _start(self, address: str) -> dict[str, str] | None:
        if address.startswith(UPLOAD):
            file = (f"{address}.jpg", marked(address.encode()))
            return self._ask("POST", "/check-file?wait=0", files={"file": file})
        return self._ask("POST", "/check-url", json={"url": address, "wait": 0})

    def _ask(self, method: str, path: str, **body: Any) -> dict[str, str] | None:
        try:
            reply = requests.request(method, self._service + path, timeout=TIMEOUT_S, **body)
        except requests.RequestException:
            self.answers["none"] += 1
            return None
        self.answers[str(reply.status_code)] += 1
        return dict(reply.json()) if reply.ok else None


def wait_for(what: Callable[[], object], seconds: float, between: Callable[[], object]) -> bool:
    """Whether `what` came true within `seconds`; does `between` all the while."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        between()
        time.sleep(0.1)
    return True

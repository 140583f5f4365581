"""The DevTools protocol without a driver: nothing is attached but what a test attaches itself.

Playwright attaches to every service worker, and a worker with a debugger never dies.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.e2e.extension import FLAGS


class Browser:
    """A running Chromium; `send` calls its methods, or a page's with a session of `attach`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    def send(self, method: str, session: str | None = None, **params: Any) -> Any:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def targets(self, kind: str, url_part: str = "") -> list[dict[str, Any]]:
        found = self.send("Target.getTargets", filter=[{"type": kind}])["targetInfos"]
        return [target for target in found if url_part in target["url"]]

    def attach(self, target_id: str) -> str:
        session = self.send("Target.attachToTarget", targetId=target_id, flatten=True)["sessionId"]
        assert isinstance(session, str)
        return session

    def evaluate(self, session: str, expression: str) -> Any:
        result = self.send(
            "Runtime.evaluate",
            session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, url: str) -> tuple[str, str]:
        """A new tab that is seen, as a person would have opened it; its id and its session.

        A hidden tab loads no video, is not the one that a popup is about, and is granted nothing.
        """
        target = self.send("Target.createTarget", url=url)["targetId"]
        session = self.attach(target)

        def seen() -> Any:
            self.send("Target.activateTarget", targetId=target)
            return self.evaluate(session, "document.visibilityState === 'visible'")

        until(seen, 60, f"{url} in front")
        return target, session


def until(what: Callable[[], Any], seconds: float, name: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {name}")
        time.sleep(0.1)
    return value


@contextmanager
def running(chromium: str, folder: Path, flags: Sequence[str]) -> Iterator[Browser]:
    profile = folder / "profile"
    line = [
        chromium,
        "--headless=new",
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        "--enable-unsafe-extension-debugging",
        *FLAGS,
        *flags,
        "about:blank",
    ]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = profile / "DevToolsActivePort"
        until(lambda: port_file.exists() and port_file.read_text(), 60, "the browser")
        port, path = port_file.read_text().split()
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.wait(15)

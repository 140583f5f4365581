"""Firefox over its own remote protocol: as much of Marionette as these tests need."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.conftest import free_port

QUIET = {
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class Firefox:
    """One session; scripts run as async functions whose `arguments` are given and awaited."""

    def __init__(self, port: int) -> None:
        self._ids = itertools.count(1)
        self._socket = _connected(port)
        self._read()  # its greeting
        self.send("WebDriver:NewSession", capabilities={"alwaysMatch": {}})

    def close(self) -> None:
        self._socket.close()

    def send(self, command: str, **parameters: Any) -> Any:
        text = json.dumps([0, next(self._ids), command, parameters]).encode()
        self._socket.sendall(f"{len(text)}:".encode() + text)
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def _read(self) -> Any:
        length = b""
        while (sign := self._socket.recv(1)) != b":":
            assert sign, "Firefox has gone"
            length += sign
        data = b""
        while len(data) < int(length):
            data += self._socket.recv(int(length) - len(data))
        return json.loads(data)

    def go(self, url: str) -> None:
        self.send("WebDriver:Navigate", url=url)

    def open(self, url: str) -> None:
        """Open a tab at any address, an extension's too, and turn to it."""
        self.run(
            "const window = Services.wm.getMostRecentWindow('navigator:browser');"
            "window.gBrowser.selectedTab = window.gBrowser.addTrustedTab(values[0]);",
            url,
            chrome=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for handle in self.send("WebDriver:GetWindowHandles"):
                self.send("WebDriver:SwitchToWindow", handle=handle, focus=False)
                if self.send("WebDriver:GetCurrentURL")["value"] == url:
                    self.send("WebDriver:SwitchToWindow", handle=handle, focus=True)
                    return
        raise TimeoutError(f"no tab at {url}")

    def run(self, script: str, *values: Any, privileged: bool = False, chrome: bool = False) -> Any:
        """The value of an async function's body, in the page (privileged or not) or the browser."""
        self.send("Marionette:SetContext", value="chrome" if chrome else "content")
        body = f"""const done = arguments[arguments.length - 1];
          (async (...values) => {{ {script} }})(...[...arguments].slice(0, -1))
            .then((value) => done({{value}}), (error) => done({{error: String(error)}}));"""
        result = self.send(
            "WebDriver:ExecuteAsyncScript",
            script=body,
            args=list(values),
            newSandbox=True,
            sandbox="system" if privileged else "default",
        )["value"]
        self.send("Marionette:SetContext", value="content")
        assert "error" not in result, result["error"]
        return result.get("value")


def _connected(port: int) -> socket.socket:
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def running(program: str, profile: Path, **preferences: Any) -> Iterator[Firefox]:
    port = free_port()
    profile.mkdir()
    lines = {**QUIET, "marionette.port": port, **preferences}.items()
    text = "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in lines)
    (profile / "user.js").write_text(text)
    line = [program, "--headless", "--marionette", "--remote-allow-system-access"]
    line += ["--no-remote", "--profile", str(profile)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with closing(Firefox(port)) as firefox:
            yield firefox
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

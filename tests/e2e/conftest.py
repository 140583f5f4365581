"""The real thing: a web site on loopback, and the service started as a user starts it."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

    from tests.e2e.extension import Extension

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Site:
    """A folder that is served; put files in `folder`, they are at `url`/NAME."""

    folder: Path
    port: int
    path: str = ""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}"


class SiteHandler(http.server.SimpleHTTPRequestHandler):
    """Files, parts of files (players seek), and PATH/moved/NAME which redirects to PATH/NAME."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".m3u8": "application/vnd.apple.mpegurl",
        ".ts": "video/mp2t",
        ".mp4": "video/mp4",
        ".webm": "video/webm",
    }

    def do_GET(self) -> None:
        if "/moved/" in self.path:
            self.send_response(302)
            self.send_header("Location", self.path.replace("/moved/", "/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif part := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            self._send_part(int(part[1]), part[2])
        else:
            super().do_GET()

    def _send_part(self, first: int, last: str) -> None:
        path = Path(self.translate_path(self.path))
        data = path.read_bytes() if path.is_file() else b""
        if first >= len(data):
            return self.send_error(416 if data else 404)
        part = data[first : int(last) + 1 if last else None]
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        with suppress(ConnectionError):  # a player that seeks drops what it asked for before
            self.wfile.write(part)
        return None

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """What the service may fetch from; tests have their files in `site`."""
    with served(tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture(scope="module")
def site(web: Site, request: pytest.FixtureRequest) -> Site:
    """The test file's own folder on `web`: a name that another one uses too is another address."""
    name = Path(request.module.__file__).stem
    folder = web.folder / name
    folder.mkdir(exist_ok=True)
    return Site(folder, web.port, f"/{name}")


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    handler = functools.partial(SiteHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Site(folder, server.server_port)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def portrait(astronaut: np.ndarray) -> np.ndarray:
    """Head and shoulders: the face is large enough to be judged in a clip of 640x480."""
    return astronaut[:256, 96:352]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serving_python() -> str:
    """The lean environment's interpreter where `make` built it, so that the lean lock is tested."""
    lean = ROOT / ".venv" / "bin" / "python"
    return str(lean) if lean.exists() else sys.executable


@pytest.fixture(scope="session")
def service_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the service prints."""
    return tmp_path_factory.mktemp("log") / "service.log"


@pytest.fixture(scope="session")
def service(
    web: Site, service_log: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a running `python -m server run` that may fetch from `web` alone."""
    with serving(web, tmp_path_factory.mktemp("service"), service_log) as url:
        yield url


@contextmanager
def serving(
    site: Site, folder: Path, log: Path, checkout: Path = ROOT, **settings: str
) -> Iterator[str]:
    """A service of its own, its data in `folder`, with further MESOSCOPE_ settings.

    `checkout`: whose code it runs.
    """
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MESOSCOPE_")
    } | {
        "MESOSCOPE_PORT": str(port),
        "MESOSCOPE_RATE_LIMIT": "",
        "MESOSCOPE_DATA_DIR": str(folder),
        "MESOSCOPE_ALLOW_HOSTS": f"127.0.0.1:{site.port}",
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [serving_python(), "-m", "server", "run"],
            cwd=checkout,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(process, url, log)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            pytest.fail(f"the service did not stop on SIGTERM:\n{log.read_text()[-3000:]}")
    assert "Traceback" not in log.read_text(), log.read_text()[-5000:]


def wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the service ended with {process.returncode}:\n{log.read_text()}")
        with suppress(requests.RequestException):
            if requests.get(f"{url}/healthz", timeout=20).ok and "ready" in log.read_text():
                return
        time.sleep(0.1)
    pytest.fail(f"the service did not answer:\n{log.read_text()}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    return path


@pytest.fixture(scope="module")
def driver() -> Iterator[Playwright]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def shipped(
    driver: Playwright, chromium: str, parts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extension]:
    """A Chromium with the extension and the networks that it ships with; there is no service."""
    from tests.e2e.extension import installed

    folder = tmp_path_factory.mktemp("chromium")
    with installed(driver, chromium, folder, local=parts) as extension:
        yield extension


@pytest.fixture(scope="module")
def local(
    driver: Playwright, chromium: str, light_parts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extension]:
    """The same with the small classifier, whose memory is given back after a few idle seconds."""
    from tests.e2e.extension import installed

    folder = tmp_path_factory.mktemp("chromium")
    idle = {"local/kept.js": ("IDLE_MS = 30_000", "IDLE_MS = 5_000")}
    with installed(driver, chromium, folder, local=light_parts, changed=idle) as extension:
        yield extension


@pytest.fixture(scope="module")
def extension(
    service: str, chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extension]:
    """A Chromium with the extension, which may reach the running service and has its address."""
    playwright = pytest.importorskip("playwright.sync_api")
    from tests.e2e.extension import installed

    folder = tmp_path_factory.mktemp("chromium")
    with (
        playwright.sync_playwright() as driver,
        installed(driver, chromium, folder, allowed=[service]) as extension,
    ):
        extension.set(server=service)
        yield extension

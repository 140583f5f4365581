"""The examples of README and docs/api.md, taken from them and run against a real service."""

from __future__ import annotations

import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.server.service import ROOT, Site, running, until

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
SAMPLE = ROOT / "server" / "web" / "static" / "sample.jpg"
PLACE = "localhost:8000"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a picture with one face, on a local server."""
    handler = partial(Quiet, directory=str(SAMPLE.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{SAMPLE.name}"
        server.shutdown()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("examples") / "var"
    allowed = (address.split("/")[2],)
    with running(Site(folder, allow_hosts=allowed), "serve", "worker") as site:
        until(lambda: site.get("/healthz").json()["workers"]["slots"])
        yield site


def blocks(text: str, language: str, holding: str = PLACE) -> list[str]:
    """The code of a page that speaks to a service, or holds other words."""
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for block in found if holding in block]


def adapted(code: str, site: Site) -> str:
    return code.replace(PLACE, f"127.0.0.1:{site.settings.port}")


@pytest.mark.slow
def test_the_python_client(site: Site, address: str, tmp_path: Path) -> None:
    (code,) = blocks(API, "python")
    script = tmp_path / "client.py"
    script.write_text(adapted(code, site))

    def run(url: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), url]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    good = run(address)
    assert good.returncode == 0, good.stderr
    first, last = good.stdout.splitlines()
    assert re.fullmatch(r"person 1: (fake|real|inconclusive), p_fake (0\.\d+|None)", first)
    assert last in first
    bad = run(address.replace(SAMPLE.name, "missing.mp4"))
    assert bad.returncode == 1
    assert ": " in bad.stderr
    worse = run("ftp://example.org")
    assert (worse.returncode, worse.stderr.count("\n")) == (1, 1)
    assert worse.stderr.startswith("This is not an address")


@pytest.mark.slow
def test_the_curl_lines(site: Site, address: str, tmp_path: Path, curl: str) -> None:
    shutil.copy(SAMPLE, tmp_path / "clip.mp4")
    (tmp_path / "addresses.txt").write_text(f"{address}\n{address}?second\n")
    lines = [line for block in blocks(README, "sh") for line in block.splitlines() if PLACE in line]
    assert len(lines) >= 6
    job_id, said = "", {}
    for line in lines:
        code = adapted(line, site).replace("https://example.org/video.mp4", address)
        command = shlex.split(code.replace("/ID", f"/{job_id}"), comments=True)
        assert command[0] == "curl"
        told = subprocess.run(
            [curl, *command[1:], "-sS", "--fail-with-body", "-i" if "-o" not in command else "-s"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert told.returncode == 0, (line, told.stdout, told.stderr)
        job_id = next(iter(re.findall(r"/jobs/([0-9a-f]{32})", told.stdout)), job_id)
        until(lambda job=job_id: not ((found := site.store.get(job)) and found.in_flight), 90)
        said[line] = told.stdout.partition("\n\n")[2] or told.stdout.partition("\r\n\r\n")[2]
    assert "Mesoscope" in (tmp_path / "report.html").read_text()
    (batch,) = (text for line, text in said.items() if "/check-batch" in line)
    entries = [json.loads(row) for row in batch.splitlines() if row.startswith("{")]
    assert [entry["error"] for entry in entries] == [None, None]


@pytest.mark.slow
def test_the_command_lines(tmp_path: Path) -> None:
    """As they stand, in the folder of the clip; the first one writes the report."""
    shutil.copy(SAMPLE, tmp_path / "clip.mp4")
    (block,) = blocks(README, "sh", "-m server")
    assert block.count("\n") == 3
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    for line in block.splitlines():
        command = shlex.split(line.replace(".venv/bin/python", sys.executable), comments=True)
        run = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, (line, run.stdout, run.stderr)
    assert "The report holds" in run.stdout

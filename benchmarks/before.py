"""This checkout's service beside that of an earlier commit: what it adds to a check.

Both judge with the small network and have done a check before. In turn they get the same clip, by
address and as an upload, always in a file with other bytes. From the services' logs:

- `url-first-pixel`, `file-first-pixel`: from POST until the child has opened the file;
- `child`: of an upload, from the worker's claim until then: starting and confining the child;
- `check`: of an upload, from then until the answer is written.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import requests

from benchmarks.clip import Scene, marked
from benchmarks.compare import Comparison, Wanted, alternating, report
from benchmarks.options import WORK, Missing, line, option, results
from benchmarks.peers import environments
from benchmarks.peers.side import ROOT
from tests.e2e.conftest import Site, served, serving

PACKAGES = ("ai-edge-litert", "av", "yt-dlp")
EVENTS = {"claimed": "claimed", "opened": "stage=faces", "ended": "done after="}
EVENT = re.compile("|".join(rf"\b(?P<{name}>{sign})" for name, sign in EVENTS.items()))
LIMIT_S, POLL_S = 120.0, 0.02
AS_FAST, ALMOST = Wanted(1.0, most=True), Wanted(1.02, most=True)
WANTED = {
    "url-first-pixel": AS_FAST,
    "file-first-pixel": AS_FAST,
    "child": AS_FAST,
    "check": ALMOST,
}


@dataclass(frozen=True, slots=True)
class Options:
    commit: str = option("the earlier commit", "205af18")
    rounds: int = option("checks of each, by address and as uploads", 20)
    seconds: float = option("length of the clip", 10.0)
    model: str = option("the network that judges", "meso3")
    results: Path = results("before")
    warm_s: float = 8.0  # in which a service has its fork server ready after its first check


@dataclass(frozen=True, slots=True)
class Service:
    """One that runs, and what it logs."""

    url: str
    log: Path

    def check(self, way: str, **what: Any) -> dict[str, float]:
        """Seconds since the epoch of each of EVENTS and of `posted`. Raises TimeoutError."""
        size = self.log.stat().st_size
        seen = {"posted": time.time()}
        requests.post(f"{self.url}/check-{way}", timeout=LIMIT_S, **what).raise_for_status()
        while "ended" not in seen:
            if time.time() > seen["posted"] + LIMIT_S:
                raise TimeoutError(
                    f"no answer within {LIMIT_S:g} s: {self.log.read_text()[-2000:]}"
                )
            time.sleep(POLL_S)
            for entry in self.log.read_bytes()[size:].decode().splitlines():
                if found := EVENT.search(entry):
                    at = datetime.fromisoformat(json.loads(entry)["time"]).timestamp()
                    seen.setdefault(str(found.lastgroup), at)
        return seen


def main(options: Options) -> None:
    """Measure, print, and write `options.results`. Raises Missing."""
    environments.lean()
    clip = Scene(seconds=options.seconds, faces=1).file(WORK).read_bytes()
    numbers = count()
    with _services(options) as (site, *services):

        def once(service: Service) -> dict[str, float]:
            number = next(numbers)
            return _once(service, site, marked(clip, b"%d" % number), number)

        for service in services:
            once(service)
        time.sleep(options.warm_s)
        ours, theirs = alternating((services[0], services[1]), options.rounds, once)
    comparisons = [
        Comparison(
            name,
            options.commit,
            [each[name] for each in ours],
            [each[name] for each in theirs],
            most,
        )
        for name, most in WANTED.items()
    ]
    versions = {name: version(name) for name in PACKAGES}
    report("before", comparisons, line(options), versions, options.results)


@contextmanager
def _services(options: Options) -> Iterator[tuple[Site, Service, Service]]:
    """A site, our service and the earlier one, both running."""
    with tempfile.TemporaryDirectory(prefix="mesoscope-before-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "site").mkdir()
        site = stack.enter_context(served(folder / "site"))
        settings = {"MESOSCOPE_LOG_FORMAT": "json", "MESOSCOPE_MODEL": options.model}
        services = []
        for checkout in (ROOT, _unpacked(options.commit, folder / "earlier")):
            log = folder / f"{len(services)}.log"
            data = log.with_suffix("")
            url = stack.enter_context(serving(site, data, log, checkout, **settings))
            services.append(Service(url, log))
        yield site, services[0], services[1]


def _unpacked(commit: str, folder: Path) -> Path:
    """The files of a commit in `folder`. Raises Missing."""
    folder.mkdir()
    asked = ["git", "-C", str(ROOT), "archive", commit]
    archive = subprocess.run(asked, capture_output=True, check=False)
    if archive.returncode:
        raise Missing(f"git has no commit {commit} here: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def _once(service: Service, site: Site, clip: bytes, number: int) -> dict[str, float]:
    """Seconds by the names of WANTED."""
    (site.folder / f"{number}.mp4").write_bytes(marked(clip, b"site"))
    fetched = service.check("url", data={"url": f"{site.url}/{number}.mp4"})
    sent = service.check("file", files={"file": marked(clip, b"sent")})
    return {
        "url-first-pixel": fetched["opened"] - fetched["posted"],
        "file-first-pixel": sent["opened"] - sent["posted"],
        "child": sent["opened"] - sent["claimed"],
        "check": sent["ended"] - sent["opened"],
    }

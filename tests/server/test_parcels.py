"""Uploads reach a worker on another machine: no folder is shared, and nothing is left anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select

from server.jobs.folders import Folders
from server.jobs.leases import Leases
from server.jobs.tables import parcels
from server.jobs.uploads import PIECE_BYTES, YOUNG_S
from tests.backends import Backend
from tests.server.service import Site, until

CONTENT = bytes(range(256)) * (PIECE_BYTES // 256) + b"a second piece"


class Machines:
    """One that takes requests and one that works, with folders of their own."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        home = {"database_url": backend.database_url, "broker_url": backend.broker_url}
        self.web, self.worker = (Site(folder / name, **home) for name in ("web", "worker"))
        for site in (self.web, self.worker):
            Folders.create(site.settings.data_dir)

    def pieces(self) -> int:
        with self.web.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(parcels)) or 0

    def nothing_left(self) -> bool:
        folders = [
            site.settings.data_dir / name
            for site in (self.web, self.worker)
            for name in ("uploads", "scratch")
        ]
        return not self.pieces() and not [path for folder in folders for path in folder.iterdir()]

    def upload(self, content: bytes, wait: int) -> requests.Response:
        files = {"file": ("clip.mp4", content)}
        return self.web.post(f"/check-file?wait={wait}", files=files)


@pytest.fixture
def machines(tmp_path: Path, on_servers: Backend) -> Iterator[Machines]:
    machines = Machines(tmp_path, on_servers)
    try:
        machines.web.serve()
        yield machines
    finally:
        machines.web.stop()
        machines.worker.stop()


def test_an_upload_is_checked_by_another_machine(machines: Machines) -> None:
    job = machines.upload(CONTENT, wait=0).json()
    assert machines.pieces() == 2
    assert not list((machines.web.settings.data_dir / "uploads").iterdir())
    machines.worker.start("scripted")
    done = machines.web.ended(job["id"], 60)
    assert done.result
    assert done.result["versions"] == {"sha256": hashlib.sha256(CONTENT).hexdigest()}
    until(machines.nothing_left)


def test_what_is_not_wanted_any_more_is_deleted(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    askers = [machines.upload(b"first", wait=0).json() for _ in range(2)]
    assert machines.pieces() == 1, "the second one joined the first"
    machines.upload(b"second", wait=0)
    for pieces, job in zip((2, 1), askers, strict=True):
        requests.delete(machines.web.url(job["links"]["self"]), timeout=60)
        assert machines.pieces() == pieces, "it goes with the last who asked for it"
    # One whose web process died before it made a job of it.
    orphan = machines.web.settings.data_dir / "uploads" / "orphan"
    orphan.write_bytes(b"third")
    store = machines.web.store
    store.chunks.send(orphan)
    needed = Leases(machines.web.engine).sources_in_use()
    store.chunks.sweep(needed)
    assert machines.pieces() == 2, "it is young"
    monkeypatch.setattr("server.jobs.uploads.YOUNG_S", -YOUNG_S)
    store.chunks.sweep(needed)
    assert machines.pieces() == 1, "the one that waits for a worker stays"

"""What a form may hold: few files, few fields, and no more than the disk has room for."""

from __future__ import annotations

import io
import json
import os
import time
import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from server.api.frames import MAX_FRAMES
from server.api.motion_jpeg import join, size_of
from server.api.service import of
from server.api.uploads import MAX_FIELDS, Contents, Part, digest
from server.app import create_app
from server.config import Settings
from server.errors import BadValue
from tests.server.service import work_of

SAMPLE = Path(__file__).resolve().parents[2] / "server" / "web" / "static" / "sample.jpg"


def client_of(folder: Path, **settings: Any) -> FlaskClient:
    """The app in this process; nobody works on its jobs."""
    return create_app(Settings(data_dir=folder / "var", rate_limit="", **settings)).test_client()


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return client_of(tmp_path)


def uploads(folder: Path) -> list[Path]:
    return list((folder / "var" / "uploads").iterdir())


def send(
    client: FlaskClient, path: str = "/check-file", files: Any = (), **fields: str
) -> TestResponse:
    """Send a form with `files`, each (name, (file name, content)). The client's own way to make a
    large one leaves a file open."""
    made = requests.Request("POST", "http://x", data=fields, files=list(files)).prepare()
    return client.post(f"{path}?wait=0", data=made.body, content_type=made.headers["Content-Type"])


def file(content: bytes, name: str = "a.mp4") -> list[Any]:
    return [("file", (name, content))]


def opened() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.attack
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of descriptors here")
@pytest.mark.parametrize("path", ["/check-file", "/check-url", "/check-frames"])
def test_a_form_of_many_files_opens_none(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    most: list[int] = []
    made = Part.__init__

    def counted(part: Part, spool: Any) -> None:
        most.append(opened())
        made(part, spool)

    monkeypatch.setattr(Part, "__init__", counted)
    before = opened()
    answer = send(client, path, [(f"x{i}", ("a", b"1")) for i in range(900)])
    assert answer.status_code in (413, 422)
    assert max(most, default=before) <= before + 1
    assert len(most) <= MAX_FRAMES
    assert uploads(tmp_path) == []


def test_one_file_a_form(client: FlaskClient, tmp_path: Path) -> None:
    answer = send(client, files=file(b"one") + file(b"two"))
    assert (answer.status_code, answer.get_json()["detail"]) == (422, "Send one file.")
    answer = send(client, "/check-url", file(b"one"), url="https://a.test")
    assert answer.status_code == 422
    assert "/check-file" in answer.get_json()["detail"]
    assert uploads(tmp_path) == []


@pytest.mark.parametrize(
    "fields", [{f"f{i}": "x" for i in range(MAX_FIELDS + 9)}, {"title": "x" * 400_000}]
)
def test_few_fields_beside_it(client: FlaskClient, fields: dict[str, str]) -> None:
    answer = send(client, files=file(b"one"), **fields)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "request-too-large")
    assert str(MAX_FIELDS) in answer.get_json()["detail"]


def test_many_large_frames_are_one_file(client: FlaskClient, tmp_path: Path) -> None:
    frame = SAMPLE.read_bytes() + bytes(400_000)
    frames = [("frames", (f"{i}.jpg", frame)) for i in range(60)]
    answer = send(client, "/check-frames", frames, times_s=json.dumps(list(range(60))))
    assert answer.status_code == 202, answer.get_json()
    [kept] = uploads(tmp_path)
    assert kept.stat().st_size > 60 * 400_000
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.attack
def test_frames_are_held_in_memory_one_at_a_time(tmp_path: Path) -> None:
    frame = SAMPLE.read_bytes() + bytes(1_000_000)
    with (tmp_path / "spool").open("w+b") as spool:
        files = []
        for _ in range(30):
            part = Part(spool)
            part.write(frame)
            files.append(FileStorage(cast(Any, part)))
        tracemalloc.start()
        try:
            join(tmp_path / "joined", Contents(files), list(range(30)))
            assert tracemalloc.get_traced_memory()[1] < 5 * len(frame)
        finally:
            tracemalloc.stop()
    assert (tmp_path / "joined").stat().st_size > 30 * len(frame)


@pytest.mark.attack
def test_frames_and_files_are_not_taken_for_each_other(client: FlaskClient) -> None:
    """Also where somebody makes a file of what the frames are known by."""
    times = "[0.0, 1.0]"
    frames = [("frames", ("f.jpg", SAMPLE.read_bytes()))] * 2
    answer = send(client, "/check-frames", frames, times_s=times)
    hashes = 2 * digest(FileStorage(BytesIO(SAMPLE.read_bytes())))
    known_by = f"{[0.0, 1.0]!r}{hashes}".encode()
    engine = of(client.application).store._writer
    asked = (answer, send(client, files=file(known_by)))
    works = [work_of(engine, each.get_json()["id"]) for each in asked]
    assert works[0].id != works[1].id
    assert works[0].key != works[1].key


@pytest.mark.attack
@pytest.mark.parametrize("urgent", ["true", "false"])
def test_the_queue_has_room_for_few_files_however_urgent(tmp_path: Path, urgent: str) -> None:
    client = client_of(tmp_path, queue_limit=3)
    sent = [
        send(client, files=file(b"%d" % i, f"{i}.mp4"), urgent=urgent).status_code for i in range(6)
    ]
    assert sent == [202, 202, 202, 503, 503, 503]
    assert len(uploads(tmp_path)) == 3


def test_a_batch_that_waits_keeps_no_file_out(tmp_path: Path) -> None:
    client = client_of(tmp_path, queue_limit=3)
    urls = [f"https://a.test/{i}" for i in range(20)]
    assert client.post("/check-batch", json={"urls": urls}).status_code == 202
    assert send(client, files=file(b"a"), urgent="false").status_code == 202


@pytest.mark.attack
def test_bytes_that_wait_are_bounded(tmp_path: Path) -> None:
    client = client_of(tmp_path, queue_bytes=100_000, max_upload_bytes=60_000)
    sent = [send(client, files=file(bytes([i]) * 40_000)) for i in range(4)]
    assert [answer.status_code for answer in sent] == [202, 202, 503, 503]
    assert sent[-1].get_json()["code"] == "queue-full"
    assert "Retry-After" in sent[-1].headers
    assert len(uploads(tmp_path)) == 2
    client.delete(f"/jobs/{sent[0].get_json()['id']}")  # room again
    assert send(client, files=file(b"x" * 40_000)).status_code == 202


@pytest.mark.attack
def test_a_jpeg_without_end_is_not_walked_to_its_end() -> None:
    start = time.process_time()
    with pytest.raises(BadValue, match="JPEG"):
        size_of(b"\xff\xd8" + b"\xff\x01" * 20_000_000)
    assert time.process_time() - start < 0.5


@given(
    st.lists(st.lists(st.binary(max_size=50), max_size=4), min_size=1, max_size=5),
    st.integers(0, 60),
)
def test_a_part_reads_as_a_file_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[bytes]], skipped: int
) -> None:
    with (tmp_path_factory.getbasetemp() / "spool").open("w+b") as spool:
        for pieces in parts:
            part, alone = Part(spool), io.BytesIO()
            for piece in pieces:
                assert part.write(piece) == alone.write(piece)
            for stream in (part, alone):
                stream.seek(min(skipped, alone.getbuffer().nbytes))
            assert part.read(7) == alone.read(7)
            assert part.read() == alone.read()
            assert part.seek(0, os.SEEK_END) == alone.seek(0, os.SEEK_END)
            assert part.read() == b""

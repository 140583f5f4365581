"""POST /check-frames: pictures in, a job out; whatever does not fit is named."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.analysis.video import MediaReader
from server.api.frames import MAX_FRAMES
from server.app import create_app
from server.config import Settings
from tests import media


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var", max_upload_bytes=100_000)


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    """The app in this process; nobody works on its jobs."""
    return create_app(settings).test_client()


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("jpegs")
    return [
        media.picture(folder / f"{i}.jpg", rgb).read_bytes()
        for i, rgb in enumerate(media.numbered(4, size=(192, 64)))
    ]


def post(client: FlaskClient, frames: list[bytes], times_s: Any) -> TestResponse:
    parts = [(BytesIO(frame), f"{i}.jpg") for i, frame in enumerate(frames)]
    text = times_s if isinstance(times_s, str) else json.dumps(times_s)
    data = {"frames": parts, "times_s": text}
    return client.post("/check-frames?wait=0", data=data, content_type="multipart/form-data")


def test_frames_become_a_job(client: FlaskClient, settings: Settings, jpegs: list[bytes]) -> None:
    answer = post(client, jpegs, [42.0, 42.3, 43, 43.5])
    assert answer.status_code == 202
    job = answer.get_json()
    assert answer.headers["Location"] == f"/jobs/{job['id']}"
    [upload] = (settings.data_dir / "uploads").iterdir()
    with MediaReader(upload) as reader:
        found = [(media.number_of(frame.rgb), frame.time_s) for frame in reader.frames(10, 100)]
    assert [number for number, _ in found] == [0, 1, 2, 3]
    assert [time_s for _, time_s in found] == pytest.approx([0, 0.3, 1, 1.5], abs=0.002)


def test_the_same_frames_are_worked_on_once(
    client: FlaskClient, settings: Settings, jpegs: list[bytes]
) -> None:
    uploads = settings.data_dir / "uploads"
    jobs = {post(client, jpegs, [0, 1, 2, 3]).get_json()["id"] for _ in range(2)}
    assert len(jobs) == 2
    assert len(list(uploads.iterdir())) == 1
    post(client, jpegs, [0, 1, 2, 4])
    assert len(list(uploads.iterdir())) == 2


def test_no_file_has_the_key_of_somebodys_frames(
    client: FlaskClient, settings: Settings, jpegs: list[bytes]
) -> None:
    """Its bytes are what the frames' key is made of."""
    post(client, jpegs[:1], [0.0])
    text = repr([0.0]).encode() + hashlib.sha256(jpegs[0]).digest()
    sent = {"file": (BytesIO(text), "x.txt")}
    assert client.post("/check-file?wait=0", data=sent).status_code == 202
    assert len(list((settings.data_dir / "uploads").iterdir())) == 2, "a check of its own"


@pytest.mark.parametrize(
    "times_s",
    ["", "{}", "[0, 1", [0, 1], [0, 1, 2, "3"], [0, 1, 2, True], "[0, 1, 2, NaN]", [3, 2, 1, 0]],
)
def test_times_that_do_not_fit(
    client: FlaskClient, settings: Settings, jpegs: list[bytes], times_s: Any
) -> None:
    answer = post(client, jpegs, times_s)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad-value")
    assert "times_s" in answer.get_json()["detail"]
    assert list((settings.data_dir / "uploads").iterdir()) == []


@pytest.mark.parametrize("frame", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_jpeg(client: FlaskClient, frame: bytes) -> None:
    answer = post(client, [frame], [0])
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad-value")


@pytest.mark.parametrize("count", [0, MAX_FRAMES + 1])
def test_too_few_or_too_many(client: FlaskClient, jpegs: list[bytes], count: int) -> None:
    answer = post(client, [jpegs[0][:50]] * count, list(range(count)))
    assert answer.status_code == 422
    assert str(MAX_FRAMES) in answer.get_json()["detail"]


def test_too_much(client: FlaskClient, jpegs: list[bytes]) -> None:
    large = jpegs[0] + b"\0" * 220_000
    assert post(client, [large, large], [0, 1]).status_code == 413

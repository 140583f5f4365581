"""What a caller may say beside the media: options, waiting, idempotency; and what is told back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from server.app import create_app
from server.config import Settings
from server.jobs.leases import Leases
from server.jobs.tables import database_url, open_engine
from tests import media
from tests.server.service import work_of

URL = "http://a.test/clip.mp4"
OPTIONS = {
    "samples_per_s": 1.5,
    "start_s": 10,
    "end_s": 20.5,
    "max_crops": 12,
    "min_face_px": 60,
    "model": "meso3",
    "explain": False,
    "stop_early": False,
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    """The app in this process; nobody works on its jobs but the test."""
    return create_app(settings).test_client()


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(database_url(settings))
    yield engine
    engine.dispose()


def post(client: FlaskClient, body: dict[str, Any] | None = None, **headers: str) -> TestResponse:
    asked = {"url": URL, **(body or {})}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/check-url", json={"wait": 0, **asked}, headers=names)


def asked(engine: Engine, answer: TestResponse) -> Any:
    """The row of the work that was asked for."""
    assert answer.status_code == 202, answer.text
    return work_of(engine, answer.get_json()["id"])


# Options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["json", "form", "file", "frames"])
def test_options_reach_the_check(
    client: FlaskClient, engine: Engine, tmp_path: Path, how: str
) -> None:
    said = {**OPTIONS, "backend": "tflite", "urgent": False, "fresh": True, "wait": 0}
    form = {name: str(value).lower() for name, value in said.items()}
    if how == "json":
        answer = client.post("/check-url", json={"url": URL, **said})
    elif how == "form":
        answer = client.post("/check-url", data={"url": URL, **form})
    elif how == "file":
        answer = client.post("/check-file", data={"file": (BytesIO(b"x"), "a.mp4"), **form})
    else:
        jpeg = media.picture(tmp_path / "a.jpg", next(iter(media.numbered(1, size=(192, 64)))))
        parts = {"frames": (BytesIO(jpeg.read_bytes()), "a.jpg"), "times_s": "[0]"}
        answer = client.post("/check-frames", data={**parts, **form})
    work = asked(engine, answer)
    assert (work.params["options"], work.params["backend"]) == (OPTIONS, "tflite")
    assert work.urgent is False


def test_where_a_person_watches_reaches_the_check_and_makes_it_no_other(
    client: FlaskClient, engine: Engine
) -> None:
    first = asked(engine, client.post("/check-url?wait=0", json={"url": URL, "watched_s": 41.5}))
    assert first.params["watched_s"] == 41.5
    assert "watched_s" not in first.params["options"]
    again = client.post("/check-url?wait=0", data={"url": URL, "watched_s": "7"})
    assert asked(engine, again).id == first.id
    refused = client.post("/check-url", json={"url": URL, "watched_s": -1})
    assert refused.status_code == 422
    assert "watched_s" in refused.get_json()["detail"]


def test_what_is_not_said_is_as_the_service_has_it(client: FlaskClient, engine: Engine) -> None:
    settings = Settings()
    assert asked(engine, post(client)).params["options"] == settings.options
    assert asked(engine, post(client)).urgent is True


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("samples_per_s", 0.1, "0.2"),
        ("samples_per_s", 11, "10"),
        ("samples_per_s", None, "left out"),
        ("samples_per_s", True, "number"),
        ("start_s", -1, "0"),
        ("end_s", 0, "start_s"),
        ("max_crops", 2, "3"),
        ("max_crops", 1.5, "whole number"),
        ("min_face_px", 5, "20"),
        ("model", "meso9", "meso3"),
        ("model", "mtcnn", "meso3"),
        ("backend", "cuda", "tflite"),
        ("explain", 1, "true or false"),
        ("speed", 1, "speed"),
    ],
)
def test_a_bad_option_is_named(client: FlaskClient, option: str, value: Any, words: str) -> None:
    answers = [post(client, {option: value})]
    data = {"file": (BytesIO(b"x"), "a.mp4"), option: json.dumps(value).strip('"')}
    if value not in (None, True, 1):  # a form carries text only
        answers.append(client.post("/check-file?wait=0", data=data))
    for answer in answers:
        assert (answer.status_code, answer.get_json()["code"]) == (422, "bad-value")
        detail = answer.get_json()["detail"]
        assert words in detail
        assert option in detail
        assert answer.get_json().get("errors", {option: 1}).keys() <= {option, ""}
        for word in ("Input", "constrained", "pydantic", "valid", "--data-urlencode"):
            assert word not in detail, detail


def test_what_curl_makes_of_json_is_explained(client: FlaskClient) -> None:
    answer = client.post("/check-url", data={'{"url": "https://a.test/1.mp4"}': ""})
    assert "Content-Type: application/json" in answer.get_json()["detail"]


def test_other_options_are_another_check(client: FlaskClient, engine: Engine) -> None:
    first, same, other = (
        asked(engine, post(client, body)).id for body in ({}, {}, {"samples_per_s": 2})
    )
    assert first == same
    assert other != first


# Waiting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=0", "wait=0"),
        ("respond-async", "respond-async"),
        ("respond-async, wait=0", "wait=0"),
        ('foo="a, wait=9", wait=0; bar=1', "wait=0"),
        ("Wait=0", "wait=0"),
    ],
)
def test_prefer_says_how_long_to_wait(client: FlaskClient, prefer: str, applied: str) -> None:
    answer = client.post("/check-url", json={"url": URL}, headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == applied


def test_what_prefer_cannot_mean_is_ignored(client: FlaskClient) -> None:
    for prefer in ("wait=soon", "wait=-1", "wait", "handling=strict", "wait=\u00b2", "=", ",,"):
        answer = post(client, Prefer=prefer)
        assert answer.status_code == 202, prefer
        assert "Preference-Applied" not in answer.headers


def test_wait_comes_before_prefer(client: FlaskClient) -> None:
    answer = client.post("/check-url?wait=0", json={"url": URL}, headers={"Prefer": "wait=50"})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


def test_a_known_result_says_how_old_it_is(client: FlaskClient, engine: Engine) -> None:
    answer = post(client)
    assert "Age" not in answer.headers
    leases, work_id = Leases(engine), asked(engine, answer).id
    assert leases.claim(work_id, "me")
    assert leases.finish(work_id, "me", {"schema": 1, "label": "real", "faces": []})
    again = client.post("/check-url", json={"url": URL})
    assert (again.status_code, again.get_json()["label"]) == (200, "real")
    assert 0 <= int(again.headers["Age"]) < 60
    assert again.headers["Content-Location"] != answer.headers["Location"], "a job of its own"
    fresh = post(client, {"fresh": True})
    assert asked(engine, fresh).id != work_id
    assert "Age" not in fresh.headers


# Idempotency -------------------------------------------------------------------------------------


def test_the_same_key_is_the_same_check(client: FlaskClient) -> None:
    body = {"fresh": True}
    first = post(client, body, Idempotency_Key="order-1")
    client.delete(first.headers["Location"])
    again = post(client, body, Idempotency_Key="order-1")
    assert again.get_json()["id"] == first.get_json()["id"]
    assert again.get_json()["state"] == "cancelled"
    other = post(client, body, Idempotency_Key="order-2")
    assert other.get_json()["id"] != first.get_json()["id"]


def test_a_key_of_another_request_is_a_conflict(client: FlaskClient) -> None:
    post(client, Idempotency_Key="order-1")
    for body in ({"url": "http://b.test"}, {"samples_per_s": 1}):
        answer = post(client, body, Idempotency_Key="order-1")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "idempotency-conflict")


@pytest.mark.parametrize("key", ["", "with space", "x" * 129, "\u00e9"])
def test_a_key_that_cannot_be_one(client: FlaskClient, key: str) -> None:
    answer = post(client, Idempotency_Key=key)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad-value")
    assert "Idempotency-Key" in answer.get_json()["detail"]


@pytest.mark.parametrize("schema", [1, 2])
def test_the_schema_that_is_asked_for_goes_with_the_job(
    client: FlaskClient, engine: Engine, schema: int
) -> None:
    answer = post(client, {"schema_version": schema})
    assert asked(engine, answer).params["options"]["schema_version"] == schema


def test_a_schema_that_is_not_known_is_refused(client: FlaskClient) -> None:
    answer = post(client, {"schema_version": 3})
    assert answer.status_code == 422
    assert "schema_version" in answer.get_data(as_text=True)

"""Which browser extensions are let in where the settings name them, and what browsers are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server.app import create_app
from server.config import Settings

TOKEN = "a-token-of-many-letters"
OURS, OTHER = "chrome-extension://ours", "moz-extension://other"
FOREIGN = ("https://evil.example", "null", "http://localhost:1", OTHER, f"{OURS}.evil.example")
BODY = {"url": "http://a.test/"}


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    settings = Settings(data_dir=tmp_path, extension_origins=(OURS, "safari-web-extension://1"))
    return create_app(settings).test_client()


def preflight(client: FlaskClient, origin: str, path: str = "/check-url", **headers: str):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", **headers}
    return client.options(path, headers=asked)


def test_a_named_extension_may_ask_and_read(client: FlaskClient) -> None:
    asked = preflight(client, OURS)
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, OURS)
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Private-Network" not in asked.headers
    answer = client.post("/check-url?wait=0", json=BODY, headers={"Origin": OURS})
    assert answer.status_code == 202
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "Location" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    errors = client.get("/jobs/x", headers={"Origin": OURS})
    assert (errors.status_code, errors.headers["Access-Control-Allow-Origin"]) == (404, OURS)


def test_the_private_network_is_opened_where_that_is_asked(client: FlaskClient) -> None:
    private = {"Access-Control-Request-Private-Network": "true"}
    asked = preflight(client, OURS, **private)
    assert asked.headers["Access-Control-Allow-Private-Network"] == "true"
    for origin in FOREIGN:
        asked = preflight(client, origin, **private)
        assert "Access-Control-Allow-Private-Network" not in asked.headers


@pytest.mark.parametrize("origin", FOREIGN)
def test_nobody_else_may(client: FlaskClient, origin: str) -> None:
    for answer in (
        preflight(client, origin),
        client.post("/check-url?wait=0", json=BODY, headers={"Origin": origin}),
        client.get("/healthz", headers={"Origin": origin}),
    ):
        assert "Access-Control" not in str(answer.headers)
        assert "Origin" in answer.headers["Vary"]
    answer = client.delete("/jobs/x", headers={"Origin": origin})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "foreign-origin")


def test_our_own_page_still_may(client: FlaskClient) -> None:
    headers = {"Origin": "http://localhost"}
    assert client.post("/check-url?wait=0", json=BODY, headers=headers).status_code == 202


def test_a_preflight_brings_no_token_and_opens_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, token=TOKEN, extension_origins=(OURS,))
    client = create_app(settings).test_client()
    assert preflight(client, OURS).status_code == 204
    assert preflight(client, "https://evil.example").status_code == 401
    answer = client.post("/check-url?wait=0", json=BODY, headers={"Origin": OURS})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, OURS)


def test_without_names_there_is_no_sharing(tmp_path: Path) -> None:
    client = create_app(Settings(data_dir=tmp_path)).test_client()
    for origin in (OURS, OTHER):
        answer = client.post("/check-url?wait=0", json=BODY, headers={"Origin": origin})
        assert answer.status_code == 202
        for said in (answer, preflight(client, origin)):
            assert "Access-Control" not in str(said.headers)

"""How many checks one client may start, and who counts as one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server.api.service import of
from server.app import create_app
from server.config import Settings
from tests.backends import Backend
from tests.server.service import free_port

BODY = {"url": "http://a.test/"}


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(Settings(data_dir=tmp_path, rate_limit="3/minute")).test_client()


def start(client: FlaskClient, address: str = "127.0.0.1", **headers: str) -> int:
    environ = {"REMOTE_ADDR": address}
    answer = client.post(
        "/check-url?wait=0", json=BODY, environ_base=environ, headers=list(headers.items())
    )
    return answer.status_code


def test_who_starts_too_many_is_told_when_to_come_back(client: FlaskClient) -> None:
    assert [start(client) for _ in range(4)] == [202, 202, 202, 429]
    answer = client.post("/check-url", json=BODY)
    problem = answer.get_json()
    assert (answer.mimetype, problem["code"]) == ("application/problem+json", "too-many-requests")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert f"{answer.headers['Retry-After']} s" in problem["detail"]


def test_it_ends(tmp_path: Path) -> None:
    client = create_app(Settings(data_dir=tmp_path, rate_limit="1/second")).test_client()
    deadline = time.monotonic() + 20
    assert start(client) == 202
    while start(client) != 202:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_reading_and_deleting_are_free(client: FlaskClient) -> None:
    job = client.post("/check-url?wait=0", json=BODY).get_json()
    for _ in range(5):
        assert client.get(job["links"]["self"]).status_code == 200
        assert client.get("/healthz").status_code == 200
    assert client.delete(job["links"]["self"]).status_code == 200
    assert [start(client) for _ in range(3)] == [202, 202, 429]


def test_what_the_gate_refuses_costs_nothing(client: FlaskClient) -> None:
    foreign = {"Origin": "https://evil.example"}
    assert [start(client, **foreign) for _ in range(5)] == [403] * 5
    assert start(client) == 202


def test_each_client_has_its_own(client: FlaskClient) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        assert [start(client, address) for _ in range(4)] == [202, 202, 202, 429]
    # Whoever has an IPv6 address has a network of them.
    network = [f"2001:db8:0:1::{number}" for number in range(4)]
    assert [start(client, address) for address in network] == [202, 202, 202, 429]
    assert start(client, "2001:db8:0:2::1") == 202


@pytest.mark.parametrize(("proxies", "fourth"), [(0, 429), (1, 202)])
def test_only_a_trusted_proxy_is_believed(tmp_path: Path, proxies: int, fourth: int) -> None:
    settings = Settings(data_dir=tmp_path, rate_limit="3/minute", trusted_proxies=proxies)
    client = create_app(settings).test_client()
    forged = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}  # the client's own words come first
    assert [start(client, **forged) for _ in range(3)] == [202] * 3
    assert start(client, **{"X-Forwarded-For": "203.0.113.9, 198.51.100.2"}) == fourth
    assert start(client, **{"X-Forwarded-For": "203.0.113.8, 198.51.100.1"}) == 429


def test_a_batch_counts_its_addresses_but_is_never_too_large(client: FlaskClient) -> None:
    urls = [f"http://a.test/{number}" for number in range(9)]
    assert client.post("/check-batch", json={"urls": urls}).status_code == 202
    assert start(client) == 429


def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    client = create_app(Settings(data_dir=tmp_path, rate_limit="")).test_client()
    assert [start(client) for _ in range(70)] == [202] * 70


@pytest.fixture
def two_machines(tmp_path: Path, on_servers: Backend) -> Iterator[list[FlaskClient]]:
    home = {"database_url": on_servers.database_url, "broker_url": on_servers.broker_url}
    apps = [
        create_app(Settings(data_dir=tmp_path / name, rate_limit="3/minute", **home))
        for name in ("one", "two")
    ]
    yield [app.test_client() for app in apps]
    for app in apps:
        of(app).store._writer.dispose()


def test_web_machines_count_together_where_they_share_redis(
    two_machines: list[FlaskClient],
) -> None:
    one, two = two_machines
    assert [start(client) for client in (one, two, one, two)] == [202, 202, 202, 429]
    assert one.get("/readyz").get_json()["parts"]["broker"] == "ok"


def test_without_redis_each_machine_counts_alone(tmp_path: Path) -> None:
    broker = f"redis://127.0.0.1:{free_port()}/0"
    settings = Settings(data_dir=tmp_path, rate_limit="3/minute", broker_url=broker)
    client = create_app(settings).test_client()
    assert [start(client) for _ in range(4)] == [202, 202, 202, 429]

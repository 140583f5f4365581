"""Clients that send half, drip, or do not read lose their connection, and nobody else does."""

from __future__ import annotations

import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from server import patience
from server.patience import PatientSocket
from tests.server.service import Site, running

TOKEN = "a-token-of-sixteen-and-more"


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PatientSocket, socket.socket]]:
    """A connection to a client, with half a second of patience, and the client's end."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.5)
    ours, theirs = socket.socketpair()
    with PatientSocket.around(ours) as patient, theirs:
        patient.patience_s = 0.5
        yield patient, theirs


def every(pause_s: float, act: object) -> threading.Event:
    """Call `act` again and again in a thread until the event that is returned is set."""
    stop = threading.Event()

    def work() -> None:
        with contextlib.suppress(OSError):
            while not stop.wait(pause_s):
                act()  # type: ignore[operator]

    threading.Thread(target=work, daemon=True).start()
    return stop


def test_silence_ends(pair: tuple[PatientSocket, socket.socket]) -> None:
    start = time.monotonic()
    with pytest.raises(ConnectionResetError, match="too slow"):
        pair[0].recv(100)
    assert 0.4 < time.monotonic() - start < 2


def test_a_drip_earns_no_time(pair: tuple[PatientSocket, socket.socket]) -> None:
    patient, client = pair
    stop = every(0.05, lambda: client.send(b"x"))
    start = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        while time.monotonic() - start < 5:
            patient.recv(100)
    stop.set()
    assert time.monotonic() - start < 3


def test_who_sends_steadily_may_take_long(pair: tuple[PatientSocket, socket.socket]) -> None:
    patient, client = pair
    stop = every(0.05, lambda: client.send(b"x" * 4000))
    start = time.monotonic()
    while time.monotonic() - start < 2:
        assert patient.recv(100_000)
    stop.set()


def test_an_answer_that_nobody_reads_ends(pair: tuple[PatientSocket, socket.socket]) -> None:
    with pytest.raises(ConnectionResetError):
        pair[0].sendall(bytes(50_000_000))


def test_who_reads_steadily_gets_all(pair: tuple[PatientSocket, socket.socket]) -> None:
    patient, client = pair
    got = bytearray()
    stop = every(0.02, lambda: got.extend(client.recv(60_000)))
    sent = bytes(range(256)) * 16_000
    patient.sendall(sent)
    patient.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 10
    while len(got) < len(sent) and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    assert bytes(got) == sent


def test_the_callers_own_time_limit_stays_its_own(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    patient, _ = pair
    patient.settimeout(0.05)
    with pytest.raises(TimeoutError):
        patient.recv(10)
    assert patient.gettimeout() == 0.05


def test_a_look_waits_for_nothing(pair: tuple[PatientSocket, socket.socket]) -> None:
    """By which a stream of events learns that its client is gone."""
    patient, client = pair
    start = time.monotonic()
    with pytest.raises(BlockingIOError):
        patient.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    client.close()
    assert patient.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    assert time.monotonic() - start < 0.3
    assert patient.patience_s == 0.5


def test_lingering_ends_and_closes_for_good(
    pair: tuple[PatientSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LINGER_S", 0.3)
    patient, client = pair
    start = time.monotonic()
    patient.linger()
    assert time.monotonic() - start < 1
    assert patient.recv(10) == b""
    assert client.recv(10) == b""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(Site(tmp_path_factory.mktemp("site") / "var", token=TOKEN), "serve") as site:
        yield site


HALF_A_HEAD = b"GET /healthz HT"
HALF_A_BODY = (
    b"POST /check-file HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n"
)
UNREAD = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400
SLOW = (HALF_A_HEAD, HALF_A_BODY, UNREAD)


@contextlib.contextmanager
def slow_clients(
    site: Site, count: int, said: Sequence[bytes] = SLOW
) -> Iterator[list[socket.socket]]:
    """Clients that said this, in turn, and do nothing more, not even read."""
    with contextlib.ExitStack() as held:
        clients = []
        for number in range(count):
            client = held.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", site.settings.port))
            client.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                client.sendall(said[number % len(said)])
            clients.append(client)
        yield clients


@pytest.mark.attack
def test_the_others_are_answered_while_64_are_slow(site: Site) -> None:
    def ask(_: int) -> float:
        start = time.monotonic()
        assert site.get("/healthz").ok
        return time.monotonic() - start

    with slow_clients(site, 64), ThreadPoolExecutor(20) as others:
        assert statistics.median(others.map(ask, range(100))) < 2


@pytest.mark.attack
@pytest.mark.slow
def test_slow_clients_lose_their_connection(site: Site) -> None:
    with slow_clients(site, 32, (HALF_A_HEAD, HALF_A_BODY)) as clients:
        deadline = time.monotonic() + patience.PATIENCE_S + patience.LINGER_S + 10
        for client in clients:
            client.settimeout(max(1, deadline - time.monotonic()))
            with contextlib.suppress(ConnectionError):
                while client.recv(1 << 16):  # the answer that the body did not come
                    pass
        assert time.monotonic() < deadline
        assert requests.get(site.url("/healthz"), timeout=5).ok


def test_it_still_reads_and_answers_large_things(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    path.write_bytes(b"\0" * 20_000_000)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with path.open("rb") as file:
        answer = site.post("/check-file?wait=0", files={"file": file}, headers=headers)
    assert answer.status_code == 202
    [kept] = (site.settings.data_dir / "uploads").iterdir()
    assert kept.stat().st_size == 20_000_000

"""The proxy by itself, spoken to byte by byte."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fetch import guard as guard_module
from server.fetch.addresses import AllowList
from server.fetch.guard import Budget, Guard
from server.fetch.http import BadHead, closing, forwarded, parse_request
from tests.server.fetch_site import Canary, Handler, Reply, Site, numeric_resolver

NAMES = {
    "internal.test": ["127.0.0.1"],
    "ten.test": ["10.0.0.1"],
    "mixed.test": ["127.0.0.1", "10.0.0.1"],
    "mixed-other-way.test": ["10.0.0.1", "127.0.0.1"],
    "nowhere.test": [],
}


@pytest.fixture
def guard(site: Site) -> Iterator[Guard]:
    with guarding(site) as running:
        yield running


@contextmanager
def guarding(site: Site, max_bytes: int = 10_000_000, timeout_s: float = 20.0) -> Iterator[Guard]:
    allowed = AllowList.parse(site.allowed)
    with Guard(Budget(max_bytes, timeout_s), allowed, numeric_resolver(NAMES)) as running:
        yield running


def credentials(guard: Guard) -> str:
    parts = urlsplit(guard.proxy_url)
    return "Basic " + base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()


def head(guard: Guard, line: str, *headers: str) -> bytes:
    lines = [line, f"Proxy-Authorization: {credentials(guard)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def say(guard: Guard, data: bytes, timeout_s: float = 10.0) -> bytes:
    """Send `data`, return all that comes back until the guard closes."""
    with socket.create_connection(("127.0.0.1", guard.port), timeout=timeout_s) as client:
        client.sendall(data)
        answer = b""
        try:
            while block := client.recv(65536):
                answer += block
        except (ConnectionResetError, TimeoutError):
            pass
        return answer


def _drain(client: socket.socket) -> None:
    while client.recv(65536):
        pass


def get(guard: Guard, url: str, *headers: str) -> bytes:
    return say(guard, head(guard, f"GET {url} HTTP/1.1", *headers))


def test_passes_on_what_is_allowed(site: Site, guard: Guard) -> None:
    site.routes["/hello"] = Reply(b"hello")
    site.requests.clear()
    answer = get(
        guard, site.url("/hello?a=b"), "X-Mine: yes", "Connection: X-Dropped", "X-Dropped: 1"
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\nhello")
    assert b"Connection: close" in answer
    ((method, path, headers),) = site.requests
    assert (method, path) == ("GET", "/hello?a=b")
    assert headers["Host"] == f"127.0.0.1:{site.port}"
    assert headers["X-Mine"] == "yes"
    assert not {"Proxy-Authorization", "X-Dropped"} & set(headers)


def test_passes_a_body_on(site: Site, guard: Guard) -> None:
    def echo(handler: Handler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.reply(Reply(body[::-1]))

    url = site.behave("/echo", echo)
    request = head(guard, f"POST {url} HTTP/1.1", "Content-Length: 5")
    assert say(guard, request + b"hello").endswith(b"\r\n\r\nolleh")


def test_tunnels(site: Site, guard: Guard) -> None:
    site.routes["/hello"] = Reply(b"hello")
    request = head(guard, f"CONNECT 127.0.0.1:{site.port} HTTP/1.1")
    inner = b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = say(guard, request + inner)
    assert answer.startswith(b"HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 200")
    assert answer.endswith(b"hello")


HOSTS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "127.1",
    "127.0.0.2",
    "0.0.0.0",
    "0",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "internal.test",
    "ten.test",
    "mixed.test",
    "mixed-other-way.test",
    "nowhere.test",
]


@pytest.mark.attack
@pytest.mark.parametrize("host", HOSTS)
def test_refuses_what_is_not_public(guard: Guard, canary: Canary, host: str) -> None:
    for port in (canary.port, 80, 443):
        assert get(guard, f"http://{host}:{port}/").startswith(b"HTTP/1.1 403")
        request = head(guard, f"CONNECT {host}:{port} HTTP/1.1")
        assert say(guard, request).startswith(b"HTTP/1.1 403")
    assert len(guard.record.refused) == 6
    assert guard.record.connected == []


@pytest.mark.attack
def test_an_allowed_port_is_no_other_host(site: Site, guard: Guard) -> None:
    assert get(guard, f"http://mixed.test:{site.port}/").startswith(b"HTTP/1.1 403")
    assert get(guard, f"http://127.0.0.2:{site.port}/").startswith(b"HTTP/1.1 403")
    assert guard.record.connected == []


@pytest.mark.attack
def test_a_flipping_name_gains_nothing(site: Site, canary: Canary) -> None:
    """Each connection asks once and goes to what was judged: there is no second answer to take."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"], ["::1"]])
    asked: list[str] = []

    def flipping(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    site.routes["/hello"] = Reply(b"hello")
    url = f"http://flip.test:{site.port}/hello"
    allowed = AllowList.parse(site.allowed)
    with Guard(Budget(1_000_000, 20.0), allowed, flipping) as guard:
        statuses = [get(guard, url)[9:12] for _ in range(4)]
    assert statuses == [b"200", b"403", b"200", b"403"]
    assert asked == ["flip.test"] * 4
    assert {note.split()[-1] for note in guard.record.connected} == {"127.0.0.1"}


@pytest.mark.attack
@pytest.mark.parametrize("given_token", ["", "Basic bWVzb3Njb3BlOg==", "Basic x", "Bearer x"])
def test_wants_its_token(site: Site, guard: Guard, given_token: str) -> None:
    lines = f"GET {site.url('/')} HTTP/1.1\r\nProxy-Authorization: {given_token}\r\n\r\n"
    assert say(guard, lines.encode()).startswith(b"HTTP/1.1 407")
    assert guard.record.connected == []


TARGETS = [
    "/",
    "*",
    "//127.0.0.1/",
    "https://127.0.0.1/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "http:127.0.0.1",
    "http:///",
    "http://",
    "http://user@127.0.0.1/",
    "http://user:word@127.0.0.1/",
    "http://127.0.0.1:80@other.test/",
    "http://127.0.0.1\\@other.test/",
    "http://127.0.0.1#@other.test/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:/",
    "http://127.0.0.1:80:80/",
    "http://%31%32%37.0.0.1/",
    "http://[::1/",
    "http://[fe80::1%25lo]/",
    "http://127.0.0.1/a b",
    "http://127.0.0.1/\x01",
    "http://127.0.0.1/\xe9",
]


@pytest.mark.attack
@pytest.mark.parametrize("target", TARGETS)
def test_takes_only_plain_targets(guard: Guard, target: str) -> None:
    assert get(guard, target).startswith(b"HTTP/1.1 400")
    assert guard.record.connected == []


@pytest.mark.attack
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "CONNECT"])
def test_takes_few_methods(site: Site, guard: Guard, method: str) -> None:
    line = f"{method} {site.url('/')} HTTP/1.1"
    assert say(guard, head(guard, line)).startswith(b"HTTP/1.1 400")
    assert guard.record.connected == []


SMUGGLED = [
    "Transfer-Encoding: chunked",
    "transfer-encoding:\tchunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: identity",
    "Content-Length: 4\r\nContent-Length: 5",
    "Content-Length: 4\r\ncontent-length: 4",
    "Content-Length: +4",
    "Content-Length: 4, 4",
    "Content-Length: 0x4",
    "Content-Length: -1",
    "Content-Length: 99999999999",
    "Content-Length : 4",
    " folded: value",
    "X: a\r\n folded",
    "X: a\nY: b",
    "X: a\rY: b",
    "X: a\0b",
    "No colon",
    ": no name",
    "Bad name: x",
    "Host: one\r\nHost: two",
]


@pytest.mark.attack
@pytest.mark.parametrize("lines", SMUGGLED)
def test_reads_no_head_two_ways(site: Site, guard: Guard, lines: str) -> None:
    request = head(guard, f"POST {site.url('/smuggled')} HTTP/1.1", lines)
    assert say(guard, request + b"GET /second HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert guard.record.connected == []


@pytest.mark.attack
def test_answers_one_request_a_connection(site: Site, guard: Guard, canary: Canary) -> None:
    site.routes["/first"] = Reply(b"first", headers={"Connection": "keep-alive"})
    site.requests.clear()
    second = head(guard, f"GET http://127.0.0.1:{canary.port}/ HTTP/1.1")
    third = b"GET /third HTTP/1.1\r\nHost: x\r\n\r\n"
    first = head(guard, f"GET {site.url('/first')} HTTP/1.1")
    answer = say(guard, first + second + third, timeout_s=1.0)  # the site keeps its side open
    assert answer.count(b"HTTP/1.1") == 1
    assert b"keep-alive" not in answer
    assert [path for _, path, _ in site.requests] == ["/first"]


@pytest.mark.attack
def test_a_body_ends_where_it_said(site: Site, guard: Guard) -> None:
    site.routes["/post"] = Reply(b"ok")
    site.requests.clear()
    request = head(guard, f"POST {site.url('/post')} HTTP/1.1", "Content-Length: 4")
    say(guard, request + b"bodyGET /second HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [path for _, path, _ in site.requests] == ["/post"]


@pytest.mark.attack
def test_ends_an_endless_head(guard: Guard) -> None:
    filler = b"".join(b"X-%d: %s\r\n" % (index, b"a" * 1000) for index in range(200))
    assert say(guard, b"GET http://127.0.0.1/ HTTP/1.1\r\n" + filler)[:12] in (b"HTTP/1.1 502", b"")
    many = [f"X-{index}: a" for index in range(150)]
    assert get(guard, "http://127.0.0.1/", *many).startswith(b"HTTP/1.1 400")


@pytest.mark.attack
def test_ends_a_sites_endless_head(site: Site, guard: Guard) -> None:
    def endless(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        handler.pour(b"X-Filler: " + b"a" * 10_000 + b"\r\n")

    assert get(guard, site.behave("/endless-head", endless)).startswith(b"HTTP/1.1 502")


@pytest.mark.attack
def test_ends_a_site_that_only_announces(site: Site, guard: Guard) -> None:
    def announcing(handler: Handler) -> None:
        handler.pour(b"HTTP/1.1 100 Continue\r\n\r\n", blocks=1000)

    assert get(guard, site.behave("/announcing", announcing)).startswith(b"HTTP/1.1 400")


@pytest.mark.attack
def test_keeps_to_its_bytes(site: Site) -> None:
    def endless(handler: Handler) -> None:
        handler.begin("video/mp4")
        handler.pour(b"\0" * 65536)

    url = site.behave("/endless-bytes", endless)
    with guarding(site, max_bytes=1_000_000) as guard:
        plain = get(guard, url)
        assert guard.record.over_budget
        tunnel = say(guard, head(guard, f"CONNECT 127.0.0.1:{site.port} HTTP/1.1") + b"GET / ")
    assert len(plain) <= 1_000_000
    assert len(tunnel) < 1000


@pytest.mark.attack
def test_keeps_to_its_time(site: Site) -> None:
    def dripping(handler: Handler) -> None:
        handler.begin("video/mp4")
        handler.pour(b"\0", pause_s=0.1)

    url = site.behave("/dripping", dripping)
    begun = time.monotonic()
    with guarding(site, timeout_s=1.0) as guard:
        get(guard, url)
    assert time.monotonic() - begun < 5


def test_a_cut_answer_does_not_pass_for_a_whole_one(site: Site) -> None:
    """Out of budget, the client sees a reset, not an end."""

    def endless(handler: Handler) -> None:
        handler.begin("video/mp4")
        handler.pour(b"\0" * 65536)

    url = site.behave("/cut", endless)
    with (
        guarding(site, max_bytes=100_000) as guard,
        socket.create_connection(("127.0.0.1", guard.port), timeout=5) as client,
    ):
        client.sendall(head(guard, f"GET {url} HTTP/1.1"))
        with pytest.raises(ConnectionResetError):
            _drain(client)


@pytest.mark.parametrize("form", ["GET {url} HTTP/1.1", "CONNECT 127.0.0.1:{port} HTTP/1.1"])
def test_a_client_may_listen_for_long(
    site: Site, guard: Guard, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def slow(handler: Handler) -> None:
        handler.begin("video/mp4")
        handler.pour(b"part", pause_s=0.1, blocks=10)

    monkeypatch.setattr("server.fetch.guard.IDLE_TIMEOUT_S", 0.4)
    url = site.behave("/slow", slow)
    request = head(guard, form.format(url=url, port=site.port))
    if form.startswith("CONNECT"):
        request += b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    assert say(guard, request).endswith(b"part" * 10)


def test_a_site_may_not_be_silent_for_long(
    site: Site, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(handler: Handler) -> None:
        handler.begin("video/mp4")
        handler.pour(b"part", pause_s=3.0, blocks=2)

    monkeypatch.setattr("server.fetch.guard.IDLE_TIMEOUT_S", 0.2)
    assert b"part" not in get(guard, site.behave("/silent", silent))


def test_says_what_could_not_be_reached(site: Site, guard: Guard) -> None:
    assert get(guard, "http://no-such-name.invalid/").startswith(b"HTTP/1.1 502")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Guard(Budget(1000, 5.0), AllowList.parse([f"127.0.0.1:{port}"])) as other:
        assert get(other, f"http://127.0.0.1:{port}/").startswith(b"HTTP/1.1 502")
    assert "no-such-name.invalid" in guard.record.unreachable[0]
    assert str(port) in other.record.unreachable[0]
    assert guard.record.refused == other.record.refused == []


def test_leaves_no_thread_and_no_port(site: Site) -> None:
    with guarding(site) as guard:
        idle = socket.create_connection(("127.0.0.1", guard.port))
        assert any(thread.name == "egress-guard" for thread in threading.enumerate())
    with idle, pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", guard.port), timeout=1)
    assert not any(thread.name == "egress-guard" for thread in threading.enumerate())


# The parser alone --------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        request = parse_request(data)
    except BadHead:
        return
    assert request.host


@given(
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.from_regex(r"\A[a-z0-9-]{1,20}\.test\Z"),
    st.integers(1, 65535),
    st.from_regex(r"\A/[A-Za-z0-9/?=&%._~-]{0,40}\Z"),
    st.lists(
        st.tuples(
            st.from_regex(r"\AX-[A-Za-z0-9-]{1,10}\Z"),
            st.from_regex(r"\A[!-~]([ -~]{0,30}[!-~])?\Z"),
        ),
        max_size=5,
    ),
)
def test_what_is_forwarded_reads_the_same_again(
    method: str, host: str, port: int, path: str, headers: list[tuple[str, str]]
) -> None:
    lines = [f"{method} http://{host}:{port}{path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers)]
    request = parse_request("\r\n".join(lines).encode())
    assert (request.host, request.port, request.path) == (host, port, path)
    sent = forwarded(request).decode()
    assert sent.startswith(f"{method} {path} HTTP/1.1\r\nHost: {host}")
    assert sent.endswith("\r\n\r\n")
    assert sent.count("\r\n\r\n") == 1
    for name, value in headers:
        assert f"\r\n{name}: {value}\r\n" in sent


def test_a_length_stays_with_its_body() -> None:
    raw = b"POST http://a.test/ HTTP/1.1\r\nConnection: content-length\r\nContent-Length: 3"
    assert b"Content-Length: 3" in forwarded(parse_request(raw))


def test_an_answer_closes() -> None:
    sent = closing(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nconnection: keep-alive\r\nX: y")
    assert sent == b"HTTP/1.1 200 OK\r\nX: y\r\nConnection: close\r\n\r\n"


@pytest.mark.attack
def test_an_address_of_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "own_networks", lambda: (ip_network("93.184.216.0/24"),))
    answers = {"own.test": ["93.184.216.34"], "both.test": ["1.1.1.1", "93.184.216.1"]}
    with Guard(Budget(1000, 5), AllowList(), lambda host, _: answers[host]) as guard:
        assert not guard.admits("own.test", 443)
        assert not guard.admits("both.test", 443)
        assert guard.record.refused == [f"{host} is not on the public internet" for host in answers]

"""The HTTP interface: through gunicorn with a real worker; in process where that says as much."""

from __future__ import annotations

import gc
import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models import registry
from server.api.service import of
from server.app import create_app
from server.config import Settings
from server.errors import AppError, Gone, kinds
from server.jobs.leases import Leases
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from tests.server.service import Site, mentioning, running, scripted, until
from tests.server.verdicts import verdict

TOKEN = "a-token-of-many-letters"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("api") / "var"
    with running(Site(path, max_upload_bytes=100_000), "serve", "scripted") as site:
        until(lambda: site.get("/healthz").json()["status"] == "ok")
        yield site


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, queue_limit=3, max_upload_bytes=1000)


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    """The app in this process; nobody works on its jobs."""
    return create_app(settings).test_client()


def test_connections_to_the_database_close_with_the_app(settings: Settings) -> None:
    """Python 3.13 warns of those that are left open."""
    app = create_app(settings)
    assert app.test_client().get("/jobs").status_code == 200
    pool = of(app).store._writer.pool
    assert pool.checkedin() > 0  # type: ignore[attr-defined]
    del app
    gc.collect()
    assert pool.checkedin() == 0  # type: ignore[attr-defined]


def ask(site: Site, *steps: str, name: str = "", **form: object) -> requests.Response:
    return site.post("/check-url", data={"url": scripted(*steps, name=name), **form})


# Checks ------------------------------------------------------------------------------------------


def test_the_curl_line_of_the_readme(site: Site, curl: str) -> None:
    address = scripted("result:fake", name="curl")
    command = [curl, "-s", "-d", f"url={address}", site.url("/check-url")]
    said = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    assert json.loads(said)["label"] == "fake"


def test_a_form_or_json_waits_for_the_verdict(site: Site) -> None:
    address = scripted("sleep:0.5", "result:real", name="wait")
    for body in ({"data": {"url": address}}, {"json": {"url": address, "wait": 10}}):
        answer = site.post("/check-url", **body)
        assert answer.status_code == 200
        said, path = answer.json(), answer.headers["Content-Location"]
        assert re.fullmatch("/jobs/[0-9a-f]{32}", path)
        assert list(said)[:3] == ["id", "label", "links"]
        assert path == f"/jobs/{said.pop('id')}" == said.pop("links")["self"]
        assert said["timing_s"].pop("fetch") > 0
        assert said == verdict("real", versions={"source": address})
        assert answer.text.endswith("}\n"), "a terminal's next prompt is on a line of its own"


@pytest.mark.parametrize("wait", [0, 0.3])
def test_what_takes_longer_is_a_job_to_ask_again(site: Site, wait: float) -> None:
    answer = ask(site, "progress:0.5", "sleep:1", "result:fake", name=f"slow{wait}", wait=wait)
    assert answer.status_code == 202
    assert int(answer.headers["Retry-After"]) > 0
    path = answer.headers["Location"]
    assert answer.json()["links"]["self"] == path
    job = until(lambda: job if (job := site.get(path).json())["state"] == "done" else None)
    assert job is not None
    assert job["result"]["label"] == "fake"
    assert job["progress"] == 1.0
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]


def test_wait_may_stand_in_the_query(site: Site) -> None:
    address = scripted("sleep:0.5", "result:fake", name="query")
    assert site.post("/check-url?wait=0", json={"url": address}).status_code == 202
    assert site.post("/check-url?wait=5", json={"url": address, "wait": 0}).status_code == 200


def test_a_failed_check_answers_as_its_problem(site: Site) -> None:
    answer = ask(site, "error:gone")
    assert answer.status_code == Gone.http_status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {"type": "/problems/gone", **Gone("D").to_json()}


def test_twenty_people_asking_at_once_share_the_work(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    steps = (f"note:{notes}", "sleep:1", "result:fake")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(site, *steps, wait=0), range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 20
    for answer in answers:
        until(lambda path=answer.headers["Location"]: site.get(path).json()["state"] == "done")
    assert len(notes.read_text().splitlines()) == 1


def test_deleting_a_running_check_kills_it_within_a_second(site: Site) -> None:
    path = ask(site, "progress:0.5", "grandchild", "hang", wait=0).headers["Location"]
    job = until(lambda: job if (job := site.get(path).json())["progress"] == 0.5 else None)
    assert job is not None
    work_id = site.work(job["id"]).id
    until(lambda: mentioning(work_id))
    assert requests.delete(site.url(path), timeout=10).json()["state"] == "cancelled"
    start = time.monotonic()
    until(lambda: not mentioning(work_id), 5)
    assert time.monotonic() - start < 1.0
    assert site.get(path).json()["state"] == "cancelled"
    assert requests.delete(site.url(path), timeout=10).status_code == 204
    assert site.get(path).status_code == 404


def test_whoever_waits_for_a_cancelled_check_is_told(site: Site) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, site, "hang", name="cancelled", wait=20)
        found = until(lambda: [job for job in site.store.recent(1) if "cancelled" in job.source])
        requests.delete(site.url(f"/jobs/{found[0].id}"), timeout=10)
        answer = waiting.result(10)
    assert (answer.status_code, answer.json()["code"]) == (409, "cancelled")


def test_health_stays_quick_while_many_wait(site: Site) -> None:
    with ThreadPoolExecutor(30) as pool:
        waits = [pool.submit(ask, site, "sleep:2", "result:fake", name="crowd") for _ in range(30)]
        time.sleep(0.5)
        start = time.monotonic()
        assert site.get("/healthz").ok
        assert time.monotonic() - start < 2.0
        assert {wait.result(30).status_code for wait in waits} <= {200, 202}


# Uploads -----------------------------------------------------------------------------------------


def uploads(site: Site) -> list[Path]:
    return list((site.settings.data_dir / "uploads").iterdir())


def test_an_upload_is_checked_and_deleted(site: Site) -> None:
    content = b"0123456789" * 5000
    files = {"file": ("my clip.mp4", content)}
    answer = site.post("/check-file", files=files)
    assert answer.status_code == 200
    assert answer.json()["versions"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert site.get(answer.headers["Content-Location"]).json()["title"] == "my clip.mp4"
    until(lambda: uploads(site) == [])


@pytest.mark.parametrize(
    ("sent", "title"),
    [
        (b"caf\xe9.jpg", "caf\ufffd.jpg"),  # Latin-1
        (b"\x8e\xca\x90^.jpg", "\ufffd\u0290^.jpg"),  # Shift-JIS, of which a part reads as UTF-8
        ("\u5199\u771f.jpg".encode(), "\u5199\u771f.jpg"),
        (b"a%22b.jpg", 'a"b.jpg'),
        (b"\xff\xfe\x00a\x07.jpg", "\ufffd\ufffda.jpg"),
        (b"", None),
        (b"n" * 300, "n" * 200),
    ],
)
def test_a_file_name_in_any_encoding(site: Site, sent: bytes, title: str | None) -> None:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % sent
    answer = site.post(
        "/check-file",
        data=head + b"media of " + sent + b"\r\n--B--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=B"},
    )
    assert answer.status_code == 200, answer.text
    assert site.get(answer.headers["Content-Location"]).json()["title"] == title


@pytest.mark.parametrize(
    "body", [b"", b"--B\r\n", b"--B\r\nX: y\r\n\r\nmedia\r\n--B--\r\n", b"media"]
)
def test_a_form_that_is_none_is_told_so(site: Site, body: bytes) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=B"}
    answer = site.post("/check-file", data=body, headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert "form" in answer.json()["detail"]


def test_the_same_file_twice_is_one_work(site: Site) -> None:
    def post(name: str) -> str:
        files = {"file": (name, b"slow" * 100)}
        return str(site.post("/check-file?wait=0", files=files).json()["id"])

    first, second = post("a.mp4"), post("b.mp4")
    assert first != second
    assert site.job(first).work_id == site.job(second).work_id
    until(lambda: uploads(site) == [])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_that_is_too_large_is_refused_and_not_kept(site: Site, chunked: bool) -> None:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = head + b"x" * 3_000_000 + b"\r\n--B--\r\n"
    pieces = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
    answer = site.post(
        "/check-file",
        data=pieces if chunked else body,
        headers={"Content-Type": "multipart/form-data; boundary=B"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert "0.1 MB" in answer.json()["detail"]
    until(lambda: uploads(site) == [])


def test_deleting_a_job_deletes_its_upload(client: FlaskClient, settings: Settings) -> None:
    answer = client.post("/check-file?wait=0", data={"file": (BytesIO(b"media"), "a.mp4")})
    assert answer.status_code == 202
    assert len(list((settings.data_dir / "uploads").iterdir())) == 1
    assert client.delete(answer.headers["Location"]).status_code == 200
    assert list((settings.data_dir / "uploads").iterdir()) == []


# Problems ----------------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
PARTS = {"data": {"other": "x"}, "content_type": "multipart/form-data"}


def form(text: str) -> dict:
    return {"data": text, "content_type": "application/x-www-form-urlencoded"}


def sent_from(origin: str) -> dict:
    return {"json": {}, "headers": {"Origin": origin}}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/nowhere", {}, 404, "not-found"),
        ("GET", "/jobs/unknown", {}, 404, "not-found"),
        ("GET", "/jobs/" + "0" * 32, {}, 404, "not-found"),
        ("DELETE", "/jobs/" + "0" * 32, {}, 404, "not-found"),
        ("GET", "/static/../server/config.py", {}, 404, "not-found"),
        ("GET", "/static/%2e%2e/__init__.py", {}, 404, "not-found"),
        ("GET", "/check-url", {}, 405, "wrong-method"),
        ("POST", "/healthz", {}, 405, "wrong-method"),
        ("POST", "/check-url", {"data": "{", "headers": JSON}, 400, "bad-request"),
        ("POST", "/check-url", {"data": "[" * 30_000, "headers": JSON}, 400, "bad-request"),
        ("POST", "/check-url", {"data": "[1]", "headers": JSON}, 422, "bad-value"),
        ("POST", "/check-url", {"data": "{}", "headers": JSON}, 422, "bad-value"),
        ("POST", "/check-url", {"json": {"url": 7}}, 422, "bad-value"),
        ("POST", "/check-url", {"json": {"url": "http://a.test", "speed": 1}}, 422, "bad-value"),
        ("POST", "/check-url", form("url=http://a.test&wait=56"), 422, "bad-value"),
        ("POST", "/check-url", form("url=http://a.test&wait=nan"), 422, "bad-value"),
        ("POST", "/check-url?wait=soon", form("url=http://a.test"), 422, "bad-value"),
        ("POST", "/check-url", form("url=file:///etc/passwd"), 400, "bad-url"),
        ("POST", "/check-url", form("url=ytsearch:cats"), 400, "bad-url"),
        ("POST", "/check-url", form("url=http://[::1"), 400, "bad-url"),
        ("POST", "/check-url", form("url="), 400, "bad-url"),
        ("POST", "/check-url", {"data": "x", "content_type": "text/plain"}, 415, "wrong-type"),
        ("POST", "/check-url", {"data": b"x"}, 415, "wrong-type"),
        ("POST", "/check-url", form("url=" + "a" * 70_000), 413, "request-too-large"),
        ("POST", "/check-file", form("url=x"), 415, "wrong-type"),
        ("POST", "/check-file", PARTS, 422, "bad-value"),
        ("GET", "/healthz", {"headers": {"Host": "evil.example"}}, 421, "unknown-host"),
        ("GET", "/healthz", {"headers": {"Host": "127.0.0.1.evil.example"}}, 421, "unknown-host"),
        ("POST", "/check-url", sent_from("https://evil.example"), 403, "foreign-origin"),
        ("POST", "/check-url", sent_from("null"), 403, "foreign-origin"),
        ("DELETE", "/jobs/x", sent_from("http://localhost:1"), 403, "foreign-origin"),
    ],
)
def test_every_error_is_a_problem(
    client: FlaskClient, method: str, path: str, options: dict, status: int, code: str
) -> None:
    answer = client.open(path, method=method, **options)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    problem = answer.get_json()
    assert (problem["type"], problem["code"]) == (f"/problems/{code}", code)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]


def test_an_unforeseen_error_tells_nothing_of_our_insides(client: FlaskClient) -> None:
    def fail() -> str:
        raise ZeroDivisionError("a secret of ours")

    client.application.add_url_rule("/fail", view_func=fail)
    answer = client.get("/fail")
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_full_queue_says_when_to_come_back(client: FlaskClient) -> None:
    for number in range(4):
        answer = client.post("/check-url?wait=0", json={"url": f"http://a.test/{number}"})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "queue-full")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.post("/check-url?wait=0", json={"url": "http://a.test/0"}).status_code == 202


def test_an_address_cut_at_its_ampersand_is_explained(client: FlaskClient) -> None:
    answer = client.post("/check-url", data={"url": "https://a.test/watch?v=1", "list": "2"})
    assert "--data-urlencode" in answer.get_json()["detail"]


# Who may use it ----------------------------------------------------------------------------------


def test_our_own_page_and_extensions_may_post(client: FlaskClient) -> None:
    for origin in ("http://localhost", "chrome-extension://abcdefghijklmnop", "moz-extension://1"):
        body = {"url": "http://a.test"}
        answer = client.post("/check-url?wait=0", json=body, headers={"Origin": origin})
        assert answer.status_code == 202, origin


def test_a_token_is_asked_for_where_one_is_set(tmp_path: Path) -> None:
    client = create_app(Settings(data_dir=tmp_path, token=TOKEN)).test_client()
    body = {"url": "http://a.test"}
    for wrong in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = client.post("/check-url?wait=0", json=body, headers=wrong)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert client.get("/jobs/x", headers=wrong).status_code == 401
    own = {"Authorization": f"Bearer {TOKEN}", "Host": "video.example"}
    assert client.post("/check-url?wait=0", json=body, headers=own).status_code == 202
    assert client.get("/healthz").status_code == 200
    assert TOKEN not in client.get("/openapi.json").text


def test_every_answer_is_closed_to_other_sites(client: FlaskClient) -> None:
    for path in ("/healthz", "/nowhere", "/jobs/x", "/"):
        with client.get(path) as answer:
            headers = answer.headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


# Operation and documentation ---------------------------------------------------------------------


def test_health_says_what_runs(client: FlaskClient, settings: Settings) -> None:
    health = client.get("/healthz").get_json()
    assert health["status"] == "no-worker"
    assert health["model"]["name"] == "meso3-full"
    assert re.fullmatch("[0-9a-f]{64}", health["model"]["sha256"])
    assert health["model"]["backend"] is None
    assert health["sandbox"]["name"] in ("full", "partial", "basic")
    engine = open_engine(database_url(settings))
    Leases(engine).worker_seen("w", 2, "keras")
    client.post("/check-url?wait=0", json={"url": "http://a.test"})
    health = client.get("/healthz").get_json()
    assert (health["status"], health["workers"], health["jobs"]["queued"]) == (
        "ok",
        {"slots": 2},
        1,
    )
    assert health["model"]["backend"] == "keras"
    assert health["model"]["sha256"] == registry.spec("meso3-full").files["keras"].sha256
    engine.dispose()


def test_the_page_is_served_under_its_policy(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.mimetype == "text/html"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        with client.get(path) as asset:
            assert asset.status_code == 200, path
    page.close()


def test_the_description_of_the_api_is_whole(client: FlaskClient) -> None:
    text = client.get("/openapi.json").text
    spec = json.loads(text)
    assert spec["openapi"].startswith("3.1")
    schemas = spec["components"]["schemas"]
    for reference in re.findall(r'"\$ref":\s*"([^"]+)"', text):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    assert set(spec["paths"]) >= {"/check-url", "/check-file", "/jobs/{job_id}", "/healthz"}
    for path in ("/check-url", "/check-file"):
        assert spec["paths"][path]["post"]["requestBody"]["required"] is True
        assert {"200", "202", "default"} <= set(spec["paths"][path]["post"]["responses"])
    assert "Verdict" in schemas


def test_every_error_has_a_code_of_its_own() -> None:
    found = [AppError, *AppError.__subclasses__()]
    assert len({kind.code for kind in found}) == len(found)
    for kind in found:
        assert re.fullmatch("[a-z]+(-[a-z]+)*", kind.code)
        assert 400 <= kind.http_status < 600
        assert kinds()[kind.code] is kind


# Anything at all ---------------------------------------------------------------------------------

TEXT = st.text(max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
URLS = TEXT | TEXT.map("http://{}".format) | st.from_regex(r"https?://[a-z\[\]:.@%0-9/?#]{1,30}")
BODIES = st.one_of(
    st.fixed_dictionaries({"url": URLS}, optional={"wait": st.sampled_from([0, -1, "0", 1e308])}),
    st.dictionaries(st.sampled_from(["url", "wait", "x", ""]), VALUES, max_size=3),
)
TYPES = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=B"]
) | st.text("abc/;=- ", max_size=20)
PATHS = st.sampled_from(["/check-url", "/check-file", "/healthz", "/", "/openapi.json"])
PATHS |= (
    st.text(max_size=40)
    .map(quote)
    .flatmap(lambda name: st.sampled_from([f"/jobs/{name}", f"/static/{name}", f"/{name}"]))
)


def never_breaks(client: FlaskClient, **request: object) -> None:
    answer = client.open(**request)
    assert answer.status_code < 500 or answer.get_json()["code"] == "queue-full"
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json"
    answer.close()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    path = tmp_path_factory.mktemp("fuzzed")
    settings = Settings(data_dir=path, queue_limit=1000, rate_limit="")
    return create_app(settings).test_client()


fuzz = hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@fuzz
@given(method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"]), path=PATHS,
       kind=TYPES, body=st.binary(max_size=200))  # fmt: skip
def test_no_bytes_break_it(
    fuzzed: FlaskClient, method: str, path: str, kind: str, body: bytes
) -> None:
    options = {"data": body, "content_type": kind, "query_string": {"wait": "0"}}
    never_breaks(fuzzed, path=path, method=method, **options)


@fuzz
@given(body=BODIES, form=st.booleans())
def test_no_values_break_it(fuzzed: FlaskClient, body: dict, form: bool) -> None:
    options = {"data": {k: str(v) for k, v in body.items()}} if form else {"json": body}
    never_breaks(fuzzed, path="/check-url", method="POST", query_string={"wait": "0"}, **options)


@fuzz
@given(text=URLS)
def test_an_accepted_address_is_a_job_that_can_be_asked_for(fuzzed: FlaskClient, text: str) -> None:
    answer = fuzzed.post("/check-url?wait=0", json={"url": text})
    if answer.status_code == 202:
        job = fuzzed.get(answer.headers["Location"]).get_json()
        assert job["state"] == "queued"
        assert fuzzed.delete(answer.headers["Location"]).get_json()["state"] == "cancelled"
        assert fuzzed.delete(answer.headers["Location"]).status_code == 204
        assert fuzzed.get(answer.headers["Location"]).status_code == 404


def test_the_store_of_the_app_is_the_one_of_the_settings(
    client: FlaskClient, settings: Settings
) -> None:
    job_id = client.post("/check-url?wait=0", json={"url": "http://a.test"}).get_json()["id"]
    engine = open_engine(database_url(settings))
    job = Store(engine).get(job_id)
    assert job is not None
    assert job.source == "http://a.test"
    engine.dispose()

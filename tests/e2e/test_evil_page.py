"""A page of somebody else in a real Chromium: it can start, read and delete no check.

Its name leads to loopback, as with DNS rebinding, and it knows the address of a check.
"""

from __future__ import annotations

import contextlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.jobs.records import NewJob
from tests.server.service import Site, running

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.extension import FLAGS  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.attack]

EVIL = "evil.example"
TOKEN = "a-secret-of-some-length"
ALONE = 1  # the check that was there before

# Everything that a page can send or embed, each with what came back.
ATTACK = """
async ({ service, job }) => {
  const text = async (answer) => `${answer.type} ${answer.status} ${await answer.text()}`;
  const form = () => new URLSearchParams({ url: "http://192.0.2.1/a.mp4", wait: "0" });
  const upload = () => {
    const body = new FormData();
    body.append("file", new Blob([new Uint8Array(100)]), "a.mp4");
    return body;
  };
  const json = { "Content-Type": "application/json" };
  const post = (path, options) => fetch(service + path, { method: "POST", ...options }).then(text);
  const embedded = (name, attributes) => new Promise((done) => {
    const element = Object.assign(document.createElement(name), attributes);
    element.onload = () => {
      let inside = "loaded";
      try { inside += element.contentDocument?.body.innerText ?? ""; } catch { inside = "closed"; }
      done(inside);
    };
    element.onerror = () => done("error");
    setTimeout(() => done("nothing"), 1500);
    document.body.append(element);
  });
  const submitted = (sandbox) => embedded("iframe", { sandbox, srcdoc:
    `<form method=post action="${service}/check-url"><input name=url value=http://192.0.2.1/b>` +
    `<input name=wait value=0></form><script>document.forms[0].submit()</script>` });
  const attempts = {
    json: () => post("/check-url", { headers: json, body: '{"url":"http://192.0.2.1/","wait":0}' }),
    form: () => post("/check-url", { body: form() }),
    blind: () => post("/check-url", { mode: "no-cors", body: form() }),
    upload: () => post("/check-file?wait=0", { mode: "no-cors", body: upload() }),
    beacon: () => String(navigator.sendBeacon(service + "/check-url", form())),
    submit: () => submitted("allow-scripts allow-forms allow-same-origin"),
    submitFromNowhere: () => submitted("allow-scripts allow-forms"),
    read: () => fetch(service + job).then(text),
    readBlind: () => fetch(service + job, { mode: "no-cors" }).then(text),
    readCredentials: () => fetch(service + job, { credentials: "include" }).then(text),
    remove: () => fetch(service + job, { method: "DELETE" }).then(text),
    removeBlind: () => fetch(service + job, { method: "DELETE", mode: "no-cors" }).then(text),
    frame: () => embedded("iframe", { src: service + job }),
    script: () => embedded("script", { src: service + job }),
    picture: () => embedded("img", { src: service + job }),
  };
  const results = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try { results[name] = await attempt(); } catch (error) { results[name] = String(error); }
  }
  return results;
}
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Win a prize</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def evil_server(port: int = 0) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def evil_port() -> Iterator[int]:
    with evil_server() as port:
        yield port


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    rebound = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=[*FLAGS, rebound])
        yield browser
        browser.close()


@pytest.fixture(params=["", TOKEN], ids=["open", "with-token"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, token=request.param)
    with running(site, "serve"):
        yield site


@pytest.fixture
def check(site: Site) -> str:
    return waiting_check(site)


def waiting_check(site: Site) -> str:
    """The address of a check that somebody waits for."""
    new = NewJob("url", "http://192.0.2.1/private", "key", {"options": {}})
    return f"/jobs/{site.store.submit(new, 10).job_id}"


def nothing_came_of_it(site: Site, check: str, results: dict[str, str]) -> None:
    assert len(results) == 15
    for name, result in results.items():
        for secret in ('"state"', "private", '"attempts"', check.removeprefix("/jobs/")):
            assert secret not in result, (name, result)
    assert site.store.counts() == {"queued": ALONE, "running": 0}
    assert site.job(check.removeprefix("/jobs/")).state == "queued"
    assert list((site.settings.data_dir / "uploads").iterdir()) == []


@pytest.mark.parametrize("name", [EVIL, "127.0.0.1", "localhost"])
def test_another_origin(
    browser: playwright.Browser, site: Site, check: str, evil_port: int, name: str
) -> None:
    page = browser.new_page()
    page.goto(f"http://{name}:{evil_port}/")
    for service in (site.url(""), f"http://localhost:{site.settings.port}"):
        asked = {"service": service, "job": check}
        nothing_came_of_it(site, check, page.evaluate(ATTACK, asked))
    page.close()


@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_name_that_was_rebound(browser: playwright.Browser, tmp_path: Path, token: str) -> None:
    """The name led to their server when the page came, and now leads to us: one origin."""
    site = Site(tmp_path, token=token)
    origin = f"http://{EVIL}:{site.settings.port}"
    page = browser.new_page()
    with evil_server(site.settings.port):
        page.goto(f"{origin}/")
    with running(site, "serve"):
        check = waiting_check(site)
        results = page.evaluate(ATTACK, {"service": origin, "job": check})
        nothing_came_of_it(site, check, results)
        refusal = "needs-token" if token else "unknown-host"
        for name in ("json", "form", "read", "remove"):
            assert refusal in results[name], "it reached the service, which refused"
    page.close()


def test_the_same_means_work_for_our_own_page(
    browser: playwright.Browser, site: Site, check: str
) -> None:
    """Otherwise the attacks would prove nothing."""
    page = browser.new_page()
    if site.settings.token:  # everything sent carries it, as what the page asks does
        page.set_extra_http_headers({"Authorization": f"Bearer {TOKEN}"})
    page.goto(site.url("/"))
    results = page.evaluate(ATTACK, {"service": site.url(""), "job": check})
    assert '"state"' in results["read"]
    assert '"state"' in results["form"]
    assert site.job(check.removeprefix("/jobs/")).state == "cancelled"
    assert site.store.counts()["queued"] >= 2
    page.close()

"""The page in states that a quick check on a good day does not show.

The worker's part is written into the jobs table, as a worker writes it: so each state lasts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from server.jobs.tables import pictures, works
from server.terms import SEARCHES
from tests import media
from tests.e2e.conftest import ROOT
from tests.server.service import Site, running, until

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.extension import wait_for  # noqa: E402
from tests.e2e.page import (  # noqa: E402
    assert_accessible,
    check_address,
    launched,
    opened,
    report_of,
    shoot,
)

expect = playwright.expect
pytestmark = pytest.mark.browser

TOKEN = "a-secret-of-some-length"
VERDICT = json.loads((ROOT / "tests" / "contract" / "verdict-2.json").read_text())


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver, launched(driver, chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service that nobody works for."""
    with running(Site(tmp_path_factory.mktemp("idle")), "serve") as site:
        yield site


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory, portrait: np.ndarray) -> dict[str, bytes]:
    face = np.ascontiguousarray(portrait[:128, 64:192])
    folder = tmp_path_factory.mktemp("jpegs")
    return {
        "face": media.picture(folder / "face.jpg", face).read_bytes(),
        "frame": media.picture(folder / "frame.jpg", np.ascontiguousarray(portrait)).read_bytes(),
        "evidence": media.picture(folder / "evidence.jpg", face[:, :, ::-1].copy()).read_bytes(),
    }


def write(site: Site, job_id: str, **values: Any) -> None:
    with site.engine.begin() as connection:
        connection.execute(
            works.update().where(works.c.id == site.job(job_id).work_id).values(**values)
        )


def finish(site: Site, job_id: str, verdict: dict[str, Any], jpegs: dict[str, bytes]) -> None:
    rows = [
        {
            "work_id": site.job(job_id).work_id,
            "face": face["id"],
            "moment": k,
            "kind": kind,
            "jpeg": jpeg,
        }
        for face in verdict["faces"]
        for k in range(len(face["moments"]))
        for kind, jpeg in jpegs.items()
    ]
    with site.engine.begin() as connection:
        connection.execute(insert(pictures), rows)
    ended = {"state": "done", "stage": "done", "progress": 1.0, "finished_at": time.time()}
    write(site, job_id, **ended, partial=None, result=verdict)


def waiting(page: playwright.Page, address: str) -> str:
    """Ask for a check; its id, once the page shows it."""
    check_address(page, address)
    page.wait_for_url("**/#/jobs/*")
    page.locator("#cancel").wait_for()
    return page.url.rpartition("/")[2]


def test_waiting_and_calling_off(browser: playwright.Browser, idle: Site) -> None:
    with opened(browser, idle.url("/")) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        waiting(page, "http://192.0.2.1/first.mp4")
        page.click(".back")
        second = waiting(page, "http://192.0.2.1/second.mp4")
        expect(page.locator(".stage:visible")).to_contain_text("Checks before it: 1")
        told = f"{second}/events"  # it listens, and does not ask
        wait_for(page, lambda: any(url.endswith(told) for url in asked), name=told)
        shoot(page, "waiting")
        assert_accessible(page)
        page.click("#cancel")
        expect(page.locator("#one .problem")).to_contain_text("cancelled")
        until(lambda: idle.job(second).state == "cancelled")
        page.click(".back")
        entry = page.locator(".entry", has_text="first.mp4")
        entry.get_by_role("button", name="Cancel").click()
        expect(entry).to_contain_text("Cancelled")


def test_so_far_and_then_a_flag(
    browser: playwright.Browser, idle: Site, jpegs: dict[str, bytes]
) -> None:
    with opened(browser, idle.url("/")) as page:
        job = waiting(page, "http://192.0.2.1/flag.mp4")
        so_far = VERDICT | {"label": "inconclusive"}
        write(idle, job, state="running", stage="faces", progress=0.4, partial=so_far)
        expect(page.locator("#one")).to_contain_text("So far, not final")
        expect(page.locator("#one")).to_contain_text("Nothing found yet, 1 of 13 s looked at")
        expect(page.locator("[aria-current=step]")).to_have_text("Finding and following the faces")
        expect(page.locator("progress:visible")).to_have_js_property("value", 0.4)
        expect(page.locator("#live")).to_contain_text("Finding and following the faces")
        shoot(page, "so-far")
        assert_accessible(page)

        finish(idle, job, VERDICT, jpegs)
        report = report_of(page)
        expect(report.locator(".headline")).to_contain_text("Looks manipulated")
        assert "So far" not in page.inner_text("#one")
        expect(report.locator(".answer")).to_contain_text("Support for manipulation: moderate")
        for sentence in (
            "Where fakes make up 1 in 100 such videos, they make up 12 in 100",
            "Where fakes make up 50 in 100 such videos, they make up 93 in 100",
            "0:00 to 0:01 looks manipulated; the rest does not.",
            "Look for the film that this scene was taken from",
            "Check the whole file, or its missing part.",
        ):
            expect(report.locator(".answer")).to_contain_text(sentence)
        expect(report.locator(".rates").last).to_contain_text("Untrained people are right on 57")
        links = report.locator(".next a").evaluate_all("(links) => links.map(({ href }) => href)")
        assert links == list(SEARCHES.values()), "nothing of the video stands in them"
        expect(report.locator("article")).to_have_count(2)

        first = report.locator(".moment img").first
        with page.expect_response("**/faces/1.jpg?moment=0&kind=evidence") as answer:
            report.get_by_role("button", name="Show where in the face").click()
        assert answer.value.ok
        expect(first).to_have_attribute(
            "alt",
            "Where the evidence lies in the face of person 1: mouth, nose",
        )
        second = report.locator(".moment img").nth(1)
        assert "kind=face" in (second.get_attribute("src") or ""), "no map where there is none"
        shoot(page, "flag")
        assert_accessible(page)

        genuine = {"direction": "genuine", "strength": "weak"}
        real = {"label": "real", "level": "real", "support": genuine, "lr": 0.25}
        write(idle, job, result=VERDICT | real)
        page.reload()
        expect(report.locator(".headline")).to_contain_text("No sign of: face swap")
        expect(report.locator(".answer")).to_contain_text("Support for genuine: weak")
        page.click(".back")
        expect(page.locator(".entry .label.real")).to_contain_text("No sign of: face swap")


def test_without_events_it_asks(
    browser: playwright.Browser, idle: Site, jpegs: dict[str, bytes]
) -> None:
    with opened(browser, idle.url("/"), wrong=("503",)) as page:
        page.route("**/events", lambda route: route.fulfill(status=503))
        job = waiting(page, "http://192.0.2.1/polled.mp4")
        finish(idle, job, VERDICT, jpegs)
        report_of(page)


def test_the_service_goes_and_comes_back(browser: playwright.Browser, tmp_path: Path) -> None:
    wrong = (
        "ERR_CONNECTION_REFUSED",
        "ERR_INCOMPLETE_CHUNKED_ENCODING",
        "ERR_CONNECTION_RESET",
        "ERR_EMPTY_RESPONSE",
        "503",
    )
    with (
        running(Site(tmp_path), "serve") as site,
        opened(browser, site.url("/"), wrong=wrong) as page,
    ):
        waiting(page, "http://192.0.2.1/long.mp4")
        server = site.started[0]
        server.terminate()
        server.wait(30)
        problem = page.locator("#one .problem")
        expect(problem).to_contain_text("The service does not answer")
        shoot(page, "silent")
        page.click(".back")
        check_address(page, "http://192.0.2.1/another.mp4")
        expect(page.locator(".entry").first.locator(".problem")).to_contain_text("make run")

        site.serve()
        page.locator(".entry", has_text="long.mp4").get_by_role("button", name="Try again").click()
        expect(page.locator(".entry", has_text="long.mp4")).to_contain_text("Waiting for its turn")


def test_a_token(browser: playwright.Browser, tmp_path: Path, jpegs: dict[str, bytes]) -> None:
    with (
        running(Site(tmp_path, token=TOKEN), "serve") as site,
        opened(browser, site.url("/"), wrong=("401 (UNAUTHORIZED)",)) as page,
    ):
        field = page.locator("#token-field")
        expect(field).to_be_focused()
        assert field.get_attribute("type") == "password"
        assert_accessible(page)
        field.fill("not-the-token-of-this-service")
        field.press("Enter")
        expect(page.locator("#token-wrong")).to_be_visible()
        shoot(page, "token")
        assert_accessible(page)
        field.fill(TOKEN)
        page.click("text=Continue")
        expect(page.locator("dialog[open]")).to_have_count(0)

        job = waiting(page, "http://192.0.2.1/private.mp4")
        finish(site, job, VERDICT, jpegs)
        picture = report_of(page).locator(".moment img").first
        until(lambda: page.evaluate("document.querySelector('.moment img').naturalWidth") == 128)
        with page.expect_download() as download:
            page.get_by_role("button", name="Report (HTML)").click()
        assert "Looks manipulated" in Path(download.value.path()).read_text()
        assert TOKEN not in page.evaluate("JSON.stringify(localStorage)")
        assert (picture.get_attribute("src") or "").startswith("blob:")

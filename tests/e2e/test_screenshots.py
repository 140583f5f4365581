"""The page, its report and its docs in three languages, at two widths, on light and dark ground."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.words import words
from tests.e2e.conftest import Site

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.page import check_address, launched, opened, report_of  # noqa: E402
from tests.e2e.screens import LOCALES, close_up_film, each_view, shoot  # noqa: E402

expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver, launched(driver, chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def close_up(site: Site, astronaut: np.ndarray) -> Path:
    return close_up_film(site.folder, astronaut)


@pytest.mark.parametrize("language", LOCALES)
def test_the_page_and_its_report(
    browser: playwright.Browser, service: str, site: Site, close_up: Path, language: str
) -> None:
    say = words(language).say
    with opened(browser, service, locale=LOCALES[language]) as page:
        assert page.get_attribute("html", "lang") == language
        expect(page.locator("h1:visible")).to_have_text(say("page_title"))
        expect(page.locator("#checks, #none").first).to_be_attached()
        each_view(page, f"page-{language}")
        check_address(page, f"{site.url}/{close_up.name}")
        report = report_of(page)
        expect(report.locator(".stills img").first).to_be_visible()
        expect(report.locator(".stills .box").first).to_be_visible()
        expect(report).to_contain_text(say("worth"))
        each_view(page, f"report-{language}")
        job = page.url.rpartition("/")[2]
        page.goto(f"{service}/jobs/{job}/report")
        expect(page.locator("h1")).to_have_text(say("report_title"))
        each_view(page, f"saved-{language}")


def test_the_docs(browser: playwright.Browser, service: str) -> None:
    with opened(browser, f"{service}/docs") as page:
        page.locator("details summary").first.click()
        each_view(page, "docs", whole=False)
    with opened(browser, f"{service}/problems") as page:
        each_view(page, "problems")


def test_the_sample_of_the_readme(browser: playwright.Browser, service: str) -> None:
    """Both samples have clear answers; the forged one is shown as the README shows it."""
    with opened(browser, service, viewport={"width": 900, "height": 1240}) as page:
        for name, label in (("genuine", "No sign of"), ("manipulated", "Looks manipulated")):
            page.click(f"[data-sample='sample-{name}.mp4']")
            report = report_of(page)
            expect(report.locator(".headline")).to_contain_text(label)
            if name == "genuine":
                page.click(".back")
        expect(report.locator(".player .box")).to_be_visible()
        expect(report.locator(".player video")).to_have_js_property("readyState", 4)
        shoot(page, "readme", whole=False)

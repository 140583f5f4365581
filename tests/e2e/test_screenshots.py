"""Every screen in three languages, at two widths, on light and dark ground: kept to be looked at.

tests/artefacts/screens holds them; docs/screenshot.png is the one of the README, made smaller. What
is shot is also looked at by axe-core's rules, and fits its width.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.words import words
from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import ARTEFACTS, DONE, Extension, drawn, loaded, wait_for

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.page import (  # noqa: E402
    AXE,
    RULES,
    check_address,
    launched,
    opened,
    report_of,
    violations,
)
from tests.e2e.test_extension_pages import ready, tab_of  # noqa: E402

expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

FOLDER = ARTEFACTS / "screens"
LOCALES = {"en": "en-US", "de": "de-DE", "ar": "ar-EG"}
WIDTHS = {"desktop": 1000, "phone": 360}
SCHEMES = ("light", "dark")
VIEWS = list(itertools.product(WIDTHS, SCHEMES))
FPS = 15


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver, launched(driver, chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def close_up(site: Site, astronaut: np.ndarray) -> Path:
    """A film of a face that fills most of the picture."""
    face = astronaut[62:222, 142:302].repeat(3, axis=0).repeat(3, axis=1)
    pictures = [face[n : n + 450, n : n + 450] for n in range(2 * FPS)]
    return media.clip(site.folder / "close-up.mp4", pictures, fps=FPS)


def shoot(page: playwright.Page, name: str, *, whole: bool = True) -> None:
    """Keep the picture; the page must fit its width and satisfy axe-core."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(FOLDER / f"{name}.png"), full_page=whole)
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], f"{name} is wider than its window"
    assert_rules(page, name)


def assert_rules(page: playwright.Page, name: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix extension")
    page.evaluate(AXE.read_text())
    assert violations(page.evaluate(f"axe.run(document, {RULES})")) == [], name


def each_view(page: playwright.Page, name: str, height: int = 800) -> None:
    for width, scheme in VIEWS:
        page.set_viewport_size({"width": WIDTHS[width], "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        shoot(page, f"{name}-{width}-{scheme}")


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
        each_view(page, "docs")
    with opened(browser, f"{service}/problems") as page:
        each_view(page, "problems")


def test_the_sample_of_the_readme(browser: playwright.Browser, service: str) -> None:
    """Both samples have clear answers; the forged one is shown as the README shows it."""
    with opened(browser, service, viewport={"width": 1000, "height": 860}) as page:
        for name, label in (("genuine", "No sign of"), ("manipulated", "Looks manipulated")):
            page.click(f"[data-sample='sample-{name}.mp4']")
            report = report_of(page)
            expect(report.locator(".headline")).to_contain_text(label)
            if name == "genuine":
                page.click(".back")
        expect(report.locator(".player .box")).to_be_visible()
        shoot(page, "readme", whole=False)


@pytest.mark.parametrize("language", LOCALES)
def test_the_first_run_page(extension: Extension, language: str) -> None:
    extension.set(language=language)
    page = extension.context.new_page()
    page.goto(extension.address("welcome/welcome.html"))
    ready(page)
    for path in ("#sample-genuine", "#sample-manipulated"):
        assert page.get_attribute(path, "href")
    each_view(page, f"welcome-{language}")
    page.close()
    extension.set(language="auto")


@pytest.mark.parametrize("language", LOCALES)
def test_the_popup_and_the_overlay(
    extension: Extension, site: Site, close_up: Path, language: str
) -> None:
    """The panel leaves a large face free."""
    extension.set(language=language)
    page = extension.context.new_page()
    page.set_viewport_size({"width": 1000, "height": 700})
    name = f"close-up-{language}.html"
    (site.folder / name).write_text(
        f'<!doctype html><html lang="en"><title>Close-up</title><main><h1>A face</h1>'
        f'<video src="{close_up.name}" muted controls width="480" height="480"></video></main>'
    )
    page.goto(f"{site.url}/{name}")
    loaded(page)
    popup = extension.click(page)
    popup.wait(DONE, 90)
    drawn(extension, page)
    overlay = extension.overlay(page)
    wait_for(page, lambda: len(overlay.boxes()) == 1, name="a box")
    page.wait_for_timeout(600)
    [box], panel = overlay.boxes(), overlay.panel()
    assert panel["bottom"] <= box["top"] or panel["top"] >= box["bottom"], (box, panel)
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(FOLDER / f"overlay-{language}.png"))
    tag = overlay.only("(root) => root.querySelector('.tag').innerText")
    assert words(language).say("person", "1") in tag
    tab = tab_of(extension, page)
    popup.close()
    shown = extension.context.new_page()
    shown.set_viewport_size({"width": 400, "height": 700})
    shown.goto(extension.address(f"popup/popup.html?tab={tab}"))
    shown.wait_for_selector(".verdict .worth")
    for scheme in SCHEMES:
        shown.emulate_media(color_scheme=scheme)
        shoot(shown, f"popup-{language}-{scheme}")
    for each in (shown, page):
        each.close()
    extension.set(language="auto")

"""The service's page in a real Chromium, for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from tests.e2e.extension import ARTEFACTS, FLAGS, ROOT

AXE = ROOT / "extension" / "node_modules" / "axe-core" / "axe.min.js"
# Of what is right no more than a count: a page may have thousands of elements that are.
RUN = """async (within) => {
  const { passes, violations } = await axe.run(within ?? document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
  });
  return { held: passes.length, broken: violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => [id, html])) };
}"""
LONG_MS = 120_000  # a check on a machine that is busy with other tests
expect.set_options(timeout=60_000)


@contextmanager
def launched(driver: Playwright, chromium: str) -> Iterator[Browser]:
    browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def opened(
    browser: Browser, url: str, *, wrong: tuple[str, ...] = (), **options: Any
) -> Iterator[Page]:
    """A page in a browser profile of its own; fails if it complained, or asked anybody but `url`.

    wrong: what the console may say; the browser reports every failed request there.
    """
    context = browser.new_context(**{"viewport": {"width": 960, "height": 900}} | options)
    context.set_default_timeout(60_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type != "log" else None)
    page.on("request", lambda r: complaints.append(r.url) if foreign(r.url, url) else None)
    page.goto(url)
    try:
        yield page
    finally:
        context.close()
    assert [c for c in complaints if not any(part in c for part in wrong)] == []


def foreign(asked: str, url: str) -> bool:
    return not asked.startswith((url, "blob:", "data:"))


def check_address(page: Page, address: str) -> None:
    page.fill("#url", address)
    page.press("#url", "Enter")


def report_of(page: Page) -> Locator:
    report = page.locator("#report")
    report.wait_for(timeout=LONG_MS)
    return report


def shoot(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"page-{name}.png"), full_page=True)


def assert_accessible(page: Page) -> None:
    """By axe-core's rules, on a light and on a dark ground."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert_rules(page, scheme)


def assert_rules(page: Page, name: str, within: str | None = None) -> None:
    """By axe-core's rules, as the page is now; `within`: a selector."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix extension")
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE.read_text())
    found = page.evaluate(RUN, within)
    assert found["held"] > 5, f"{name}: axe-core saw next to nothing"
    assert found["broken"] == [], f"{name}: {found['broken']}"

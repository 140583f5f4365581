"""The page in a real browser: an address, a file, an error, and cancelling."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.extension import ARTEFACTS, FLAGS  # noqa: E402

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: playwright.Browser, service: str) -> Iterator[playwright.Page]:
    """The open page; fails if it logged an error or broke its content security policy."""
    page = browser.new_page(viewport={"width": 900, "height": 1100})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if "Security Policy" in m.text else None)
    page.goto(service)
    yield page
    page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def clip(site: Site, portrait: np.ndarray) -> Path:
    pictures = media.moving(portrait, count=45, size=(640, 480))
    return media.clip(site.folder / "page-clip.mp4", pictures, fps=15)


def shoot(page: playwright.Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"page-{name}.png"), full_page=True)


def test_an_address_gets_its_report(page: playwright.Page, site: Site, clip: Path) -> None:
    page.fill("#url", f"{site.url}/{clip.name}")
    page.click("text=Check")
    page.wait_for_selector("#report:visible", timeout=60_000)
    shoot(page, "address")
    assert page.locator("#report article").count() == 1
    text = page.inner_text("#report")
    assert re.search(r"Looks manipulated|No sign of manipulation found|Cannot be told", text)
    assert "REAL" not in text
    assert page.locator("svg.lane circle").count() >= 3


def test_a_file_is_played_with_its_boxes(page: playwright.Page, clip: Path) -> None:
    page.set_input_files("#file", str(clip))
    page.wait_for_selector("#report:visible", timeout=60_000)
    page.wait_for_selector(".box")
    shoot(page, "file")
    video, box = page.locator(".player video").bounding_box(), page.locator(".box").bounding_box()
    assert video is not None
    assert box is not None
    assert video["x"] <= box["x"] < box["x"] + box["width"] <= video["x"] + video["width"] + 8
    with page.expect_download() as download:
        page.click("text=Download as JSON")
    assert '"schema": 1' in Path(download.value.path()).read_text()


def test_an_error_says_what_helps(page: playwright.Page) -> None:
    page.fill("#url", "http://127.0.0.1:9/video.mp4")
    page.click("text=Check")
    page.wait_for_selector("#problem:visible", timeout=60_000)
    shoot(page, "error")
    assert "public internet" in page.inner_text("#problem")


def test_a_file_that_is_no_video(page: playwright.Page, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam, " * 100)
    page.set_input_files("#file", str(letter))
    page.wait_for_selector("#problem:visible", timeout=60_000)
    assert "neither a video nor an image" in page.inner_text("#problem")


def test_it_fits_a_phone(browser: playwright.Browser, service: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 640}, color_scheme="dark")
    page.goto(service)
    shoot(page, "phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()

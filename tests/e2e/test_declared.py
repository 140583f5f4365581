"""What is declared of a file's origin, and a verdict that is wrong, as people see and tell them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.config import Settings
from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import DONE, Extension, finish, loaded
from tests.signing import action, signed

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.page import (  # noqa: E402
    assert_accessible,
    launched,
    opened,
    report_of,
    shoot,
)

expect = playwright.expect
pytestmark = pytest.mark.browser

NOTICE = """<!doctype html><html lang="en"><title>watch</title><body>
<ytd-watch-flexy video-id="{video_id}">
  <video src="{source}" controls muted loop width="640" height="480"></video>
  <how-this-was-made-section-view-model>
    <div class="ytwHowThisWasMadeSectionViewModelBodyHeader">Made   with AI</div>
    <a href="//support.google.com/youtube/answer/{answer}?hl=en">Learn more</a>
  </how-this-was-made-section-view-model>
</ytd-watch-flexy>"""
ABOUT_AI, ABOUT_DUBBING = "15447836", "15569972"


@pytest.fixture
def page(chromium: str, service: str) -> Iterator[playwright.Page]:
    with (
        playwright.sync_playwright() as driver,
        launched(driver, chromium) as browser,
        opened(browser, service) as page,
    ):
        yield page


@pytest.fixture(scope="module")
def made(site: Site, portrait: np.ndarray) -> Path:
    source = media.picture(site.folder / "portrait.png", np.ascontiguousarray(portrait))
    done = action("created", "trainedAlgorithmicMedia")
    return signed(source, site.folder / "made.png", done)


@pytest.fixture(scope="module")
def clip(site: Site, portrait: np.ndarray) -> str:
    pictures = media.moving(portrait, count=45, size=(640, 480))
    return media.clip(site.folder / "watched.mp4", pictures, fps=15).name


def test_on_the_page(page: playwright.Page, made: Path) -> None:
    page.set_input_files("#file", str(made))
    report = report_of(page)
    first = report.locator("section").first
    expect(first).to_contain_text("Declared, not measured")
    expect(first).to_contain_text("Made with generative AI")
    expect(first).to_contain_text("signed under the name of Test News")
    expect(report.locator(".answer")).to_contain_text(f"Judged by {Settings().model}, version")
    shoot(page, "declared")
    report.locator("[data-do^=wrong-]").first.click()
    expect(report.locator(".wrong")).to_contain_text("Kept on your service as")
    page.reload()
    expect(report.locator(".wrong")).to_contain_text("Kept on your service as")
    shoot(page, "told")
    report.locator("[data-do=wrong-forget]").click()
    expect(report.locator(".wrong")).to_contain_text("Is this wrong?")
    assert_accessible(page)


def watched(site: Site, clip: str, name: str, **values: str) -> str:
    values = {"source": clip, "video_id": "abc", "answer": ABOUT_AI} | values
    (site.folder / name).write_text(NOTICE.format(**values))
    return f"{site.url}/{name}?v=abc"


@pytest.fixture
def tab(extension: Extension) -> Iterator[playwright.Page]:
    tab = extension.context.new_page()
    yield tab
    tab.close()


def test_the_sites_own_label(
    extension: Extension, tab: playwright.Page, site: Site, clip: str
) -> None:
    tab.goto(watched(site, clip, "labelled.html"))
    loaded(tab)
    popup = extension.click(tab)
    said = finish(extension, popup, tab)
    popup.shoot("declared")
    assert "“Made with AI”" in said
    assert "The label of the site" in said
    assert said.index("“Made with AI”") < said.index("1 person found")
    popup.click("[data-do^=wrong-]")
    popup.wait("document.querySelector('.wrong').innerText.includes('Kept on your service')")
    popup.click("[data-do=wrong-forget]")
    popup.wait("document.querySelector('.wrong').innerText.includes('Is this wrong?')")


@pytest.mark.parametrize(
    "values", [{"answer": ABOUT_DUBBING}, {"video_id": "before"}], ids=["dubbing", "stale"]
)
def test_another_notice_is_no_label(
    extension: Extension, tab: playwright.Page, site: Site, clip: str, values: dict[str, str]
) -> None:
    tab.goto(watched(site, clip, f"other-{'-'.join(values)}.html", **values))
    loaded(tab)
    popup = extension.click(tab)
    popup.wait(DONE, 90)
    assert "Made with AI" not in popup.text("#outcome")

"""The first-run page, the popup and the overlay of a large face, in three languages."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from server.words import words
from tests.e2e.conftest import Site
from tests.e2e.extension import DONE, Extension, drawn, loaded, wait_for

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.screens import (  # noqa: E402
    FOLDER,
    LOCALES,
    SCHEMES,
    VIEWS,
    WIDTHS,
    close_up_film,
    each_view,
    shoot,
)
from tests.e2e.test_extension_pages import ready, tab_of  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def close_up(site: Site, astronaut: np.ndarray) -> Path:
    return close_up_film(site.folder, astronaut)


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
        f'<video src="{close_up.name}" muted controls style="width: min(100%, 480px)"></video>'
    )
    page.goto(f"{site.url}/{name}")
    loaded(page)
    popup = extension.click(page)
    popup.wait(DONE, 90)
    drawn(extension, page)
    overlay = extension.overlay(page)
    wait_for(page, lambda: len(overlay.boxes()) == 1, name="a box")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width, scheme in VIEWS:
        page.set_viewport_size({"width": WIDTHS[width], "height": 700})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(600)
        [box], panel = overlay.boxes(), overlay.panel()
        assert panel["bottom"] <= box["top"] or panel["top"] >= box["bottom"], (box, panel)
        page.screenshot(path=str(FOLDER / f"overlay-{language}-{width}-{scheme}.png"))
    tag = overlay.only("(root) => root.querySelector('.tag').innerText")
    assert words(language).say("person", "1") in tag
    tab = tab_of(extension, page)
    popup.close()
    shown = extension.context.new_page()
    shown.goto(extension.address(f"popup/popup.html?tab={tab}"))
    shown.wait_for_selector(".verdict .worth")
    for width, scheme in itertools.product((400, 360), SCHEMES):  # a popup's, and a phone's
        shown.set_viewport_size({"width": width, "height": 700})
        shown.emulate_media(color_scheme=scheme)
        shoot(shown, f"popup-{language}-{width}-{scheme}")
    for each in (shown, page):
        each.close()
    extension.set(language="auto")

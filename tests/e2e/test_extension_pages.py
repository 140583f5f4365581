"""The extension's own pages: for everybody, in every language, on light and dark grounds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.terms import SEARCHES
from tests import media
from tests.e2e.conftest import ROOT, Site
from tests.e2e.extension import ARTEFACTS, DONE, Extension, finish, loaded, wait_for

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.page import assert_rules  # noqa: E402

pytestmark = pytest.mark.browser

PAGES = ["options/options.html", "welcome/welcome.html"]


@pytest.fixture
def page(extension: Extension) -> Iterator[playwright.Page]:
    extension.set(language="auto")
    page = extension.context.new_page()
    yield page
    page.close()
    extension.set(language="auto")


@pytest.fixture(scope="module")
def checked(extension: Extension, site: Site, portrait: np.ndarray) -> Iterator[playwright.Page]:
    """A page whose video has its overlay."""
    pictures = media.moving(portrait, count=90, size=(640, 480))
    clip = media.clip(site.folder / "pages.mp4", pictures, fps=15)
    (site.folder / "pages.html").write_text(
        f'<!doctype html><html lang="en"><title>Pages</title><main><h1>A video</h1>'
        f'<video src="{clip.name}" muted controls width="640" height="480"></video></main>'
    )
    page = extension.context.new_page()
    page.goto(f"{site.url}/pages.html")
    loaded(page)
    popup = extension.click(page)
    popup.wait(DONE, 90)
    popup.close()
    yield page
    page.close()


def tab_of(extension: Extension, page: playwright.Page) -> int:
    page.bring_to_front()
    return extension.worker.evaluate(
        "async () => (await chrome.tabs.query({active: true, windowType: 'normal'}))[0].id"
    )


def ready(page: playwright.Page) -> None:
    # Not by wait_for_function: it evaluates text, which these pages' policy forbids.
    page.locator("h1 span", has_text=re.compile(r"\S")).wait_for()


def shoot(page: playwright.Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"extension-{name}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_accessible(
    extension: Extension, page: playwright.Page, path: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(extension.address(path))
    ready(page)
    shoot(page, f"{path.split('/')[0]}-{scheme}")
    assert_rules(page, page.url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_popup_is_accessible(
    extension: Extension,
    checked: playwright.Page,
    page: playwright.Page,
    scheme: str,
    language: str,
) -> None:
    extension.set(language=language)
    tab = tab_of(extension, checked)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 400, "height": 700})
    page.goto(extension.address(f"popup/popup.html?tab={tab}"))
    page.wait_for_selector(".verdict .worth")
    page.click("summary")
    shoot(page, f"popup-{language}-{scheme}")
    assert_rules(page, page.url)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits"


def test_the_overlay_is_accessible(extension: Extension, checked: playwright.Page) -> None:
    """axe looks into open shadow roots only, so this one is shown to it."""
    checked.bring_to_front()
    overlay = extension.overlay(checked)
    wait_for(checked, lambda: overlay.count() == 1)
    overlay.only(
        "(root) => root.querySelector('[aria-label=\"Show the moments as a table\"]').click()"
    )
    overlay.only("(root) => Object.defineProperty(root.host, 'shadowRoot', {value: root}) && 1")
    assert_rules(checked, "overlay", within="mesoscope-overlay")


def test_the_overlay_by_keyboard(extension: Extension, checked: playwright.Page) -> None:
    """Everything on the panel can be reached and used without a pointer, in the order it stands."""
    checked.bring_to_front()
    overlay = extension.overlay(checked)
    overlay.only("(root) => root.querySelector('.handle').focus()")
    names = []
    for _ in range(6):
        names.append(
            overlay.only(
                "(root) => root.activeElement?.getAttribute('aria-label')"
                " ?? root.activeElement?.className ?? null"
            )
        )
        checked.keyboard.press("Tab")
    assert names[:5] == [
        "Move this panel (drag, or arrow keys)",
        "Show the moments as a table",
        "Boxes on the faces",
        "Dim",
        "Close",
    ]
    assert names[5].startswith("Person 1")


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])
def test_languages(extension: Extension, page: playwright.Page, language: str) -> None:
    extension.set(language=language)
    page.goto(extension.address("welcome/welcome.html"))
    ready(page)
    shoot(page, f"welcome-{language}")
    assert page.get_attribute("html", "lang") == language
    assert page.get_attribute("html", "dir") == ("rtl" if language == "ar" else "ltr")
    messages = json.loads(
        (ROOT / "extension" / "src" / "_locales" / language / "messages.json").read_text()
    )
    assert page.inner_text("h1").strip() == messages["welcome_title"]["message"]


def test_the_language_changes_at_once(extension: Extension, page: playwright.Page) -> None:
    page.goto(extension.address("options/options.html"))
    ready(page)
    page.select_option("#language", "fr")
    page.wait_for_selector("html[lang=fr]")
    assert "réglages" in page.inner_text("main")


def test_settings_travel_without_the_token(
    extension: Extension, page: playwright.Page, service: str, tmp_path: Path
) -> None:
    extension.set(token="secret", dim=True)
    page.goto(extension.address("options/options.html"))
    ready(page)
    with page.expect_download() as download:
        page.click("#export")
    kept = json.loads(Path(download.value.path()).read_text())
    assert "token" not in kept
    assert kept["dim"] is True
    kept |= {"dim": False, "lanes": "yes", "token": "planted", "unknown": 1}
    (tmp_path / "settings.json").write_text(json.dumps(kept))
    page.set_input_files("#file", tmp_path / "settings.json")
    page.wait_for_selector("#move-result.good")
    now = extension.worker.evaluate("chrome.storage.local.get(null)")
    assert (now["token"], now["dim"], now["lanes"]) == ("secret", False, True)
    assert "unknown" not in now
    (tmp_path / "settings.json").write_text("[]")  # the same name again
    page.set_input_files("#file", tmp_path / "settings.json")
    page.wait_for_selector("#move-result.bad")
    extension.set(token="", server=service)


@pytest.mark.parametrize("typed", ["", "ftp://x", "http://user@host", "http://", "two words"])
def test_what_is_no_address(extension: Extension, page: playwright.Page, typed: str) -> None:
    page.goto(extension.address("options/options.html"))
    ready(page)
    page.fill("#server", typed)
    page.click("text=Save and test")
    page.wait_for_selector("#connection-result.bad:has-text('not an address')")


def test_the_first_run_page_connects(
    extension: Extension, page: playwright.Page, service: str
) -> None:
    page.goto(extension.address("welcome/welcome.html"))
    ready(page)
    assert "“Read and change your data on 127.0.0.1”" in page.inner_text("#question")
    page.fill("#server", service)
    page.click("#connection button")
    page.wait_for_selector("#connection-result.good")
    assert "Alt+Shift+M" in page.inner_text("#shortcut")
    assert "Alt+Shift+K" in page.inner_text("#at-once")
    page.wait_for_selector(f"#sample-genuine[href='{service}/static/sample-genuine.mp4']")
    extension.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-copy]")
    page.wait_for_selector("[data-copy]:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == "make run"


def test_a_sample_is_checked_where_it_is_opened(
    extension: Extension, page: playwright.Page, service: str
) -> None:
    """Though the service fetches nothing from itself."""
    page.goto(f"{service}/static/sample-genuine.mp4")
    loaded(page)
    popup = extension.click(page)
    assert "No sign of" in finish(extension, popup, page)
    popup.close()


def test_what_a_flag_is_worth(
    extension: Extension, checked: playwright.Page, page: playwright.Page
) -> None:
    """A verdict as of a face that is called fake: where, when, and how often that is right."""
    tab = tab_of(extension, checked)
    [known] = [c for c in extension.checks() if c["subject"]["page"] == checked.url]
    verdict = known["result"]
    moment = {"t": 1.0, "p_fake": 0.97, "regions": ["mouth", "nose"]}
    face = verdict["faces"][0] | {"label": "fake", "p_fake": 0.95, "interval": [0.9, 0.98]}
    face |= {"reasons": ["unstable"], "moments": [moment]}
    rates = {"flags_fake": 0.359, "flags_real": 0.019, "part": "the test's own"}
    model = verdict["model"] | {"rates": rates}
    verdict = verdict | {"label": "fake", "p_fake": 0.95, "faces": [face], "model": model}
    support = {"direction": "manipulated", "strength": "weak"}
    verdict |= {"level": "fake", "support": support, "lr": 6.38}
    keep = "(check) => chrome.storage.session.set({['check:' + check.id]: check})"
    extension.worker.evaluate(keep, known | {"result": verdict})
    page.set_viewport_size({"width": 400, "height": 900})
    said = {"en": "6 in 100 of those", "de": "machen sie 6 von 100", "fr": "représentent 6 sur 100"}
    said |= {"es": "son 6 de cada 100", "ar": "تشكّل 6 من كل 100"}
    for language, words in said.items():
        extension.set(language=language)
        page.goto(extension.address(f"popup/popup.html?tab={tab}"))
        page.wait_for_selector(f".summary:has-text('{words}')")
        page.wait_for_selector(".worth:has-text('57')")
        searches = page.locator(".next a").evaluate_all("(links) => links.map(({ href }) => href)")
        assert searches == list(SEARCHES.values()), "nothing of the video stands in them"
        page.locator(".thumbnail[src^='data:image/jpeg']").wait_for()
        shoot(page, f"flag-{language}")
        assert "unstable" not in page.inner_text(".face")
        assert "mouth" not in page.inner_text(".strongest") or language == "en"
    assert_rules(page, page.url)
    extension.worker.evaluate(keep, known)

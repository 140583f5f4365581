"""The automatic check: on the chosen sites as a video plays, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import Extension, drawn, installed, shoot, wait_for

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

PLAYED = "document.querySelector('video').currentTime > 2.5"  # long after a check would have begun
OURS = "(await chrome.scripting.getRegisteredContentScripts()).map(({matches}) => matches[0])"


@pytest.fixture(scope="module")
def extension(
    service: str, site: Site, chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extension]:
    """The site's permission is there already, so that the browser does not ask for it."""
    folder = tmp_path_factory.mktemp("chromium")
    with (
        playwright.sync_playwright() as driver,
        installed(driver, chromium, folder, allowed=[service, site.origin]) as extension,
    ):
        extension.set(server=service)
        yield extension


@pytest.fixture
def page(extension: Extension) -> Iterator[playwright.Page]:
    page = extension.context.new_page()
    yield page
    page.close()


@pytest.fixture
def options(extension: Extension) -> Iterator[playwright.Page]:
    page = extension.context.new_page()
    page.goto(extension.address("options/options.html"))
    page.wait_for_selector("#auto h2 >> text=Automatic check")
    yield page
    page.close()


def watched(extension: Extension) -> list[str]:
    return extension.worker.evaluate(f"(async () => {OURS})()")


def of(extension: Extension, page: playwright.Page) -> list[dict]:
    return [c for c in extension.checks() if c["subject"]["page"] == page.url]


def test_a_chosen_site(
    extension: Extension,
    options: playwright.Page,
    page: playwright.Page,
    site: Site,
    portrait: np.ndarray,
) -> None:
    pictures = media.moving(portrait, count=60, size=(640, 480))
    clip = media.clip(site.folder / "auto.mp4", pictures, fps=10, options={"g": "10"})
    (site.folder / "auto.html").write_text(
        f'<!doctype html><title>Auto</title><video src="{clip.name}" autoplay muted loop '
        'width="640" height="480"></video>'
    )
    assert watched(extension) == []
    options.bring_to_front()
    options.fill("#site", site.url + "/any/page.html")
    options.click("#auto button[type=submit]")
    options.wait_for_selector(f"#auto-result.good:has-text('{site.origin}')")
    assert watched(extension) == [f"{site.origin}/*"]

    page.bring_to_front()
    page.goto(f"{site.url}/auto.html")
    drawn(extension, page)
    overlay = extension.overlay(page)
    shoot(page, "auto")
    wait_for(page, lambda: "Checking" not in overlay.text(), 90, "the verdict on the page")
    wait_for(page, lambda: len(overlay.boxes()) == 1, name="a box on the face")
    wait_for(page, lambda: [c["state"] for c in of(extension, page)] == ["done"], 90, "the end")
    # As it goes on, in a loop, it is not checked again.
    page.evaluate("document.querySelector('video').currentTime = 0")
    page.wait_for_function(PLAYED)
    assert len(of(extension, page)) == 1

    # The same server under another name is another site.
    page.goto(f"{site.url.replace('127.0.0.1', 'localhost')}/auto.html")
    page.wait_for_function(PLAYED)
    assert of(extension, page) == []
    assert extension.overlay(page).count() == 0

    options.bring_to_front()
    shoot(options, "sites")
    options.click(f"[aria-label='Remove {site.origin}']")
    options.wait_for_selector("#no-sites")
    assert watched(extension) == []
    page.bring_to_front()
    page.goto(f"{site.url}/auto.html?again")
    page.wait_for_function(PLAYED)
    assert of(extension, page) == []


HOST = (
    "customElements.define('{name}', "
    "class extends HTMLElement {{ connectedCallback() {{ {body} }} }})"
)
ATTACH = "this.attachShadow({{mode: '{mode}'}}).innerHTML = `{content}`;"


@pytest.mark.parametrize("way", ["open", "closed", "nested", "later"])
def test_a_player_in_a_shadow_root(
    extension: Extension,
    options: playwright.Page,
    page: playwright.Page,
    site: Site,
    portrait: np.ndarray,
    way: str,
) -> None:
    pictures = media.moving(portrait, count=30, size=(640, 480))
    clip = media.clip(site.folder / f"{way}.mp4", pictures, fps=10)
    video = f'<video src="{clip.name}" autoplay muted loop width="640" height="480"></video>'
    mode = "open" if way == "open" else "closed"
    script = HOST.format(name="a-player", body=ATTACH.format(mode=mode, content=video))
    if way == "nested":
        inner = ATTACH.format(mode="open", content="<a-player></a-player>")
        script += ";" + HOST.format(name="a-page", body=inner)
    if way == "later":
        script = f"setTimeout(() => {{ {script} }}, 3000)"
    tag = "a-page" if way == "nested" else "a-player"
    (site.folder / f"{way}.html").write_text(
        f"<!doctype html><title>{way}</title><{tag}></{tag}><script>{script}</script>"
    )
    options.bring_to_front()
    options.fill("#site", site.origin)
    options.click("#auto button[type=submit]")
    options.wait_for_selector("#auto-result.good")
    page.bring_to_front()
    page.goto(f"{site.url}/{way}.html")
    wait_for(page, lambda: len(of(extension, page)) == 1, 30, "the check")


def test_nothing_is_captured_by_itself(
    extension: Extension, options: playwright.Page, page: playwright.Page, site: Site
) -> None:
    """What the service cannot fetch fails; sending pictures is offered in the popup, no more."""
    (site.folder / "lost.html").write_text(
        "<!doctype html><title>Lost</title><video muted width='640' height='480'></video><script>"
        "const canvas = document.createElement('canvas');"
        "setInterval(() => canvas.getContext('2d').fillRect(0, 0, 9, 9), 50);"
        "canvas.getContext('2d');"
        "document.querySelector('video').srcObject = canvas.captureStream();"
        "document.querySelector('video').play();</script>"
    )
    options.bring_to_front()
    options.fill("#site", site.origin)
    options.click("#auto button[type=submit]")
    options.wait_for_selector("#auto-result.good")
    page.bring_to_front()
    page.goto(f"{site.url}/lost.html")
    wait_for(page, lambda: [c["state"] for c in of(extension, page)] == ["failed"], 90, "failed")
    [check] = of(extension, page)
    assert check["problem"]["cure"] == "capture"
    wait_for(page, lambda: extension.overlay(page).count() == 0, name="the notice's end")


@pytest.mark.parametrize("typed", ["", "ftp://example.org", "two words"])
def test_what_is_no_site(options: playwright.Page, typed: str) -> None:
    options.fill("#site", typed)
    options.click("#auto button[type=submit]")
    options.wait_for_selector("#auto-result.bad:has-text('not the address of a site')")


def test_a_permission_that_was_taken_back(
    extension: Extension, options: playwright.Page, site: Site
) -> None:
    """Whoever forbids a site in the browser's own settings has removed it."""
    ours = site.origin
    extension.worker.evaluate(
        """async (sites) => {
          await chrome.storage.local.set({sites});
          chrome.permissions.onRemoved.dispatch({origins: ['https://example.org/*']});
        }""",
        [ours, "https://example.org"],
    )
    wait_for(options, lambda: watched(extension) == [f"{ours}/*"], name="what is allowed alone")
    assert extension.worker.evaluate("chrome.storage.local.get('sites')") == {"sites": [ours]}

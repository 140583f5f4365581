"""When the service is away, slow, or asks for a token: the popup names the cause and the cure."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site, free_port, serving
from tests.e2e.extension import DONE, Extension, Target, installed, loaded, wait_for

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

PROBLEM = "!!document.querySelector('.problem h2')"
TOKEN = "a-token-of-this-test"


@dataclass(frozen=True)
class Relay:
    """The address of a relay to a service, and what has been asked through it."""

    url: str
    asked: list[bytes]


@contextmanager
def slowed(port: int, delay_s: float) -> Iterator[Relay]:
    """A relay to 127.0.0.1:`port` through which every answer comes `delay_s` late."""
    asked: list[bytes] = []

    def relay(client: socket.socket) -> None:
        with closing(client), socket.create_connection(("127.0.0.1", port)) as service:
            while True:
                ready, _, _ = select.select([client, service], [], [], 30)
                if not ready:
                    return
                for one, other in ((client, service), (service, client)):
                    if one not in ready:
                        continue
                    if not (data := one.recv(65536)):
                        return
                    if one is service:
                        time.sleep(delay_s)
                    else:
                        asked.append(data)
                    try:
                        other.sendall(data)
                    except OSError:
                        return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=relay, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield Relay(f"http://127.0.0.1:{listener.getsockname()[1]}", asked)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(scope="module")
def guarded(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that requires a token."""
    folder = tmp_path_factory.mktemp("guarded")
    with serving(site, folder, folder / "service.log", MESOSCOPE_TOKEN=TOKEN) as url:
        yield url


@pytest.fixture(scope="module")
def relayed(guarded: str) -> Iterator[Relay]:
    with slowed(int(guarded.rsplit(":", 1)[1]), delay_s=1.5) as relay:
        yield relay


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """The address of something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def nobody() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def extension(
    guarded: str,
    relayed: Relay,
    silent: str,
    nobody: str,
    chromium: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Extension]:
    folder = tmp_path_factory.mktemp("chromium")
    allowed = [guarded, relayed.url, silent, nobody]
    with (
        playwright.sync_playwright() as driver,
        installed(driver, chromium, folder, allowed) as extension,
    ):
        yield extension


@pytest.fixture(scope="module")
def address(site: Site, portrait: np.ndarray) -> str:
    pictures = media.moving(portrait, count=45, size=(640, 480))
    clip = media.clip(site.folder / "faults.mp4", pictures, fps=15)
    html = f'<!doctype html><title>Faults</title><video src="{clip.name}" muted controls></video>'
    (site.folder / "faults.html").write_text(html)
    return f"{site.url}/faults.html"


@contextmanager
def opened(extension: Extension, address: str) -> Iterator[playwright.Page]:
    page = extension.context.new_page()
    page.goto(address)
    loaded(page)
    yield page
    page.close()


@pytest.fixture
def page(extension: Extension, address: str) -> Iterator[playwright.Page]:
    with opened(extension, address) as page:
        yield page


@pytest.fixture(scope="module", autouse=True)
def unanswered(extension: Extension, address: str, silent: str) -> Iterator[playwright.Page]:
    """A page whose check nobody answers: begun first, since 20 s pass before that is said."""
    with opened(extension, f"{address}?unanswered") as page:
        extension.set(server=silent)
        extension.click(page).close()
        overlay = extension.overlay(page)
        wait_for(page, lambda: overlay.count() == 1 and overlay.text(), 10, "a word on the page")
        assert "Checking the faces" in overlay.text()
        yield page


def complaint(popup: Target) -> str:
    popup.wait(PROBLEM, 60)
    return popup.text("#outcome")


def test_the_service_is_down(extension: Extension, page: playwright.Page, nobody: str) -> None:
    extension.set(server=nobody, token="")
    popup = extension.click(page)
    said = complaint(popup)
    popup.shoot("down")
    assert "does not answer" in said
    assert f"Nothing answers at {nobody}" in said
    assert "make run" in said
    popup.close()


def test_a_wrong_token_and_then_the_right_one(
    extension: Extension, page: playwright.Page, guarded: str
) -> None:
    extension.set(server=guarded, token="another")
    popup = extension.click(page)
    said = complaint(popup)
    popup.shoot("token")
    assert "another token" in said
    assert popup.evaluate("document.querySelector('.problem a').href.endsWith('options.html')")
    popup.close()

    options = extension.context.new_page()
    options.goto(extension.address("options/options.html"))
    options.wait_for_selector("h1 >> text=options")
    for token, outcome in (("wrong", "another token"), (TOKEN, "Connected")):
        options.fill("#token", token)
        options.click("text=Save and test")
        options.wait_for_selector(f"#connection-result:has-text('{outcome}')")
    options.close()
    popup = extension.click(page)
    popup.click("#check")
    popup.wait(DONE, 90)
    popup.close()


def test_a_slow_service_is_waited_for(
    extension: Extension, page: playwright.Page, relayed: Relay
) -> None:
    extension.set(server=relayed.url, token=TOKEN)
    popup = extension.click(page)
    popup.wait(DONE, 90)
    popup.close()


def test_an_address_that_may_not_be_reached_yet(
    extension: Extension, page: playwright.Page
) -> None:
    extension.set(server="http://127.0.0.1:9")
    popup = extension.click(page)
    said = complaint(popup)
    assert "Allow access to 127.0.0.1:9" in said
    popup.close()


def test_cancelling(
    extension: Extension,
    page: playwright.Page,
    relayed: Relay,
    site: Site,
    portrait: np.ndarray,
) -> None:
    """Slow answers, and a long video, leave the time to change one's mind; the service is told."""
    pictures = media.moving(portrait, count=270, size=(640, 480))
    clip = media.clip(site.folder / "cancelled.mp4", pictures, fps=3, options={"g": "3"})
    page.evaluate("(name) => { document.querySelector('video').src = name; }", clip.name)
    loaded(page)
    extension.set(server=relayed.url, token=TOKEN)
    popup = extension.click(page)
    popup.wait("!!document.querySelector('[data-do=cancel]')")
    popup.click("[data-do=cancel]")
    popup.wait("document.querySelector('#outcome').innerText.includes('cancelled')")
    wait_for(page, lambda: any(b"DELETE /jobs/" in data for data in relayed.asked), name="told")
    [state] = [c["state"] for c in extension.checks() if clip.name in str(c["subject"]["url"])]
    assert state == "cancelled"
    popup.close()


def test_a_page_that_extensions_may_not_enter(extension: Extension, guarded: str) -> None:
    page = extension.context.new_page()
    page.goto("chrome://version/")
    popup = extension.click(page)
    assert "No video or larger picture was found" in popup.text()
    assert "only in this browser" in popup.text()
    popup.click("#check")
    assert popup.text("#outcome") == "", "nothing is chosen: the page itself is no video"
    popup.click("#subjects input")
    popup.click("#check")
    assert "no address that the service could fetch" in complaint(popup)
    popup.close()
    page.close()


def test_the_services_own_words(
    extension: Extension, page: playwright.Page, guarded: str, site: Site
) -> None:
    """The service's sentence on an address reaches the person, with what helps."""
    extension.set(server=guarded, token=TOKEN)
    (site.folder / "text.mp4").write_text("no video " * 500)
    subject = f"{site.url}/text.mp4"
    extension.worker.evaluate(
        """async (linkUrl) => {
          const [tab] = await chrome.tabs.query({active: true, windowType: "normal"});
          chrome.contextMenus.onClicked.dispatch({menuItemId: 'link', linkUrl}, tab);
        }""",
        subject,
    )

    def failed() -> list[dict[str, Any]]:
        checks = [c for c in extension.checks() if c["subject"]["url"] == subject]
        return [c for c in checks if c["state"] == "failed"]

    [check] = wait_for(page, failed, 90, "the service's refusal")
    assert check["problem"]["code"] in {"not-media", "unsupported-site", "corrupt-media"}
    assert check["problem"]["detail"]


def test_a_service_that_never_answers(
    extension: Extension, unanswered: playwright.Page, silent: str
) -> None:
    extension.set(server=silent)
    popup = extension.click(unanswered)
    said = complaint(popup)
    assert "too long to answer" in said
    assert silent in said
    assert "Try again" in said
    popup.close()

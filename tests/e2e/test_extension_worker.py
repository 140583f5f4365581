"""The service worker is killed in the middle of a check, and the result still arrives."""

from __future__ import annotations

import functools
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e import cdp  # noqa: E402
from tests.e2e.extension import copied  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]


SEEN = (
    "[...document.querySelectorAll('.kind')].some((kind) => kind.textContent.startsWith('Video'))"
)
RUNNING = """chrome.storage.session.get(null).then((kept) =>
  Object.values(kept).some((check) => check.jobId && check.state !== 'done'))"""
# In what is drawn on the page, as the debugger lists it: a verdict, and that it is not the last.
FINDING, SO_FAR = '["class", "p"]', '["class", "tentative"]'


def click(browser: cdp.Browser, extension_id: str, page: str) -> str:
    """Click the toolbar's icon on `page`, again while its popup does not see the video; the popup.

    Under load the browser may take the click before it has noticed which tab is in front.
    """
    [tab] = browser.targets("tab", "killed.html")
    for _ in range(4):
        browser.send("Target.activateTarget", targetId=page)
        browser.send("Extensions.triggerAction", id=extension_id, targetId=tab["targetId"])
        [popup] = cdp.until(lambda: browser.targets("page", "popup.html"), 30, "the popup")
        session = browser.attach(popup["targetId"])
        seen = functools.partial(browser.evaluate, session, SEEN)
        with suppress(TimeoutError):
            cdp.until(seen, 10, "the video in the popup")
            return str(popup["targetId"])
        said = browser.evaluate(session, "document.body.innerText")
        browser.send("Target.closeTarget", targetId=popup["targetId"])
        cdp.until(lambda: not browser.targets("page", "popup.html"), 10, "the popup's end")
    pytest.fail(f"the popup did not see the video: {said}")


def test_a_killed_worker(
    service: str, site: Site, chromium: str, portrait: np.ndarray, tmp_path: Path
) -> None:
    """No debugger is attached to the worker; its alarm wakes the next one: here after
    6 s instead of 30 s, which a browser permits to an unpacked extension alone."""
    pictures = media.moving(portrait, count=180, size=(640, 480))  # each is judged: time to kill
    clip = media.clip(site.folder / "killed.mp4", pictures, fps=3, options={"g": "3"})
    page_html = f'<!doctype html><title>Killed</title><video src="{clip.name}" muted></video>'
    (site.folder / "killed.html").write_text(page_html)
    alarm = {"background/checks.js": ("ALARM_MINUTES = 0.5", "ALARM_MINUTES = 0.1")}
    source = copied(tmp_path, [service], changed=alarm)
    loading = [f"--disable-extensions-except={source}", f"--load-extension={source}"]

    with cdp.running(chromium, tmp_path, loading) as browser:
        # It opens when it will, and would come before the page that is to be clicked on.
        [first_run] = cdp.until(lambda: browser.targets("page", "welcome.html"), 60, "first run")
        extension_id = first_run["url"].split("/")[2]
        own = browser.attach(first_run["targetId"])
        keep = f"globalThis.chrome?.storage?.local?.set({{server: '{service}'}}).then(() => 1)"
        cdp.until(lambda: browser.evaluate(own, keep), 60, "the setting")
        target, page = browser.open(f"{site.url}/killed.html")
        playable = "document.querySelector('video')?.readyState >= 2"
        cdp.until(lambda: browser.evaluate(page, playable), 60, "the video")

        popup = click(browser, extension_id, target)
        try:
            cdp.until(lambda: browser.evaluate(own, RUNNING), 30, "a running check")
        except TimeoutError:
            if browser.evaluate(own, RUNNING.replace("!== 'done'", "=== 'done'")):
                pytest.skip("this machine ended the check before its worker could be killed")
            raise
        browser.send("Target.closeTarget", targetId=popup)
        browser.send("ServiceWorker.enable", own)
        browser.send("ServiceWorker.stopAllWorkers", own)
        cdp.until(lambda: not browser.targets("service_worker"), 20, "the worker's death")

        def drawn() -> bool:
            # Looking at the page wakes nobody: only the worker's own alarm can.
            document = json.dumps(browser.send("DOM.getDocument", page, depth=-1, pierce=True))
            return FINDING in document and SO_FAR not in document

        assert not drawn()
        cdp.until(drawn, 100, "the verdict, from the next worker")

"""The service worker is killed in the middle of a check, and the result still arrives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e import cdp  # noqa: E402
from tests.e2e.extension import HOST, copied  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_killed_worker(
    service: str, site: Site, chromium: str, portrait: np.ndarray, tmp_path: Path
) -> None:
    """No debugger is attached to the worker; its alarm wakes the next one, within 30 s."""
    pictures = media.moving(portrait, count=900, size=(640, 480))  # a minute: time to kill
    clip = media.clip(site.folder / "killed.mp4", pictures, fps=15)
    page_html = f'<!doctype html><title>Killed</title><video src="{clip.name}" muted></video>'
    (site.folder / "killed.html").write_text(page_html)
    source = copied(tmp_path, [service])
    loading = [f"--disable-extensions-except={source}", f"--load-extension={source}"]

    with cdp.running(chromium, tmp_path, loading) as browser:
        [worker] = cdp.until(lambda: browser.targets("service_worker"), 20, "the worker")
        extension_id = worker["url"].split("/")[2]
        options = browser.attach(
            browser.open(f"chrome-extension://{extension_id}/options/options.html")
        )
        keep = f"globalThis.chrome?.storage?.local?.set({{server: '{service}'}}).then(() => 1)"
        cdp.until(lambda: browser.evaluate(options, keep), 20, "the setting")
        page_target = browser.open(f"{site.url}/killed.html")
        page = browser.attach(page_target)
        playable = "document.querySelector('video')?.readyState >= 2"
        cdp.until(lambda: browser.evaluate(page, playable), 20, "the video")

        [tab] = browser.targets("tab", "killed.html")
        browser.send("Extensions.triggerAction", id=extension_id, targetId=tab["targetId"])
        [popup] = cdp.until(lambda: browser.targets("page", "popup.html"), 10, "the popup")
        session = browser.attach(popup["targetId"])
        running = """chrome.storage.session.get(null).then((kept) =>
          Object.values(kept).some((check) => check.jobId && check.state !== 'done'))"""
        try:
            cdp.until(lambda: browser.evaluate(session, running), 20, "a running check")
        except TimeoutError:
            if browser.evaluate(session, running.replace("!== 'done'", "=== 'done'")):
                pytest.skip("this machine ended the check before its worker could be killed")
            pytest.fail(browser.evaluate(session, "document.body.innerText"))
        browser.send("Target.closeTarget", targetId=popup["targetId"])
        browser.send("ServiceWorker.enable", options)
        browser.send("ServiceWorker.stopAllWorkers", options)
        cdp.until(lambda: not browser.targets("service_worker"), 10, "the worker's death")

        def drawn() -> bool:
            # Looking at the page wakes nobody: only the worker's own alarm can.
            document = browser.send("DOM.getDocument", page, depth=-1, pierce=True)
            return HOST in json.dumps(document)

        assert not drawn()
        cdp.until(drawn, 60, "the verdict, from the next worker")

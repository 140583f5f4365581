"""Checks in the browser on its first page, of streams, of several videos, of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import Extension, drawn, finish, loaded, shoot, wait_for
from tests.e2e.test_extension_capture import STREAM
from tests.extension.test_origin import PACKETS
from tests.signing import action, signed

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

HEAD = '<!doctype html><html lang="en"><title>{title}</title><body style="margin:20px">'


FRAMED = "[...document.querySelectorAll('video')].some((one) => one.getAnimations().length)"


def opened(local: Extension, site: Site, name: str, body: str) -> playwright.Page:
    (site.folder / name).write_text(HEAD.format(title=name) + body)
    page = local.context.new_page()
    page.goto(f"{site.url}/{name}")
    return page


@pytest.mark.parametrize(("sample", "label"), [("genuine", "real"), ("manipulated", "fake")])
def test_the_first_run_page_ends_in_a_verdict(shipped: Extension, sample: str, label: str) -> None:
    """Its own clips, checked as any other: no service, and no request that leaves the browser."""
    page = shipped.context.new_page()
    asked: list[str] = []
    shipped.context.on("request", lambda request: asked.append(request.url))
    page.goto(shipped.address("welcome/welcome.html"))
    page.wait_for_selector(f"#check-{sample}")
    loaded(page)
    assert page.locator("#server").count() == 1, "the service is the other way"
    page.click(f"#check-{sample}")
    overlay = shipped.overlay(page)
    wait_for(page, lambda: overlay.count() == 1 and overlay.boxes(), 60, "a box while it plays")
    page.wait_for_selector("#outcome .verdict .worth", timeout=60_000)
    said = page.inner_text("#outcome")
    assert "1 person found" in said
    assert "nothing was sent" in said
    [check] = _of(shipped, page)
    assert len(check["result"]["media"]["sampled_s"]) >= 6, "on a slow machine as well"
    assert check["result"]["label"] == label
    shoot(page, f"welcome-{sample}")
    outside = [url for url in asked if not url.startswith(("chrome-extension:", "data:", "blob:"))]
    assert outside == []
    page.close()


def test_a_stream_put_together_by_script(
    local: Extension, site: Site, portrait: np.ndarray
) -> None:
    pictures = media.moving(portrait, count=90, size=(640, 480))
    media.clip(site.folder / "hidden.webm", pictures, fps=15, options={"g": "30"})
    page = opened(local, site, "local-stream.html", STREAM)
    loaded(page)
    popup = local.click(page)
    assert "nothing was sent" in finish(local, popup, page)
    offered = "document.querySelector('[data-do=whole]:not([hidden])')"
    assert popup.evaluate(f"!{offered}"), "it has no address"
    assert popup.evaluate("!!document.querySelector('[data-do=ask-service]')")
    [check] = _of(local, page)
    assert check["subject"]["url"] is None
    assert check["result"]["media"]["duration_s"] == pytest.approx(6, abs=0.3)
    popup.close()
    page.close()


def test_pausing_and_seeking(local: Extension, site: Site, portrait: np.ndarray) -> None:
    """Nothing is looked at twice while it stands still; what is skipped was not looked at."""
    pictures = media.moving(portrait, count=600, size=(640, 480))
    media.clip(site.folder / "sought.webm", pictures, fps=15, options={"g": "15"})
    video = '<video src="sought.webm" muted autoplay width="640" height="480"></video>'
    page = opened(local, site, "sought.html", video)
    loaded(page)
    popup = local.click(page)
    wait_for(page, lambda: any(c["partial"] for c in _of(local, page)), 60, "a first look")
    paused_s = page.evaluate(
        "() => { const v = document.querySelector('video'); v.pause(); return v.currentTime; }"
    )
    page.wait_for_timeout(2000)
    page.evaluate(
        "() => { const v = document.querySelector('video'); v.currentTime = 25; v.play(); }"
    )
    finish(local, popup, page)
    [check] = _of(local, page)
    times_s = check["result"]["media"]["sampled_s"]
    assert times_s == sorted(set(times_s))
    assert any(time_s >= 25 for time_s in times_s)
    assert [time_s for time_s in times_s if paused_s + 0.5 < time_s < 25] == []
    popup.close()
    page.close()


def test_a_worker_that_is_killed(local: Extension, site: Site, portrait: np.ndarray) -> None:
    """The next worker saw none of the earlier pictures: the check ends, and tells two ways on."""
    media.clip(site.folder / "killed.webm", media.moving(portrait, 240, (640, 480)))
    video = '<video src="killed.webm" muted loop autoplay width="640" height="480"></video>'
    page = opened(local, site, "killed-worker.html", video)
    loaded(page)
    popup = local.click(page)
    wait_for(page, lambda: any(c["partial"] for c in _of(local, page)), 60, "a first look")
    local.worker.evaluate("() => chrome.offscreen.closeDocument()")
    popup.wait("!!document.querySelector('.problem [data-do=ask-service]')", 30)
    told = popup.text(".problem")
    assert "ended from outside" in told
    assert "check with the service" in told
    drawn(local, page, 0)
    popup.click("[data-do=again]")
    assert "nothing was sent" in finish(local, popup, page), "the next worker is a new one"
    popup.close()
    page.close()


def test_two_videos(local: Extension, site: Site, portrait: np.ndarray) -> None:
    """Both at once, each with a verdict of its own, in the same worker."""
    sizes = {"one": (640, 480), "two": (480, 360)}
    for name, size in sizes.items():
        pictures = media.moving(portrait, count=120, size=size)
        media.clip(site.folder / f"both-{name}.webm", pictures, fps=15, options={"g": "30"})
    body = "".join(
        f'<video src="both-{name}.webm" muted loop autoplay width="400"></video>' for name in sizes
    )
    page = opened(local, site, "both.html", body)
    page.wait_for_function(
        "[...document.querySelectorAll('video')].every((v) => v.readyState >= 2)"
    )
    popup = local.click(page)
    popup.wait("document.querySelectorAll('#subjects .preview:not([hidden])').length === 2")
    assert [f"Video {n}" in popup.text("#subjects") for n in (1, 2, 3)] == [True, True, False]
    popup.shoot("local-two-videos")
    for number in (1, 0):
        popup.click(f"#subjects label:nth-child({number + 1}) input")
        wait_for(page, lambda: page.evaluate(FRAMED), 5, "the chosen one, framed")
        popup.click("#check")
    wait_for(page, lambda: len(_done(local, page)) == 2, 90, "two verdicts")
    drawn(local, page, 2)
    widths = {check["result"]["media"]["width_px"] for check in _done(local, page)}
    assert widths == {640, 480}
    popup.close()
    page.close()


def _of(local: Extension, page: playwright.Page) -> list[dict[str, Any]]:
    return [c for c in local.checks() if c["subject"]["page"] == page.url]


def _done(local: Extension, page: playwright.Page) -> list[dict[str, Any]]:
    return [c for c in _of(local, page) if c["state"] == "done"]


def test_a_picture_by_the_context_menu(local: Extension, site: Site, portrait: np.ndarray) -> None:
    media.picture(site.folder / "face.png", portrait)
    page = opened(local, site, "menu.html", '<img src="face.png" width="512" height="512">')
    page.bring_to_front()
    # A real click on the icon first: it is what grants the page, as a click in the menu does.
    local.click(page).close()
    local.worker.evaluate(
        """async (srcUrl) => {
          const [tab] = await chrome.tabs.query({active: true, windowType: "normal"});
          chrome.contextMenus.onClicked.dispatch({menuItemId: 'image', srcUrl, frameId: 0}, tab);
        }""",
        f"{site.url}/face.png",
    )
    wait_for(page, lambda: _done(local, page), 60, "the verdict")
    drawn(local, page)
    [check] = _done(local, page)
    assert (check["way"], check["jobId"]) == ("browser", None)
    assert len(check["result"]["faces"]) == 1
    page.close()


@pytest.mark.parametrize("kind", ["labelled", "sealed"])
def test_what_a_picture_declares(
    local: Extension, site: Site, portrait: np.ndarray, kind: str
) -> None:
    """From the browser's cache alone: the file is gone from its site when the check begins."""
    file = site.folder / f"{kind}.{'jpg' if kind == 'labelled' else 'png'}"
    if kind == "labelled":
        Image.fromarray(portrait).save(file, xmp=PACKETS["attribute"], quality=95)
    else:
        plain = media.picture(site.folder / "plain.png", portrait)
        signed(plain, file, action("created", "digitalCapture"))
    page = opened(local, site, f"{kind}.html", f'<img src="{file.name}" width="512" height="512">')
    page.wait_for_function("document.querySelector('img').complete")
    file.unlink()
    popup = local.click(page)
    popup.click("#check")
    finish(local, popup, page)
    said = popup.text(".declared")
    says = {
        "labelled": ("Made with generative AI", "without a signature"),
        "sealed": ("Content Credentials", "has not tested"),
    }
    assert all(part in said for part in says[kind]), said
    popup.shoot(f"local-declared-{kind}")
    [check] = _done(local, page)
    assert check["result"]["provenance"]["state"] == "read"
    popup.close()
    page.close()


def test_the_service_is_offered_beside_it(local: Extension, site: Site) -> None:
    """Before the first check of a picture; it is not asked by itself."""
    page = opened(local, site, "beside.html", '<img src="face.png" width="512" height="512">')
    popup = local.click(page)
    popup.wait("!document.querySelector('#with-service').hidden")
    popup.click("#with-service")
    popup.wait("!!document.querySelector('.problem')", 60)
    assert "does not let Mesoscope reach the service" in popup.text(".problem")
    popup.close()
    page.close()

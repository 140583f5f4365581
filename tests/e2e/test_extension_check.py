"""From a click to the verdict on the picture, on pages of every usual build."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import DONE, Extension, drawn, finish, loaded, seek, shoot, wait_for

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

HEAD = '<!doctype html><html lang="en"><title>{title}</title><body style="margin:20px">'
VIDEO = '<video {id} {source} controls muted loop width="640" height="480"></video>'


@pytest.fixture(scope="module")
def clip(site: Site, portrait: np.ndarray) -> str:
    """Six seconds with one face that wanders to the right."""
    pictures = media.moving(portrait, count=90, size=(640, 480))
    return media.clip(site.folder / "wander.mp4", pictures, fps=15, options={"g": "15"}).name


@pytest.fixture(scope="module")
def other_clip(site: Site, portrait: np.ndarray) -> str:
    """Four seconds with one face that wanders to the left."""
    pictures = list(media.moving(portrait, count=60, size=(640, 480)))
    return media.clip(site.folder / "back.mp4", pictures[::-1], fps=15, options={"g": "15"}).name


@pytest.fixture
def page(extension: Extension) -> Iterator[playwright.Page]:
    page = extension.context.new_page()
    yield page
    page.close()


def write(site: Site, name: str, body: str) -> str:
    (site.folder / name).write_text(HEAD.format(title=name) + body)
    return f"{site.url}/{name}"


def video(source: str, name: str = "v") -> str:
    return VIDEO.format(id=f'id="{name}"', source=f'src="{source}"')


def test_one_click(extension: Extension, page: playwright.Page, site: Site, clip: str) -> None:
    page.goto(write(site, "plain.html", "<h1>A page</h1>" + video(clip)))
    loaded(page)
    popup = extension.click(page)
    said = finish(extension, popup, page)
    popup.shoot("verdict")
    shoot(page, "plain")
    assert "1 person found" in said
    assert "REAL" not in said
    boxes = extension.overlay(page).boxes()
    assert len(boxes) == 1
    badge = extension.worker.evaluate(
        """async () => {
          const [tab] = await chrome.tabs.query({active: true, windowType: "normal"});
          return chrome.action.getBadgeText({tabId: tab.id});
        }"""
    )
    assert badge in "▲●◆"
    assert badge
    # A moment in the popup is a way to it in the player.
    seek(page, 3)
    popup.click(".face button.link")
    page.wait_for_function("document.querySelector('video').currentTime < 0.5")
    popup.close()


def test_a_person(extension: Extension, page: playwright.Page, site: Site, clip: str) -> None:
    """The face at its strongest moment, when that was, and the way to the full report."""
    page.goto(write(site, "person.html", video(clip)))
    loaded(page)
    popup = extension.click(page)
    finish(extension, popup, page)
    popup.wait("document.querySelector('.thumbnail').naturalWidth > 0")
    popup.shoot("person")
    [check] = [c for c in extension.checks() if c["subject"]["page"] == page.url]
    [face] = check["result"]["faces"]
    strongest = face["moments"][0]["t"]
    alt = popup.evaluate("document.querySelector('.thumbnail').alt")
    assert alt == f"Face of person 1 at 0:0{int(strongest)}"
    assert len(face["moments"]) == popup.evaluate(
        "document.querySelectorAll('.strongest li').length"
    )
    seek(page, strongest + 1)
    popup.click(".strongest button")
    page.wait_for_function(
        "(t) => Math.abs(document.querySelector('video').currentTime - t) < 0.1", arg=strongest
    )
    report = popup.evaluate("document.querySelector('a.report').href")
    popup.close()
    page.goto(report)
    page.locator("text=Person 1").first.wait_for()


def test_a_player_that_comes_later(
    extension: Extension, page: playwright.Page, site: Site, clip: str
) -> None:
    """The popup is open already when the page brings its video."""
    page.goto(write(site, "later.html", "<p>No video yet</p>"))
    popup = extension.click(page)
    assert popup.evaluate("document.querySelectorAll('.subject').length") == 1
    page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", video(clip))
    said = finish(extension, popup, page)
    assert "1 person found" in said
    popup.close()


def test_the_panel(extension: Extension, page: playwright.Page, site: Site, clip: str) -> None:
    """Lanes seek, the table holds the same, and all can be dimmed, moved and closed."""
    page.goto(write(site, "panel.html", video(clip)))
    loaded(page)
    popup = extension.click(page)
    finish(extension, popup, page)
    overlay = extension.overlay(page)
    track = overlay.only("(root) => root.querySelector('.track').getBoundingClientRect().toJSON()")
    page.mouse.click(track["x"] + track["width"] / 2, track["y"] + track["height"] / 2)
    page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 3) < 0.2")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('video').currentTime > 3.6")
    now = "(root) => root.querySelector('.track').getAttribute('aria-valuenow')"
    wait_for(page, lambda: overlay.only(now) in {"4", "3"}, name="the lane's own time")

    press = "(root) => root.querySelector('[aria-label=\"{}\"]').click()"
    overlay.only(press.format("Show the moments as a table"))
    assert overlay.only("(root) => root.querySelectorAll('tbody tr').length") >= 1
    overlay.only("(root) => root.querySelector('tbody .jump').click()")
    page.wait_for_function("document.querySelector('video').currentTime < 0.5")
    shoot(page, "table")
    overlay.only(press.format("Dim"))
    assert overlay.only("(root) => !!root.querySelector('.dimmed')")
    overlay.only(press.format("Boxes on the faces"))
    assert overlay.only("(root) => root.querySelector('.view').hidden")

    where = "(root) => root.querySelector('.handle').getBoundingClientRect().toJSON()"
    handle = overlay.only(where)
    page.mouse.move(handle["x"] + 5, handle["y"] + 5)
    page.mouse.down()
    page.mouse.move(handle["x"] + 65, handle["y"] - 95, steps=4)
    page.mouse.up()
    page.keyboard.press("ArrowUp")
    after = overlay.only(where)
    assert after["x"] - handle["x"] == pytest.approx(60, abs=2)
    assert after["y"] - handle["y"] == pytest.approx(-116, abs=2)
    assert page.evaluate("document.querySelector('video').paused"), "our clicks are ours alone"
    overlay.only(press.format("Close"))
    drawn(extension, page, 0)
    popup.close()


def test_the_players_bar_stays_free(
    extension: Extension, page: playwright.Page, site: Site, clip: str
) -> None:
    page.goto(write(site, "bar.html", video(clip)))
    loaded(page)
    popup = extension.click(page)
    finish(extension, popup, page)
    panel = extension.overlay(page).panel()
    below = page.locator("video").bounding_box()
    assert panel["bottom"] <= below["y"] + below["height"] - 72
    page.mouse.click(below["x"] + 30, below["y"] + below["height"] - 45)  # the play button
    page.wait_for_function("!document.querySelector('video').paused")
    popup.close()


def test_a_playlist(
    extension: Extension, page: playwright.Page, site: Site, portrait: np.ndarray
) -> None:
    pictures = media.moving(portrait, count=60, size=(640, 480))
    muxing = {"hls_time": "1", "hls_list_size": "0", "hls_playlist_type": "vod"}
    media.clip(site.folder / "wander.m3u8", pictures, fps=15, options={"g": "15"}, muxing=muxing)
    page.goto(write(site, "hls.html", video("wander.m3u8")))
    popup = extension.click(page)
    popup.wait(DONE, 90)
    assert "1 person found" in popup.text("#outcome")
    if page.evaluate(
        "document.querySelector('video').canPlayType('application/vnd.apple.mpegurl')"
    ):
        loaded(page)
        drawn(extension, page)
        assert len(extension.overlay(page).boxes()) == 1
        shoot(page, "hls")
    popup.close()


def test_first_a_tentative_verdict(
    extension: Extension, page: playwright.Page, site: Site, portrait: np.ndarray
) -> None:
    """Long media gets a verdict so far, shown as such, which the final one replaces. The face has a
    box where the person is in the video, far from the key frames, and before the check gets
    there."""
    pictures = media.moving(portrait, count=400, size=(640, 480))
    clip = media.clip(site.folder / "long.mp4", pictures, fps=3, options={"g": "3"})
    page.goto(write(site, "long.html", video(clip.name)))
    loaded(page)
    seek(page, 100)
    popup = extension.click(page)
    popup.wait("!!document.querySelector('#outcome progress')")
    drawn(extension, page)
    overlay = extension.overlay(page)
    so_far = "⠿\nSo far"  # after the note that the check began
    wait_for(page, lambda: overlay.text().startswith(so_far), 60, "the verdict so far")
    assert len(overlay.boxes()) == 1
    assert "So far" in popup.text("#outcome")
    shoot(page, "tentative")
    popup.shoot("progress")
    while overlay.text().startswith(so_far):
        assert len(overlay.boxes()) == 1
    assert "So far" not in finish(extension, popup, page)
    wait_for(page, lambda: "So far" not in overlay.text(), 30, "the final verdict on the page")
    popup.close()


def test_two_videos(
    extension: Extension, page: playwright.Page, site: Site, clip: str, other_clip: str
) -> None:
    """Nothing starts by itself where there is a choice; each gets its own overlay."""
    small = [
        video(name, name[:1]).replace("640", "400").replace("480", "300")
        for name in (clip, other_clip)
    ]
    page.goto(write(site, "two.html", "".join(small)))
    loaded(page, "#w")
    loaded(page, "#b")
    popup = extension.click(page)  # a check would have begun by now
    assert extension.worker.evaluate("chrome.action.getBadgeText({})") == ""
    assert popup.evaluate("document.querySelector('#outcome').hidden")
    names = popup.evaluate("[...document.querySelectorAll('.address')].map((a) => a.textContent)")
    assert {name.rsplit("/", 1)[1] for name in names[:2]} == {clip, other_clip}
    for name in (clip, other_clip):
        at = next(i for i, address in enumerate(names) if address.endswith(name))
        popup.evaluate(f"document.querySelectorAll('#subjects input')[{at}].click()")
        popup.click("#check")
        popup.wait(DONE, 90)
    drawn(extension, page, 2)
    page.evaluate("for (const v of document.querySelectorAll('video')) v.currentTime = 0")

    def apart() -> bool:
        """One face starts on the left, the other on the right."""
        lefts = extension.overlay(page).each(
            """(root) => {
              const rect = (selector) => root.querySelector(selector).getBoundingClientRect();
              const [view, box] = [rect('.view'), rect('.box')];
              return (box.x - view.x) / view.width;
            }"""
        )
        return min(lefts) < 0.4 < max(lefts)

    wait_for(page, apart, name="each box on its own face")
    shoot(page, "two")
    popup.close()


def test_a_page_that_swaps_its_video(
    extension: Extension, page: playwright.Page, site: Site, clip: str, other_clip: str
) -> None:
    page.goto(write(site, "spa.html", video(clip)))
    loaded(page)
    popup = extension.click(page)
    finish(extension, popup, page)
    popup.close()
    swap = """(source) => {
      history.pushState({}, '', '#' + source);
      document.querySelector('video').src = source;
    }"""
    page.evaluate(swap, other_clip)
    drawn(extension, page, 0)
    page.evaluate(swap, clip)  # back: what was judged is known
    drawn(extension, page)
    page.evaluate("document.querySelector('video').remove()")
    drawn(extension, page, 0)
    page.evaluate(
        "(html) => document.body.insertAdjacentHTML('beforeend', html)", video(other_clip)
    )
    loaded(page)
    popup = extension.click(page)
    finish(extension, popup, page)
    popup.close()


def test_a_strict_page(extension: Extension, page: playwright.Page, site: Site, clip: str) -> None:
    policy = "default-src 'none'; media-src 'self'; style-src 'none'; script-src 'none'"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    page.goto(write(site, "strict.html", meta + video(clip)))
    loaded(page)
    popup = extension.click(page)
    finish(extension, popup, page)
    style = extension.overlay(page).only(
        "(root) => getComputedStyle(root.querySelector('.box')).borderTopWidth"
    )
    shoot(page, "strict")
    assert style == "3px"
    popup.close()


def test_a_player_in_a_frame(
    extension: Extension, page: playwright.Page, site: Site, clip: str
) -> None:
    write(site, "player.html", video(clip))
    page.goto(
        write(site, "frame.html", '<iframe src="player.html" width="720" height="560"></iframe>')
    )
    page.frame_locator("iframe").locator("video").wait_for()
    popup = extension.click(page)
    said = finish(extension, popup, page)
    shoot(page, "frame")
    assert "1 person found" in said
    popup.close()


def test_a_picture(
    extension: Extension, page: playwright.Page, site: Site, astronaut: np.ndarray
) -> None:
    media.picture(site.folder / "portrait.jpg", astronaut)
    page.goto(
        write(site, "picture.html", '<img src="portrait.jpg" alt="An astronaut" width="400">')
    )
    popup = extension.click(page)
    popup.click("#check")
    said = finish(extension, popup, page)
    shoot(page, "picture")
    assert "1 person found" in said
    assert len(extension.overlay(page).boxes()) == 1
    popup.close()


def test_the_context_menu(
    extension: Extension, page: playwright.Page, site: Site, clip: str
) -> None:
    """A link is checked without being opened; the icon's badge shows the end."""
    page.bring_to_front()
    page.goto(write(site, "link.html", f'<a href="{clip}">a video</a>'))
    extension.worker.evaluate(
        """async (linkUrl) => {
          const [tab] = await chrome.tabs.query({active: true, windowType: "normal"});
          chrome.contextMenus.onClicked.dispatch({menuItemId: 'link', linkUrl}, tab);
        }""",
        f"{site.url}/{clip}",
    )

    def ended() -> list[str]:
        return [c["state"] for c in extension.checks() if c["subject"]["kind"] == "link"]

    wait_for(page, lambda: ended() == ["done"], 90, "the check of the link")
    popup = extension.click(page)
    assert "1 person found" in popup.text("#outcome")
    popup.close()

"""The whole of a video, by seeking a hidden copy of it; and what the file of a video declares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import DONE, Extension, drawn, finish, loaded, seek, wait_for
from tests.server.provenance.test_marks import LABEL, film

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

SECONDS = 18
OFFERED = "!!document.querySelector('[data-do=whole]:not([hidden])')"
PLAYERS = {"kMediaLogCreated": "created", "kWebMediaPlayerDestroyed": "destroyed"}
COUNTED = """<script>
  const seen = { seeks: 0 };
  document.querySelector('video').addEventListener('seeking', () => { seen.seeks += 1; });
</script>"""


@pytest.fixture
def page(local: Extension, site: Site, portrait: np.ndarray) -> Iterator[playwright.Page]:
    """A page on which a video of SECONDS plays, once."""
    pictures = media.moving(portrait, count=15 * SECONDS, size=(640, 480))
    media.clip(site.folder / "long.webm", pictures, fps=15, options={"g": "30"})
    video = '<video src="long.webm" muted autoplay width="640" height="480"></video>'
    (site.folder / "long.html").write_text(f"<!doctype html><title>long</title>{video}{COUNTED}")
    page = local.context.new_page()
    page.goto(f"{site.url}/long.html")
    loaded(page)
    yield page
    page.close()


def players(local: Extension, page: playwright.Page) -> list[str]:
    """Fills with "created" and "destroyed", one for each of the page's players."""
    session, seen = local.context.new_cdp_session(page), list[str]()

    def told(event: dict[str, Any]) -> None:
        for each in event["events"]:
            name = json.loads(each["value"]).get("event")
            if name in PLAYERS:
                seen.append(PLAYERS[name])

    session.on("Media.playerEventsAdded", told)
    session.send("Media.enable")
    return seen


def last(local: Extension, page: playwright.Page) -> dict[str, Any]:
    [check] = [check for check in local.checks() if check["subject"]["page"] == page.url]
    return check


def test_the_whole_is_looked_at(local: Extension, site: Site, page: playwright.Page) -> None:
    """The person's own player is left alone, nobody else is asked, and the copy is freed."""
    asked: list[str] = []
    local.context.on("request", lambda request: asked.append(request.url))
    popup = local.click(page)
    finish(local, popup, page)
    until_s = last(local, page)["result"]["media"]["analyzed_s"][1]
    assert until_s < SECONDS - 5, "what plays is looked at for ten seconds"
    popup.wait(OFFERED)
    popup.shoot("local-whole-offered")
    seen = players(local, page)
    wait_for(page, lambda: seen == ["created"], 10, "the page's own player")
    popup.click("[data-do=whole]")
    popup.wait("document.querySelector('.stage')?.innerText.includes('whole video')")
    wait_for(page, lambda: "created" in seen[1:], 30, "the copy")
    popup.wait(DONE, 240)
    drawn(local, page)
    assert "Moments from the whole video" in popup.text("#outcome")
    assert not popup.evaluate(OFFERED)
    check = last(local, page)
    assert (check["way"], check["whole"], check["state"]) == ("browser", True, "done")
    times_s = check["result"]["media"]["sampled_s"]
    assert times_s[0] < 0.1
    assert times_s[-1] > SECONDS - 2
    steps = np.diff(times_s)
    print(f"{len(times_s)} moments of {SECONDS} s, at most {steps.max():.1f} s apart")
    assert len(times_s) >= 20
    assert steps.max() < 3
    assert len(check["result"]["faces"]) == 1
    wait_for(page, lambda: seen.count("destroyed") == 1, 30, "an end of the copy")
    assert page.evaluate("seen.seeks") == 0
    own = ("chrome-extension:", "data:", "blob:", f"{site.url}/long.")
    assert [url for url in asked if not url.startswith(own)] == []
    popup.close()


def test_a_cancelled_one_frees_its_copy(local: Extension, page: playwright.Page) -> None:
    popup = local.click(page)
    finish(local, popup, page)
    popup.wait(OFFERED)
    seen = players(local, page)
    popup.click("[data-do=whole]")
    wait_for(page, lambda: last(local, page)["partial"], 60, "a first look")
    popup.click("[data-do=cancel]")
    wait_for(page, lambda: seen.count("destroyed") == 1, 30, "an end of the copy")
    drawn(local, page, 0)
    popup.close()


def test_a_short_loop_that_was_over_is_looked_at_again(
    local: Extension, site: Site, page: playwright.Page, portrait: np.ndarray
) -> None:
    """All of it, in fewer pictures than where a person asks for the whole: they have waited."""
    media.clip(site.folder / "short.webm", media.moving(portrait, 135, size=(640, 480)), fps=15)
    video = '<video src="short.webm" muted loop width="640" height="480"></video>'
    (site.folder / "short.html").write_text(f"<!doctype html><title>short</title>{video}")
    page.goto(f"{site.url}/short.html")
    loaded(page)
    seek(page, 8.6)  # of 9
    popup = local.click(page)
    finish(local, popup, page)
    check = last(local, page)
    times_s = check["result"]["media"]["sampled_s"]
    assert times_s[0] < 0.1
    assert times_s[-1] > 7
    assert 8 <= len(times_s) < 27
    assert np.diff(times_s).max() < 1.5
    popup.close()


def test_where_it_cannot_be_opened_again(
    local: Extension, site: Site, page: playwright.Page
) -> None:
    """Its address holds no more: a sentence, what plays, and the service."""
    session = local.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    popup = local.click(page)
    finish(local, popup, page)
    popup.wait(OFFERED)
    (site.folder / "long.webm").unlink()
    popup.click("[data-do=whole]")
    popup.wait("!!document.querySelector('.problem [data-do=ask-service]')", 60)
    told = popup.text(".problem")
    assert "cannot be looked at here" in told
    assert "check with the service" in told
    assert popup.evaluate("!!document.querySelector('[data-do=again]')")
    popup.close()


@pytest.mark.parametrize("end", [".webm", ".mp4"])
def test_what_a_video_declares(
    local: Extension, site: Site, portrait: np.ndarray, tmp_path: Path, end: str
) -> None:
    """Read from its own address, and from no other."""
    pictures = media.moving(portrait, 180, (640, 480))
    plain = media.clip(tmp_path / f"plain{end}", pictures, fps=15)
    film({".mp4": plain}, site.folder / f"labelled{end}", {"AIGC": LABEL})
    video = f'<video src="labelled{end}" muted autoplay loop width="640" height="480"></video>'
    name = f"labelled{end.replace('.', '-')}.html"
    (site.folder / name).write_text(f"<!doctype html><title>labelled</title>{video}")
    page = local.context.new_page()
    page.goto(f"{site.url}/{name}")
    loaded(page)
    asked: list[str] = []
    local.context.on("request", lambda request: asked.append(request.url))
    popup = local.click(page)
    finish(local, popup, page)
    said = popup.text(".declared")
    assert "Made with generative AI" in said
    assert "that China requires, without a signature" in said
    assert "Doubao" in said
    own = ("chrome-extension:", "data:", "blob:", f"{site.url}/labelled{end}")
    assert [url for url in asked if not url.startswith(own)] == []
    popup.close()
    page.close()

"""What the service cannot fetch: pictures of what plays, after a yes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site, served
from tests.e2e.extension import Extension, Target, finish, loaded, seek, shoot

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

HEAD = '<!doctype html><html lang="en"><title>{title}</title><body style="margin:20px">'
STREAM = """<video controls muted width="640" height="480"></video><script>
  const source = new MediaSource();
  document.querySelector('video').src = URL.createObjectURL(source);
  source.addEventListener('sourceopen', async () => {
    const buffer = source.addSourceBuffer('video/webm; codecs="vp9"');
    buffer.appendBuffer(await (await fetch(['hidden', 'webm'].join('.'))).arrayBuffer());
    buffer.addEventListener('updateend', () => source.endOfStream(), { once: true });
  });
</script>"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Another origin, without any header on sharing, and from which the service may not fetch."""
    with served(tmp_path_factory.mktemp("elsewhere")) as site:
        yield site


@pytest.fixture
def page(extension: Extension) -> Iterator[playwright.Page]:
    page = extension.context.new_page()
    yield page
    page.close()


def opened(page: playwright.Page, site: Site, name: str, body: str, start_s: float) -> None:
    """The page, its video at `start_s`."""
    (site.folder / name).write_text(HEAD.format(title=name) + body)
    page.goto(f"{site.url}/{name}")
    loaded(page)
    seek(page, start_s)


def agreed(extension: Extension, page: playwright.Page, name: str) -> Target:
    """The popup, after the offer to capture and the yes to it."""
    popup = extension.click(page)
    popup.wait("!!document.querySelector('[data-do=capture]')", 90)
    popup.shoot(f"{name}-offer")
    popup.click("[data-do=capture]")
    assert "will be sent to 127.0.0.1" in popup.text(".consent")
    popup.shoot(f"{name}-consent")
    popup.click("[data-do=send]")
    return popup


def result(extension: Extension, page: playwright.Page) -> dict[str, Any]:
    [check] = [c for c in extension.checks() if c["subject"]["page"] == page.url]
    return check["result"]


def test_a_stream_put_together_by_script(
    extension: Extension, page: playwright.Page, site: Site, portrait: np.ndarray
) -> None:
    pictures = media.moving(portrait, count=90, size=(640, 480))
    media.clip(site.folder / "hidden.webm", pictures, fps=15, options={"g": "30"})
    opened(page, site, "stream.html", STREAM, 2)
    popup = agreed(extension, page, "capture")
    said = finish(extension, popup, page)
    shoot(page, "capture")
    assert "1 person found" in said
    verdict = result(extension, page)
    assert 2 <= verdict["faces"][0]["samples"][0]["t"] < 6, "in the media's own times"
    assert verdict["media"]["duration_s"] == pytest.approx(6, abs=0.2)
    popup.close()


def test_a_picture_that_the_page_may_not_read(
    extension: Extension,
    page: playwright.Page,
    site: Site,
    elsewhere: Site,
    portrait: np.ndarray,
) -> None:
    """Another origin's video taints every canvas: what is seen of it on the screen is taken."""
    pictures = media.moving(portrait, count=90, size=(640, 480))
    media.clip(elsewhere.folder / "foreign.mp4", pictures, fps=15, options={"g": "15"})
    body = f'<video src="{elsewhere.url}/foreign.mp4" muted width="640" height="480"></video>'
    opened(page, site, "tainted.html", body, 1)
    tainted = """() => {
      const canvas = document.createElement('canvas');
      canvas.getContext('2d').drawImage(document.querySelector('video'), 0, 0);
      try { canvas.toDataURL(); return false; } catch { return true; }
    }"""
    assert page.evaluate(tainted)
    popup = agreed(extension, page, "screen")
    said = finish(extension, popup, page)
    shoot(page, "screen")
    assert "1 person found" in said
    [face] = result(extension, page)["faces"]
    for sample in face["samples"]:
        x, y, width, height = sample["box"]
        # The portrait fills 360 px squared and wanders from the left edge to the right in 6 s.
        left = (640 - 360) / 640 * sample["t"] / 6
        assert left < x + width / 2 < left + 360 / 640
        assert 60 / 480 < y + height / 2 < 420 / 480
        assert 0.15 < width < 0.5
    popup.close()


def test_a_picture_that_is_black(
    extension: Extension, page: playwright.Page, site: Site, elsewhere: Site
) -> None:
    """Copy protection gives out only black: that is said, and nothing is sent."""
    dark = (np.zeros((240, 320, 3), np.uint8) for _ in range(30))
    media.clip(elsewhere.folder / "dark.mp4", dark, fps=10)
    body = f'<video src="{elsewhere.url}/dark.mp4" muted width="640" height="480"></video>'
    opened(page, site, "dark.html", body, 0)
    popup = agreed(extension, page, "black")
    popup.wait("document.querySelector('#outcome').innerText.includes('only black pictures')", 60)
    popup.shoot("black")
    assert "copy protection" in popup.text("#outcome")
    [check] = [c for c in extension.checks() if c["subject"]["page"] == page.url]
    assert check["jobId"] is None, "nothing was sent"
    popup.close()

"""Boxes lie on the faces, however the element is shown, and while it plays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import DONE, Extension, Overlay, loaded, seek, shoot, wait_for

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

FPS = 15
TIME_S = 2.0
PAGE = """<!doctype html><html lang="en"><title>Geometry</title>
<style>body { margin: 0 } video { position: absolute; left: 0; top: 0; background: #222 }</style>
<div id="outer"><video src="geometry.mp4" muted loop></video></div>
<p style="position: absolute; bottom: 4px; right: 4px">
<button onclick="document.querySelector('video').requestFullscreen()">Full screen</button>
<button onclick="document.querySelector('#outer').requestFullscreen()">Theatre</button></p>"""

Rect = tuple[float, float, float, float]  # x, y, width, height


@pytest.fixture(scope="module")
def shown(extension: Extension, site: Site, portrait: np.ndarray) -> Iterator[playwright.Page]:
    """A page whose video has its verdict, paused at TIME_S."""
    pictures = media.moving(portrait, count=6 * FPS, size=(640, 480))
    media.clip(site.folder / "geometry.mp4", pictures, fps=FPS, options={"g": "15"})
    (site.folder / "geometry.html").write_text(PAGE)
    page = extension.context.new_page()
    page.goto(f"{site.url}/geometry.html")
    loaded(page)
    popup = extension.click(page)
    popup.wait(DONE, 90)
    popup.close()
    seek(page, TIME_S)
    yield page
    page.close()


@pytest.fixture
def samples(extension: Extension, shown: playwright.Page) -> list[dict]:
    [check] = [c for c in extension.checks() if c["subject"]["page"] == shown.url]
    [face] = check["result"]["faces"]
    return face["samples"]


def at(samples: list[dict], time_s: float) -> Rect:
    """The face's box in fractions, on the straight line between the samples beside `time_s`."""
    times = [sample["t"] for sample in samples]
    columns = zip(*(sample["box"] for sample in samples), strict=True)
    x, y, width, height = (float(np.interp(time_s, times, column)) for column in columns)
    return x, y, width, height


def scaled(box: Rect, picture: Rect) -> Rect:
    x, y, width, height = box
    left, top, across, down = picture
    return left + x * across, top + y * down, width * across, height * down


def iou(one: Rect, other: Rect) -> float:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(0.0, across) * max(0.0, down)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def lies_on(
    overlay: Overlay, page: playwright.Page, expected: Rect | Callable[[], Rect], name: str
) -> None:
    def found() -> float:
        boxes = overlay.boxes()
        if len(boxes) != 1:
            return 0.0
        [box] = boxes
        now = expected() if callable(expected) else expected
        return iou((box["x"], box["y"], box["width"], box["height"]), now)

    try:
        wait_for(page, lambda: found() >= 0.9, name=f"the box where it belongs ({name})")
    finally:
        shoot(page, f"geometry-{name}")


def style(page: playwright.Page, **declarations: str) -> None:
    page.evaluate(
        "(given) => Object.assign(document.querySelector('video').style, given)",
        {"transform": "", "zoom": "", "objectFit": "", "border": "", "padding": ""} | declarations,
    )


def test_contain(extension: Extension, shown: playwright.Page, samples: list[dict]) -> None:
    """640 x 480 in 800 x 300: 400 px wide, 200 px of bar on each side; a border and padding."""
    style(shown, width="800px", height="300px", border="5px solid red", padding="7px")
    expected = scaled(at(samples, TIME_S), (212, 12, 400, 300))
    lies_on(extension.overlay(shown), shown, expected, "contain")


def test_cover(extension: Extension, shown: playwright.Page, samples: list[dict]) -> None:
    """640 x 480 over 400 x 450: 600 px wide, 100 px cropped on each side."""
    style(shown, width="400px", height="450px", objectFit="cover")
    expected = scaled(at(samples, TIME_S), (-100, 0, 600, 450))
    lies_on(extension.overlay(shown), shown, expected, "cover")


def test_fill(extension: Extension, shown: playwright.Page, samples: list[dict]) -> None:
    style(shown, width="900px", height="400px", objectFit="fill")
    lies_on(extension.overlay(shown), shown, scaled(at(samples, TIME_S), (0, 0, 900, 400)), "fill")


def test_zoomed(extension: Extension, shown: playwright.Page, samples: list[dict]) -> None:
    """CSS zoom doubles it; then a transform makes it half as large again about its corner."""
    style(shown, width="320px", height="240px", zoom="2")
    expected = scaled(at(samples, TIME_S), (0, 0, 640, 480))
    lies_on(extension.overlay(shown), shown, expected, "zoom")
    style(shown, width="600px", height="450px", transform="scale(1.5)")
    shown.evaluate("document.querySelector('video').style.transformOrigin = '0 0'")
    expected = scaled(at(samples, TIME_S), (0, 0, 900, 675))
    lies_on(extension.overlay(shown), shown, expected, "scaled")


def test_rotated(extension: Extension, shown: playwright.Page, samples: list[dict]) -> None:
    """A quarter turn clockwise about the centre of 640 x 480: right becomes down, down left."""
    style(shown, width="640px", height="480px", transform="rotate(90deg)")
    shown.evaluate("document.querySelector('video').style.transformOrigin = '50% 50%'")
    x, y, width, height = scaled(at(samples, TIME_S), (0, 0, 640, 480))
    expected = (320 + 240 - y - height, 240 - 320 + x, height, width)
    lies_on(extension.overlay(shown), shown, expected, "rotated")


def test_fullscreen(extension: Extension, shown: playwright.Page, samples: list[dict]) -> None:
    style(shown, width="640px", height="480px")
    shown.click("text=Full screen")
    shown.wait_for_function("document.fullscreenElement !== null")

    def expected() -> Rect:
        width, height = shown.evaluate("[innerWidth, innerHeight]")
        scale = min(width / 640, height / 480)
        picture = ((width - 640 * scale) / 2, (height - 480 * scale) / 2, 640 * scale, 480 * scale)
        return scaled(at(samples, TIME_S), picture)

    overlay = extension.overlay(shown)
    lies_on(overlay, shown, expected, "fullscreen")
    tools = "(root) => getComputedStyle(root.querySelector('.tools')).display"
    assert overlay.only(tools) == "none", "the browser takes no click outside of a lone video"
    leave_fullscreen(shown)
    wait_for(shown, lambda: overlay.only(tools) != "none", name="the panel's buttons")


def test_fullscreen_player(
    extension: Extension, shown: playwright.Page, samples: list[dict]
) -> None:
    """A player that goes full screen with its controls: the panel can be used there."""
    style(shown, width="640px", height="480px")
    shown.click("text=Theatre")
    shown.wait_for_function("document.fullscreenElement !== null")
    expected = scaled(at(samples, TIME_S), (0, 0, 640, 480))
    overlay = extension.overlay(shown)
    lies_on(overlay, shown, expected, "theatre")
    press = overlay.only(
        "(root) => root.querySelector('[aria-label=Dim]').getBoundingClientRect().toJSON()"
    )
    for dimmed in (True, False):
        shown.mouse.click(press["x"] + 5, press["y"] + 5)
        assert overlay.only("(root) => !!root.querySelector('.dimmed')") is dimmed
    leave_fullscreen(shown)


def leave_fullscreen(page: playwright.Page) -> None:
    page.evaluate("document.exitFullscreen()")
    page.wait_for_function("document.fullscreenElement === null")


def test_scrolled_and_resized(
    extension: Extension, shown: playwright.Page, samples: list[dict]
) -> None:
    style(shown, width="640px", height="480px")
    shown.evaluate("document.body.style.height = '3000px'; scrollTo(0, 60)")
    lies_on(
        extension.overlay(shown), shown, scaled(at(samples, TIME_S), (0, -60, 640, 480)), "scrolled"
    )
    shown.evaluate("scrollTo(0, 2000)")
    away = "(root) => getComputedStyle(root.querySelector('.all')).display"
    overlay = extension.overlay(shown)
    wait_for(shown, lambda: overlay.only(away) == "none", name="nothing drawn out of view")
    shown.evaluate("scrollTo(0, 0); document.body.style.height = ''")
    shown.set_viewport_size({"width": 700, "height": 600})
    style(shown, width="100vw", height="75vw")
    expected = scaled(at(samples, TIME_S), (0, 0, 700, 525))
    lies_on(extension.overlay(shown), shown, expected, "resized")
    shown.set_viewport_size({"width": 1000, "height": 700})


def test_in_time_while_playing(
    extension: Extension, shown: playwright.Page, samples: list[dict]
) -> None:
    """What is drawn with a frame belongs to that frame or to the one before it."""
    style(shown, width="640px", height="480px")
    still = scaled(at(samples, TIME_S), (0, 0, 640, 480))
    lies_on(extension.overlay(shown), shown, still, "before-playing")
    seen = extension.overlay(shown).only(
        """(root) => new Promise((resolve) => {
          const video = document.querySelector('video');
          const box = root.querySelector('.box');
          const seen = [];
          const next = (_, {mediaTime}) => {
            const x = box.getBoundingClientRect().x;
            if (getComputedStyle(box).visibility === 'visible') seen.push([mediaTime, x]);
            if (seen.length < 30) video.requestVideoFrameCallback(next);
            else { video.pause(); resolve(seen); }
          };
          video.currentTime = 0.5;
          video.onseeked = () => {
            video.onseeked = null;
            video.play();
            video.requestVideoFrameCallback(next);
          };
        })"""
    )
    seek(shown, TIME_S)
    wait_for(shown, lambda: len(extension.overlay(shown).boxes()) == 1)

    def drawn_at(time_s: float, x: float) -> bool:
        near = [scaled(at(samples, time_s - k / FPS), (0, 0, 640, 480))[0] for k in (0, 0.5, 1)]
        return min(near) - 0.75 <= x <= max(near) + 0.75

    assert len(seen) == 30
    good = [drawn_at(time_s, x) for time_s, x in seen[1:]]
    assert sum(good) >= len(good) - 1, [s for s, g in zip(seen[1:], good, strict=True) if not g]
    assert not math.isclose(seen[0][1], seen[-1][1], abs_tol=10), "the face moved"

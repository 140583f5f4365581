"""What the overlay costs: nothing where it was not asked for, little where it was."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import DONE, Extension, loaded, wait_for

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

MOST_MS = 2.0


def four_faces(astronaut: np.ndarray) -> np.ndarray:
    """Four portraits side by side, uint8 [360, 1440, 3]."""
    one = astronaut[::1, ::1][:360, 60:420]
    return np.concatenate([one] * 4, axis=1)


def traced(extension: Extension, page: playwright.Page, seconds: float) -> list[dict[str, Any]]:
    """What the browser did for so long, by its own tracing."""
    session = extension.context.browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    complete: list[object] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda data: complete.append(data))
    categories = ["devtools.timeline"]
    session.send(
        "Tracing.start",
        {"transferMode": "ReportEvents", "traceConfig": {"includedCategories": categories}},
    )
    page.wait_for_timeout(seconds * 1000)
    session.send("Tracing.end")
    wait_for(page, lambda: complete, 30, "the trace")
    session.detach()
    return events


def own_calls_ms(extension: Extension, events: list[dict[str, Any]]) -> dict[str, list[float]]:
    """How long each call into the extension's content scripts took, by function."""
    calls = defaultdict(list)
    for event in events:
        data = event.get("args", {}).get("data", {})
        ours = event["name"] == "FunctionCall" and f"{extension.id}/content/" in data.get("url", "")
        if ours and "dur" in event:  # not of one that the recording cut off
            # The thread's own time: how long it waited for a busy machine is not its cost.
            calls[data["functionName"]].append(event.get("tdur", event["dur"]) / 1000)
    return calls


def test_the_cost_of_a_frame(
    extension: Extension, site: Site, astronaut: np.ndarray, record_property: Any
) -> None:
    """Script, style and layout of one frame with four faces, at the median."""
    pictures = [np.roll(four_faces(astronaut), i, axis=1) for i in range(0, 120, 2)]
    clip = media.clip(site.folder / "four.mp4", pictures, fps=15, options={"g": "15"})
    (site.folder / "four.html").write_text(
        f'<!doctype html><title>Four</title><video src="{clip.name}" muted loop width="900">'
    )
    page = extension.context.new_page()
    page.goto(f"{site.url}/four.html")
    loaded(page)
    before = own_calls_ms(extension, traced(extension, page, 0.5))
    assert before == {}, "nothing of ours runs on a page where it was not asked for"

    popup = extension.click(page)
    popup.wait(DONE, 90)
    popup.close()
    page.evaluate("document.querySelector('video').play()")
    wait_for(page, lambda: len(extension.overlay(page).boxes()) == 4, 30, "four boxes")
    frames: list[float] = []
    while len(frames) < 30:
        frames += own_calls_ms(extension, traced(extension, page, 2))["next"]
    median_ms = statistics.median(frames)
    record_property("overlay_ms_per_frame", median_ms)
    print(f"overlay: {median_ms:.2f} ms a frame at the median of {len(frames)}")
    assert median_ms < MOST_MS
    page.close()

"""A click in a real browser, and when its check came how far: all in seconds since the epoch."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from benchmarks.click.cases import SERVICE, Case
from tests.e2e.extension import Extension, Target

LIMIT_S = 180.0
LOOK_MS = 20  # between two looks at what is drawn
MADE_READY = "document.querySelector(s)?.readyState >= 2 || document.querySelector(s)?.complete"
# Changes are timed by the worker's own clock; a check is followed by its page.
RECORD = """() => {
  globalThis.told = [];
  chrome.storage.session.onChanged.addListener((changes) => {
    for (const [key, { newValue: check }] of Object.entries(changes)) {
      if (!key.startsWith('check:') || !check) continue;
      const { jobId, stage, state, startedAt, partial, result, problem, subject } = check;
      told.push({
        at: Date.now() / 1000, page: subject.page, jobId, stage, state, started: startedAt / 1000,
        partial: partial !== null, timing_s: result?.timing_s ?? {}, label: result?.label, problem,
      });
    }
  });
}"""
TOLD = "(page) => told.filter((each) => each.page === page)"
DRAWN = """(root) => ({
  boxes: [...root.querySelectorAll('.box')]
    .some((box) => getComputedStyle(box).visibility === 'visible'),
  final: !!root.querySelector('.finding .p') && !root.querySelector('.tentative'),
})"""


class Failed(RuntimeError):
    """A check that was clicked for came to nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one click: when, the check's states as the worker got them, oldest first,
    and when the first box and the verdict were drawn."""

    clicked_at: float
    told: Sequence[dict[str, Any]]
    boxes_at: float
    verdict_at: float

    @property
    def job_id(self) -> str | None:
        """The service's; None where the check was made in the browser."""
        job_id: str | None = self.told[-1]["jobId"]
        return job_id


def clicked(extension: Extension, case: Case, way: str, address: str) -> Seen:
    """Open the page, click, and watch until the verdict is drawn. Raises Failed."""
    extension.set(way=way)
    page = extension.context.new_page()
    try:
        page.goto(address)
        page.wait_for_function(f"(s) => {MADE_READY}", arg="video, img")
        popup = extension.click(page)
        at = extension.clicked_at
        if case.captured and way == SERVICE:
            at = _sent(popup)
        elif case.scene is None:
            pressed(popup, "#check")
        return _watched(extension, page, at)
    finally:
        page.close()


def _sent(popup: Target) -> float:
    """Agree to sending what plays; when that was."""
    popup.wait("!!document.querySelector('[data-do=capture]')", LIMIT_S)
    pressed(popup, "[data-do=capture]")
    return pressed(popup, "[data-do=send]")


def pressed(popup: Target, selector: str) -> float:
    """Press a button of the popup with the mouse; when that was."""
    place = popup.evaluate(
        f"""(() => {{
          const button = document.querySelector({json.dumps(selector)});
          button.scrollIntoView({{ block: 'center' }});
          const {{ x, y, width, height }} = button.getBoundingClientRect();
          return {{ x: x + width / 2, y: y + height / 2 }};
        }})()"""
    )
    at = time.time()
    for kind in ("mousePressed", "mouseReleased"):
        popup.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
    return at


def _watched(extension: Extension, page: Page, at: float) -> Seen:
    overlay, boxes_at = extension.overlay(page), 0.0
    deadline = time.time() + LIMIT_S
    while time.time() < deadline:
        drawn = overlay.each(DRAWN)
        now = time.time()
        if not boxes_at and any(each["boxes"] for each in drawn):
            boxes_at = now
        if boxes_at and any(each["final"] for each in drawn):
            return Seen(at, _told(extension, page, at), boxes_at, now)
        page.wait_for_timeout(LOOK_MS)
    raise Failed(
        f"{page.url}: no verdict with boxes within {LIMIT_S:g} s, but {_last(extension, page)}"
    )


def _told(extension: Extension, page: Page, at: float) -> list[dict[str, Any]]:
    """Of the check that was clicked for at `at`, not of one before it on the page."""
    told = extension.worker.evaluate(TOLD, page.url)
    started = told[-1]["started"]
    return [each for each in told if each["started"] == started >= at - 1]


def _last(extension: Extension, page: Page) -> object:
    told = extension.worker.evaluate(TOLD, page.url)
    return told[-1] if told else "nothing was started"

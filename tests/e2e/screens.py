"""Screenshots in tests/artefacts/screens, to be looked at; axe-core looks at what is shot too.

docs/screenshot.png, which the README shows, is one of them, made smaller.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from tests import media
from tests.e2e.extension import ARTEFACTS
from tests.e2e.page import assert_rules

FOLDER = ARTEFACTS / "screens"
LOCALES = {"en": "en-US", "de": "de-DE", "ar": "ar-EG"}
WIDTHS = {"desktop": 1000, "phone": 360}
SCHEMES = ("light", "dark")
VIEWS = list(itertools.product(WIDTHS, SCHEMES))
FPS = 15


def close_up_film(folder: Path, astronaut: np.ndarray) -> Path:
    """A film of a face that fills most of the picture."""
    face = astronaut[62:222, 142:302].repeat(3, axis=0).repeat(3, axis=1)
    pictures = [face[n : n + 450, n : n + 450] for n in range(2 * FPS)]
    return media.clip(folder / "close-up.mp4", pictures, fps=FPS)


# The elements that reach past a window that can be scrolled sideways.
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? []
  : [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth)
    .map((one) => one.outerHTML.slice(0, 100))"""


def shoot(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep the picture; the page must fit its width and satisfy axe-core."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(FOLDER / f"{name}.png"), full_page=whole)
    wide = page.evaluate(TOO_WIDE)
    assert wide == [], f"{name} is wider than its window: {wide}"
    assert_rules(page, name)


def each_view(page: Page, name: str, *, whole: bool = True) -> None:
    for width, scheme in VIEWS:
        page.set_viewport_size({"width": WIDTHS[width], "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        shoot(page, f"{name}-{width}-{scheme}", whole=whole)

"""What keeps the browser from checking by itself: a sentence for each, and the other way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import Site
from tests.e2e.extension import Extension, installed

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

FEW_PAGES = 64  # of memory, 64 KiB each; the networks begin with more


def damaged(parts: Path) -> None:
    [path] = (parts / "networks").glob("mtcnn-onet*")
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def absent(parts: Path) -> None:
    for path in (parts / "litert").glob("*.wasm"):
        path.unlink()


def whole(_: Path) -> None:
    """Nothing is wrong with the package."""


CASES = {
    "damaged": (damaged, "", "do not compute what they should"),
    "absent": (absent, "", "A part of this extension is missing"),
    "no WebAssembly": (whole, "--jitless", "WebAssembly is switched off"),
    "no SIMD": (whole, "--no-enable-sse4-1", "too old for the networks"),
    "no memory": (whole, f"--wasm-max-mem-pages={FEW_PAGES}", "too little memory"),
}


def checked(extension: Extension, site: Site, portrait: np.ndarray, until: str) -> str:
    """The popup's text on a still picture, once there is what the selector `until` finds."""
    media.picture(site.folder / "portrait.png", portrait)
    (site.folder / "still.html").write_text(
        "<!doctype html><title>still</title><img src=portrait.png width=512 height=512>"
    )
    page = extension.context.new_page()
    page.goto(f"{site.url}/still.html")
    popup = extension.click(page)
    popup.click("#check")
    popup.wait(f"!!document.querySelector('{until}')", 90)
    return popup.text("#outcome")


@pytest.mark.parametrize("case", CASES)
def test_each_has_its_sentence(
    driver: playwright.Playwright,
    chromium: str,
    light_parts: Path,
    tmp_path: Path,
    site: Site,
    portrait: np.ndarray,
    case: str,
) -> None:
    change: Callable[[Path], None]
    change, flags, sentence = CASES[case]
    copy = Path(shutil.copytree(light_parts, tmp_path / "parts"))
    change(copy)
    with installed(
        driver, chromium, tmp_path, local=copy, flags=[f"--js-flags={flags}"] if flags else []
    ) as extension:
        told = checked(extension, site, portrait, ".problem [data-do=ask-service]")
    assert sentence in told
    assert "check with the service" in told


def test_a_faster_way_that_computes_something_else_is_left(
    driver: playwright.Playwright,
    chromium: str,
    light_parts: Path,
    tmp_path: Path,
    site: Site,
    portrait: np.ndarray,
) -> None:
    """As another processor would: the answers expected of the faster way are not those it gives."""
    copy = Path(shutil.copytree(light_parts, tmp_path / "parts"))
    lying = Path(shutil.copytree(copy / "networks", copy / "networks-relaxed-simd"))
    (copy / "networks").rename(copy / "networks-simd")
    manifest = json.loads((lying / "networks.json").read_text())
    manifest["detector"]["onet"]["answer"][0] += 1
    (lying / "networks.json").write_text(json.dumps(manifest))
    with installed(driver, chromium, tmp_path, local=copy) as extension:
        runtime = tmp_path / "extension" / "local" / "runtime.js"
        text = runtime.read_text()
        assert "read(`networks/${file}`)" in text
        runtime.write_text(text.replace("`networks/$", "`networks-${way}/$"))
        told = checked(extension, site, portrait, ".verdict .worth")
        [check] = extension.checks()
    assert "a slower way here" in told
    assert check["result"]["versions"]["webassembly"] == "simd"
    assert check["result"]["faces"][0]["p_fake"] is not None

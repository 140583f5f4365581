"""The networks in a real Chromium, in the extension's own worker: no service, and no request that
leaves the browser."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import browser
from models.preprocess import resize
from server.analysis import stability
from server.analysis.analyze import Analyzer
from server.analysis.records import AnalysisOptions, MediaFile
from server.analysis.verdict import to_json
from server.analysis.video import MediaReader
from tests import media
from tests.e2e.extension import Extension, installed, with_networks

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

SEE = """async ([pictures, about]) => {
  const { createHost } = await import('/local/host.js');
  const host = createHost();
  const started = performance.now();
  const ms = [];
  for (const { png, time_s } of pictures) {
    const bytes = Uint8Array.from(atob(png), (sign) => sign.charCodeAt(0));
    const picture = new Blob([bytes], { type: 'image/png' });
    const before = performance.now();
    const partial = await host.look('one', picture, time_s, about);
    if (!partial.media) throw new Error('no verdict so far');
    ms.push(Math.round(performance.now() - before));
  }
  const verdict = await host.finish('one', about);
  host.close();
  const gone = await host.finish('one', about).catch(({ code }) => code);
  return { verdict, gone, ms };
}"""
FAULT = """async () => {
  const { createHost } = await import('/local/host.js');
  const host = createHost();
  const about = { kind: 'image', duration_s: 0 };
  const code = await host.finish('one', about).catch((fault) => fault.code);
  host.close();
  return code;
}"""
ENCODED = """async ([side, pixels]) => {
  const { encodedAgain } = await import('/local/bitmaps.js');
  const data = Uint8ClampedArray.from(atob(pixels), (sign) => sign.charCodeAt(0));
  return Array.from((await encodedAgain({ width: side, height: side, channels: 3, data })).data);
}"""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    browser.write(folder)
    return folder


@pytest.fixture
def local(chromium: str, networks: Path, tmp_path: Path) -> Iterator[Extension]:
    """A Chromium with the extension and its networks; there is no service."""
    with (
        playwright.sync_playwright() as driver,
        installed(driver, chromium, tmp_path, change=with_networks(networks)) as extension,
    ):
        yield extension


def own_page(extension: Extension) -> playwright.Page:
    page = extension.context.new_page()
    page.goto(extension.address("options/options.html"))
    return page


def seen(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The pictures that the service looks at, and its verdict on them."""
    options = AnalysisOptions(explain=False)
    with MediaReader(path) as reader:
        frames = [*reader.frames(options.samples_per_s, options.max_samples, 0.0, None)]
    pictures = []
    for frame in frames:
        png = media.picture(path.with_suffix(f".{frame.index}.png"), frame.rgb).read_bytes()
        pictures.append({"png": base64.b64encode(png).decode(), "time_s": frame.time_s})
    return pictures, to_json(Analyzer(options).analyze(MediaFile(path)))


def test_the_same_verdict_without_a_service(
    local: Extension, portrait: np.ndarray, tmp_path: Path
) -> None:
    pictures, expected = seen(
        media.clip(tmp_path / "a.mp4", media.moving(portrait, 60, (640, 480)))
    )
    asked: list[str] = []
    local.context.on("request", lambda request: asked.append(request.url))
    about = {"kind": "video", "duration_s": expected["media"]["duration_s"]}
    found = own_page(local).evaluate(SEE, [pictures, about])
    verdict = found["verdict"]
    for key in ("schema", "label", "reasons"):
        assert verdict[key] == expected[key], key
    assert verdict["p_fake"] == pytest.approx(expected["p_fake"], abs=0.02)
    assert verdict["model"]["sha256"] == expected["model"]["sha256"]
    assert verdict["detector"] == expected["detector"]
    assert found["gone"] == "worker-gone"
    outside = [url for url in asked if not url.startswith(("chrome-extension:", "data:", "blob:"))]
    assert outside == []
    print("ms a picture:", found["ms"])


def test_a_damaged_network_is_named(chromium: str, networks: Path, tmp_path: Path) -> None:
    name = json.loads((networks / browser.MANIFEST).read_text())["detector"]["onet"]["file"]

    def damaged(source: Path) -> None:
        with_networks(networks)(source)
        path = source / "local" / "networks" / name
        path.write_bytes(path.read_bytes()[:-1] + b"?")

    with (
        playwright.sync_playwright() as driver,
        installed(driver, chromium, tmp_path, change=damaged) as extension,
    ):
        assert own_page(extension).evaluate(FAULT) == "network-changed"


def test_one_more_jpeg_looks_as_the_services(local: Extension, portrait: np.ndarray) -> None:
    crop = resize(portrait, 144)
    pixels = base64.b64encode(crop.tobytes()).decode()
    found = np.array(own_page(local).evaluate(ENCODED, [144, pixels]), np.int16)
    expected = stability.encoded_again(crop).astype(np.int16).ravel()
    assert np.abs(found - expected).mean() < 1.5
    assert np.abs(expected - crop.ravel()).mean() > 1.5, "a JPEG changes something"

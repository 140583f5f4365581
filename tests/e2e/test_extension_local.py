"""The networks in a real Chromium, in the extension's own worker: no service, and no request that
leaves the browser."""

from __future__ import annotations

import base64
import re
import time
import urllib.parse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.preprocess import resize
from server.analysis import stability
from server.analysis.analyze import Analyzer
from server.analysis.answer import to_json
from server.analysis.records import MediaFile
from server.analysis.video import MediaReader
from server.terms import AnalysisOptions
from tests import media
from tests.e2e.conftest import Site, served
from tests.e2e.extension import Extension, drawn, finish, loaded, wait_for
from tests.e2e.test_extension_capture import STREAM
from tests.server.test_main import run

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

SEE = """async ([pictures, about]) => {
  const { createHost } = await import('/local/host.js');
  const host = createHost();
  const started = performance.now();
  const ms = [];
  await host.begin('one', about);
  for (const { png, time_s } of pictures) {
    const bytes = Uint8Array.from(atob(png), (sign) => sign.charCodeAt(0));
    const picture = new Blob([bytes], { type: 'image/png' });
    const before = performance.now();
    const partial = await host.look('one', picture, time_s);
    if (!partial.media) throw new Error('no verdict so far');
    ms.push(Math.round(performance.now() - before));
  }
  const verdict = await host.finish('one');
  const finished = await host.finish('one').catch(({ code }) => code);
  host.close();
  const gone = await host.finish('one').catch(({ code }) => code);
  const hasty = createHost({ patience_ms: 1 });
  const late = await hasty.prepare().catch(({ code }) => code);
  return { verdict, finished, gone, late, ms };
}"""
SAVED = """(() => {
  const { createObjectURL } = URL;
  URL.createObjectURL = (file) => {
    if (file.type === 'text/html') file.text().then((text) => { globalThis.saved = text; });
    return createObjectURL(file);
  };
})()"""
LIVE = """<video muted autoplay width="640" height="480"></video><script>
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [640, 480];
  const face = new Image();
  face.src = "kept.png";
  let n = 0;
  setInterval(() => {
    n += 1;
    sheet.getContext("2d").drawImage(face, 60 + n % 90, 20, 440, 440);
  }, 66);
  document.querySelector("video").srcObject = sheet.captureStream(15);
</script>"""
HELD = "() => chrome.offscreen.hasDocument()"
ENCODED = """async ([side, pixels]) => {
  const { encodedAgain } = await import('/local/bitmaps.js');
  const data = Uint8ClampedArray.from(atob(pixels), (sign) => sign.charCodeAt(0));
  return Array.from((await encodedAgain({ width: side, height: side, channels: 3, data })).data);
}"""


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
    shipped: Extension, portrait: np.ndarray, tmp_path: Path
) -> None:
    pictures, expected = seen(
        media.clip(tmp_path / "a.mp4", media.moving(portrait, 60, (640, 480)))
    )
    asked: list[str] = []
    shipped.context.on("request", lambda request: asked.append(request.url))
    about = {"kind": "video", "duration_s": expected["media"]["duration_s"]}
    found = own_page(shipped).evaluate(SEE, [pictures, about])
    verdict = found["verdict"]
    for key in ("schema", "label", "reasons"):
        assert verdict[key] == expected[key], key
    assert verdict["p_fake"] == pytest.approx(expected["p_fake"], abs=0.02)
    assert verdict["model"]["sha256"] == expected["model"]["sha256"]
    assert verdict["detector"] == expected["detector"]
    assert (found["finished"], found["gone"], found["late"]) == (
        "check-gone",
        "worker-gone",
        "worker-gone",
    )
    assert verdict["versions"]["webassembly"] == "relaxed-simd"
    outside = [url for url in asked if not url.startswith(("chrome-extension:", "data:", "blob:"))]
    assert outside == []
    print("ms a picture:", found["ms"])


def test_a_click_on_what_plays(local: Extension, site: Site, portrait: np.ndarray) -> None:
    """Boxes while it plays, the verdict, and nothing asked of anybody but the page's own site."""
    media.clip(site.folder / "here.webm", media.moving(portrait, 180, (640, 480)))
    body = '<video src="here.webm" muted loop autoplay width="640" height="480"></video>'
    (site.folder / "here.html").write_text(f"<!doctype html><title>here</title>{body}")
    page = local.context.new_page()
    page.goto(f"{site.url}/here.html")
    loaded(page)
    asked: list[str] = []
    local.context.on("request", lambda request: asked.append(request.url))
    started = time.monotonic()
    popup = local.click(page)
    overlay = local.overlay(page)
    wait_for(page, lambda: overlay.count() == 1 and overlay.boxes(), 30, "a box while it plays")
    print(f"click to the first box: {time.monotonic() - started:.1f} s")
    told = finish(local, popup, page)
    print(f"to the verdict: {time.monotonic() - started:.1f} s")
    assert "nothing was sent" in told
    assert popup.evaluate("!!document.querySelector('[data-do=ask-service]')")
    [check] = local.checks()
    assert (check["way"], check["jobId"], check["state"]) == ("browser", None, "done")
    [face] = check["result"]["faces"]
    assert len(face["samples"]) >= 3
    assert check["result"]["media"]["analyzed_s"][0] < check["result"]["media"]["analyzed_s"][1]
    popup.shoot("local-verdict")
    own = ("chrome-extension:", "data:", "blob:", f"{site.url}/here.")
    assert [url for url in asked if not url.startswith(own)] == []
    popup.close()
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["video", "image", "stream", "live"])
def test_a_report_that_the_service_confirms(
    local: Extension, site: Site, portrait: np.ndarray, tmp_path: Path, kind: str
) -> None:
    """Saved from the popup: one page, with the verdict and the file to make it again inside. A
    stream that a script puts together and a live one have no file but that."""
    media.picture(site.folder / "kept.png", portrait)
    pictures = media.moving(portrait, 75, (512, 512))
    media.clip(site.folder / "here.webm", pictures, fps=15, options={"g": "30"})
    body = {"video": "<video src=here.webm muted loop autoplay width=512 height=512></video>"}
    body["image"] = "<img src=kept.png width=512 height=512>"
    body["stream"] = STREAM.replace("'hidden'", "'here'")
    body["live"] = LIVE
    (site.folder / "kept.html").write_text(f"<!doctype html><title>kept</title>{body[kind]}")
    page = local.context.new_page()
    page.goto(f"{site.url}/kept.html")
    popup = local.click(page)
    if kind == "image":
        popup.click("#check")
    finish(local, popup, page)
    popup.evaluate(SAVED)
    popup.click("[data-do=report]")
    html = popup.wait("globalThis.saved", 30)
    popup.close()
    page.close()
    links = dict(
        reversed(link) for link in re.findall(r'href="(data:[^"]+)" download="([^"]+)"', html)
    )
    [name] = set(links) - {"mesoscope-verdict.json"}
    assert f"verify mesoscope-verdict.json {name}" in html
    if kind in ("stream", "live"):
        assert f"{site.url}/kept.html" in html, "its page stands for the address that it has not"
        assert "blob:" not in html
    verdict = urllib.parse.unquote(links["mesoscope-verdict.json"].partition(",")[2])
    (tmp_path / "verdict.json").write_text(verdict)
    (tmp_path / name).write_bytes(base64.b64decode(links[name].partition(",")[2]))
    done = run("verify", str(tmp_path / "verdict.json"), str(tmp_path / name))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "The report holds" in done.stdout


def test_a_second_click_finds_the_networks_there(local: Extension, site: Site) -> None:
    """It plays the clip of the test before; cancelled, and idle for a while, it gives all back."""
    page = local.context.new_page()
    page.goto(f"{site.url}/here.html")
    loaded(page)
    popup = local.click(page)
    wait_for(page, lambda: local.worker.evaluate(HELD), 30, "the document of the worker")
    popup.click("[data-do=cancel]")
    drawn(local, page, 0)
    assert {check["state"] for check in local.checks()} <= {"done", "cancelled"}
    popup.close()
    wait_for(page, lambda: not local.worker.evaluate(HELD), 60, "an end of it")
    page.close()


def test_a_video_that_the_page_may_not_read(
    local: Extension, site: Site, portrait: np.ndarray, tmp_path: Path
) -> None:
    """It is another origin's: the screen is looked at, and drawn on when that is over."""
    with served(tmp_path) as elsewhere:
        media.clip(tmp_path / "theirs.webm", media.moving(portrait, 180, (640, 480)))
        source = f"{elsewhere.url}/theirs.webm"
        (site.folder / "foreign.html").write_text(
            f'<!doctype html><title>foreign</title><video src="{source}" muted loop autoplay '
            'width="640" height="480"></video>'
        )
        page = local.context.new_page()
        page.goto(f"{site.url}/foreign.html")
        loaded(page)
        popup = local.click(page)
        told = finish(local, popup, page)
        assert "nothing was sent" in told
        offered = "document.querySelector('[data-do=whole]:not([hidden])')"
        assert popup.evaluate(f"!{offered}"), "nor copied"
        assert popup.evaluate("!!document.querySelector('[data-do=ask-service]')")
        [check] = [check for check in local.checks() if "foreign" in check["subject"]["page"]]
        [face] = check["result"]["faces"]
        assert len(face["samples"]) >= 3
        assert check["result"]["media"]["width_px"] == pytest.approx(640, abs=2)
        popup.close()
        page.close()


def test_one_more_jpeg_looks_as_the_services(local: Extension, portrait: np.ndarray) -> None:
    crop = resize(portrait, 144)
    pixels = base64.b64encode(crop.tobytes()).decode()
    found = np.array(own_page(local).evaluate(ENCODED, [144, pixels]), np.int16)
    expected = stability.encoded_again(crop).astype(np.int16).ravel()
    assert np.abs(found - expected).mean() < 1.5
    assert np.abs(expected - crop.ravel()).mean() > 1.5, "a JPEG changes something"

"""Firefox: the store's package is installed, clicked, and draws its verdict on the page."""

from __future__ import annotations

import base64
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import media
from tests.e2e.conftest import ROOT, Site
from tests.e2e.marionette import Firefox, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UUID = "11111111-2222-4333-8444-555555555555"
CLICK = """
  const {ExtensionParent} =
    ChromeUtils.importESModule('resource://gre/modules/ExtensionParent.sys.mjs');
  const {extension} = WebExtensionPolicy.getByID(values[0]);
  const window = Services.wm.getMostRecentWindow('navigator:browser');
  await ExtensionParent.apiManager.global.browserActionFor(extension).triggerAction(window);
"""
SET_SERVER = """
  const page = window.wrappedJSObject;
  if (!page.chrome?.storage) return false;
  const changes = new page.Object();
  changes.server = values[0];
  changes.way = 'service';
  page.chrome.storage.local.set(changes);
  return true;
"""
DONE = """
  const page = window.wrappedJSObject;
  if (!page.chrome?.storage) return null;
  const kept = await page.chrome.storage.session.get(null);
  const [check] = Object.entries(kept).filter(([key]) => key.startsWith('check:'))
    .map(([, check]) => check);
  return check?.whole === values[0] && check.state !== 'sending' ? JSON.stringify(check) : null;
"""
WHOLE = """
  const page = window.wrappedJSObject;
  const {tabId, subject} = JSON.parse(values[0]);
  const message = page.JSON.parse(JSON.stringify({type: 'whole', tabId, subject}));
  return page.chrome.runtime.sendMessage(message).then(() => true);
"""
QUESTION = "return document.getElementById('question')?.textContent ?? ''"
PLAYABLE = "return document.querySelector('video')?.readyState >= 2"
BOXES = """
  const host = document.querySelector('mesoscope-overlay');
  const root = host?.openOrClosedShadowRoot;
  return [...(root?.querySelectorAll('.box') ?? [])]
    .filter((box) => getComputedStyle(box).visibility === 'visible' && box.offsetWidth > 0)
    .map((box) => { const {x, y, width, height} = box.getBoundingClientRect();
                    return [x, y, width, height]; });
"""


def until(what: Callable[[], Any], seconds: float, name: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {name}"
        time.sleep(0.3)
    return value


def unpacked(folder: Path, local: Path, agreed: bool = False) -> tuple[Path, str]:
    """The package for Firefox, allowed to reach the service as if a person had said so; its id.

    agreed: also to send it what Firefox asks about.
    """
    sys.path.insert(0, str(ROOT / "extension"))
    try:
        import pack
    finally:
        sys.path.pop(0)
    source = pack.lay_out("firefox", folder, local)
    manifest = json.loads((source / "manifest.json").read_text())
    manifest["host_permissions"] = ["http://127.0.0.1/*"]
    gecko = manifest["browser_specific_settings"]["gecko"]
    if agreed:
        optional = gecko["data_collection_permissions"]["optional"]
        gecko["data_collection_permissions"] = {"required": optional, "optional": optional}
    (source / "manifest.json").write_text(json.dumps(manifest))
    return source, pack.FIREFOX_ID


def firefox() -> str:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("Firefox is not installed: apt-get install firefox-esr")
    return program


def test_it_installs_checks_and_draws(
    service: str, parts: Path, site: Site, portrait: np.ndarray, tmp_path: Path
) -> None:
    """With the service, as the person chose."""
    program = firefox()
    pictures = media.moving(portrait, count=90, size=(640, 480))
    clip = media.clip(site.folder / "fox.webm", pictures, fps=15)
    (site.folder / "fox.html").write_text(
        f'<!doctype html><title>Fox</title><body style="margin: 0">'
        f'<video src="{clip.name}" muted controls width="640" height="480"></video>'
    )
    source, name = unpacked(tmp_path / "extension", parts, agreed=True)
    uuids = json.dumps({name: UUID})
    with running(program, tmp_path / "profile", **{"extensions.webextensions.uuids": uuids}) as fox:
        fox.send("Addon:Install", path=str(source), temporary=True)
        fox.open(f"moz-extension://{UUID}/options/options.html")
        until(lambda: fox.run(SET_SERVER, service), 60, "the setting")
        fox.open(f"moz-extension://{UUID}/welcome/welcome.html")
        asked = "“Access your data for 127.0.0.1”"  # webext-perms-host-description-one-site
        until(lambda: asked in fox.run(QUESTION), 60, "the question as Firefox words it")
        fox.open(f"{site.url}/fox.html")
        until(lambda: fox.run(PLAYABLE), 60, "the video")
        fox.run(CLICK, name, chrome=True)
        [box] = until(lambda: fox.run(BOXES, privileged=True), 90, "a box on the face")
        shoot(fox)
    x, y, width, height = box
    assert 0 <= x < x + width <= 640
    assert 0 <= y < y + height <= 480
    assert width > 60


def test_it_checks_what_plays_by_itself(
    parts: Path, site: Site, portrait: np.ndarray, tmp_path: Path
) -> None:
    """In a worker of its background page, what plays and then the whole; there is no service."""
    pictures = media.moving(portrait, count=225, size=(640, 480))
    clip = media.clip(site.folder / "alone.webm", pictures, fps=15)
    (site.folder / "alone.html").write_text(
        f'<!doctype html><title>Alone</title><body style="margin: 0">'
        f'<video src="{clip.name}" muted loop width="640" height="480"></video>'
    )
    source, name = unpacked(tmp_path / "extension", parts)
    uuids = json.dumps({name: UUID})
    with running(
        firefox(), tmp_path / "profile", **{"extensions.webextensions.uuids": uuids}
    ) as fox:
        fox.send("Addon:Install", path=str(source), temporary=True)
        fox.open(f"{site.url}/alone.html")
        until(lambda: fox.run(PLAYABLE), 60, "the video")
        fox.run(CLICK, name, chrome=True)
        [box] = until(lambda: fox.run(BOXES, privileged=True), 90, "a box on the face")
        fox.open(f"moz-extension://{UUID}/options/options.html")
        check = until(lambda: fox.run(DONE, False), 90, "the verdict")
        fox.run(WHOLE, check)
        whole = json.loads(until(lambda: fox.run(DONE, True), 240, "the verdict on the whole"))
    assert box[2] > 60
    check = json.loads(check)
    for each in (check, whole):
        assert (each["way"], each["state"], each["jobId"]) == ("browser", "done", None), each
        assert len(each["result"]["faces"]) == 1
    assert check["result"]["provenance"] == {"state": "read", "declarations": []}
    times_s = whole["result"]["media"]["sampled_s"]
    assert times_s[0] < 0.1
    assert times_s[-1] > 13
    assert len(times_s) > 20


def shoot(fox: Firefox) -> None:
    folder = ROOT / "tests" / "artefacts"
    folder.mkdir(exist_ok=True)
    picture = fox.send("WebDriver:TakeScreenshot", full=False)["value"]
    (folder / "extension-firefox.png").write_bytes(base64.b64decode(picture))

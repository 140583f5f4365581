"""The extension's source keeps its promises: least privilege, no markup, every word translated."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from server.terms import NEXT_OF_REASON, Label, MediaLabel, NextStep, Reason, Stage
from server.web import EXTENSION
from tests.conftest import ROOT
from tests.extension.tools import node

FOLDER = ROOT / "extension"
SOURCE = FOLDER / "src"
SCRIPTS = sorted(SOURCE.rglob("*.js"))
LANGUAGES = sorted(path.name for path in (SOURCE / "_locales").iterdir())
TOOLS = FOLDER / "node_modules" / ".bin"


def messages(language: str) -> dict[str, Any]:
    text = (SOURCE / "_locales" / language / "messages.json").read_text()
    return {key: entry["message"] for key, entry in json.loads(text).items()}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return json.loads((SOURCE / "manifest.json").read_text())


def test_it_asks_for_no_more_than_it_needs(manifest: dict[str, Any]) -> None:
    needed = {"activeTab", "alarms", "contextMenus", "scripting", "storage"}
    assert set(manifest["permissions"]) == needed
    assert "host_permissions" not in manifest
    assert "content_scripts" not in manifest
    assert "externally_connectable" not in manifest
    policy = manifest["content_security_policy"]["extension_pages"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy


def test_what_the_manifest_names_is_there(manifest: dict[str, Any]) -> None:
    pages = [manifest["action"]["default_popup"], manifest["options_ui"]["page"]]
    for name in [*manifest["icons"].values(), *pages, manifest["background"]["service_worker"]]:
        assert (SOURCE / name).is_file(), name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_a_script(path: Path) -> None:
    text = path.read_text()
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(forbidden, text), "text only arrives as textContent"
    name = path.relative_to(SOURCE).as_posix()
    if name not in {"local/host.js", "local/serve.js", "local/worker.js"}:  # to our own worker
        assert "postMessage" not in text, "no word of a page is trusted"
    assert not re.search(r"^(let|var) ", text, re.M), "no mutable state in a module"
    assert len(text.splitlines()) < 220
    if name.startswith("background/") or name in {"words.js", "local/runtime.js"}:
        return
    if name == "content/original.js":
        assert text.count("fetch(") == 1
        assert "await fetch(element.currentSrc, " in text, "what the page itself shows"
        assert 'cache: "only-if-cached", mode: "same-origin"' in text, "a picture is there"
        return
    assert not re.search(r"\bfetch\(", text), "only the service worker speaks to the service"


def test_listeners_on_pages_end() -> None:
    """Each in a content script takes an AbortSignal, or runs once."""
    for path in (SOURCE / "content").glob("*.js"):
        text = path.read_text()
        for call in re.finditer(r"addEventListener\(", text):
            depth, end = 1, call.end()
            while depth:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            assert re.search(r"\bsignal\b|once: true", text[call.start() : end]), (path, call)


@pytest.mark.attack
def test_the_token_is_out_of_reach_of_pages() -> None:
    """Chrome opens storage.local to content scripts unless it is told not to."""
    worker = (SOURCE / "background" / "main.js").read_text()
    assert 'storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" })' in worker
    for path in (SOURCE / "content").glob("*.js"):
        assert "chrome.storage" not in path.read_text(), path


def test_files_are_small() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in SCRIPTS) < 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue(language: str) -> None:
    ours, english = messages(language), messages("en")
    assert list(ours) == list(english)
    for key, text in ours.items():
        assert text.strip(), key
        assert set(re.findall(r"\$\d", text)) <= set(re.findall(r"\$\d", english[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_share_is_written_as_the_language_has_it(language: str) -> None:
    """Its sign would go astray in a line from right to left, and break away from its number."""
    percent = messages(language)["percent"].replace("$1", "")
    for key, text in messages(language).items():
        left = re.sub(rf"\d{re.escape(percent)}", "", text) if key != "percent" else ""
        assert "%" not in left, (key, text)


def speakers() -> Iterator[str]:
    """The texts of all users of the catalogue: extension, page, report and command line."""
    for folder in (SOURCE, ROOT / "server"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".js", ".html", ".json", ".py"} and "_locales" not in path.parts:
                yield path.read_text()


def test_every_word_that_is_said_is_known() -> None:
    known, said = set(messages("en")), set[str]()
    for text in speakers():
        said |= set(re.findall(r"\bsay\(\s*[\"'](\w+)[\"']", text))
        said |= set(re.findall(r"data-say=\"(\w+)\"", text))
        said |= set(re.findall(r"__MSG_(\w+)__", text))
    assert len(said) > 150
    assert said <= known, said - known


def test_every_word_of_the_catalogue_is_said() -> None:
    """By its whole key, or by a beginning that code completes, such as `label_${label}`."""
    named, beginnings = set[str](), set[str]()
    for text in speakers():
        named |= set(re.findall(r"[\"'](\w+)[\"']", text))
        named |= set(re.findall(r"__MSG_(\w+)__", text))
        beginnings |= set(re.findall(r"[`\"'](\w+_)\$?\{", text))
    unsaid = [
        key for key in messages("en") if key not in named and not key.startswith(tuple(beginnings))
    ]
    assert unsaid == []


def test_every_answer_of_the_service_has_its_words() -> None:
    known = set(messages("en"))
    said = (("label", Label), ("label", MediaLabel), ("reason", Reason), ("next", NextStep))
    for prefix, kind in said:
        for value in get_args(kind):
            assert f"{prefix}_{value.replace('-', '_')}" in known, value
    assert set(NEXT_OF_REASON) == set(get_args(Reason)), "each reason leads on"
    assert {f"stage_{stage}" for stage in get_args(Stage)} <= known
    assert {f"meaning_{label.replace('-', '_')}" for label in get_args(MediaLabel)} <= known


def test_no_address_of_a_registry_is_locked() -> None:
    lock = (FOLDER / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert json.loads(lock)["packages"][""]["devDependencies"]


def test_units() -> None:
    line = [node(), "--test", "test/"]
    run = subprocess.run(line, cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout[-3000:]
    assert re.search(r"# pass \d{2}", run.stdout)


@pytest.mark.attack
@pytest.mark.parametrize("name", ["settings", "capture"])
def test_what_is_ours_stays_with_us(name: str) -> None:
    """The token with its service; of a tab nothing but what was agreed to."""
    line = [node(), "--test", f"test/{name}.test.js"]
    run = subprocess.run(line, cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout[-3000:]


def test_types() -> None:
    if not (TOOLS / "tsc").exists():
        pytest.skip("the type checker is not installed: npm ci --prefix extension")
    node()
    line = [TOOLS / "tsc", "--project", "."]
    run = subprocess.run(line, cwd=FOLDER, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout[-3000:]


def test_the_services_page_shares_the_modules() -> None:
    """One copy: what draws a box there draws it here (tests/server/test_web.py fetches them)."""
    assert not (ROOT / "server" / "web" / "static" / "extension").exists()
    assert EXTENSION == SOURCE

"""Packages for the stores: the same bytes from the same tree, and nothing a store would refuse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT
from tests.extension.tools import node, tool

FOLDER = ROOT / "extension"
WEB_EXT = FOLDER / "node_modules" / ".bin" / "web-ext"


@pytest.fixture(scope="module")
def pack() -> ModuleType:
    return tool("pack")


@pytest.mark.parametrize("store", ["chrome", "firefox"])
def test_the_same_bytes(
    pack: ModuleType, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever and from wherever it is packed."""
    copy = Path(shutil.copytree(FOLDER / "src", tmp_path / "elsewhere"))
    for path in copy.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1e9, 1e9))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = pack.pack(store, tmp_path / "one").read_bytes()
    monkeypatch.setattr(pack, "SOURCE", copy)
    assert pack.pack(store, tmp_path / "two").read_bytes() == one


def test_what_is_loaded_is_what_is_shipped(pack: ModuleType, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack.pack("chrome", tmp_path)) as archive:
        assert archive.testzip() is None
        packed = {name: archive.read(name) for name in archive.namelist()}
    source = FOLDER / "src"
    files = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()}
    assert set(packed) == files
    for name in files - {"manifest.json"}:
        assert packed[name] == (source / name).read_bytes(), name
    assert json.loads(packed["manifest.json"]) == json.loads((source / "manifest.json").read_text())


def test_firefox_is_told_what_it_needs(pack: ModuleType) -> None:
    manifest = json.loads(pack.files_for("firefox")["manifest.json"])
    assert manifest["background"]["scripts"] == ["background/main.js"]
    assert "@" in manifest["browser_specific_settings"]["gecko"]["id"]
    assert "minimum_chrome_version" not in manifest


@pytest.mark.parametrize("store", ["chrome", "firefox"])
def test_webassembly_is_permitted_only_with_networks(
    pack: ModuleType, store: str, tmp_path: Path
) -> None:
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "one.tflite").write_bytes(b"weights")
    (tmp_path / ".ready").touch()
    plain, files = pack.files_for(store), pack.files_for(store, tmp_path)
    assert set(files) - set(plain) == {"local/networks/one.tflite"}
    assert list(files) == sorted(files)
    before, after = (json.loads(found["manifest.json"]) for found in (plain, files))
    allowed = {"chrome": {"offscreen"}, "firefox": set()}
    assert set(after["permissions"]) - set(before["permissions"]) == allowed[store]
    policy = after["content_security_policy"]["extension_pages"]
    assert (
        policy.replace(" 'wasm-unsafe-eval'", "")
        == before["content_security_policy"]["extension_pages"]
    )
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy


@pytest.mark.slow
@pytest.mark.parametrize("networks", [False, True])
def test_lint(
    pack: ModuleType, tmp_path: Path, request: pytest.FixtureRequest, networks: bool
) -> None:
    if not WEB_EXT.exists():
        pytest.skip("web-ext is not installed: npm ci --prefix extension")
    node()
    local = request.getfixturevalue("parts") if networks else None
    source = pack.lay_out("firefox", tmp_path, local)
    line = [WEB_EXT, "lint", "--source-dir", source, "--no-config-discovery", "--output", "json"]
    run = subprocess.run(line, capture_output=True, text=True, timeout=150)
    found = json.loads(run.stdout)
    assert [*found["errors"], *found["warnings"], *found["notices"]] == []

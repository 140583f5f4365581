"""The benchmark of the browser runs each network in both places."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import browser, light
from benchmarks.options import Missing


@pytest.mark.slow
@pytest.mark.browser
def test_each_network_in_both_places(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("playwright.sync_api")
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    monkeypatch.setattr(light, "FACES", ())  # tests/e2e/test_extension_local_light.py has them
    options = browser.Options(1, 1, tmp_path / "browser.csv", parts=parts, made_in=tmp_path)
    browser.main(options)
    text = (tmp_path / "browser.csv").read_text()
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert [row["name"] for row in rows] == [name for name, _ in browser.stages(parts / "networks")]
    assert all(float(row["ours"]) > 0 and float(row["theirs"]) > 0 for row in rows)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    options = browser.Options(1, 1, tmp_path / "browser.csv", None, tmp_path)
    with pytest.raises(Missing, match="chromium"):
        browser.main(options)
    with pytest.raises(Missing, match=r"build/local/\.ready"):
        browser.main(replace(options, chromium="chromium"))

"""The benchmark beside an earlier commit, in short: each stage has a time on both sides."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import before
from benchmarks.options import Missing


@pytest.mark.slow
def test_beside_a_commit(tmp_path: Path) -> None:
    results = tmp_path / "before.csv"
    options = before.Options("HEAD", 1, 1.0, results=results, warm_s=0)
    try:
        before.main(options)
    except Missing as missing:
        pytest.skip(str(missing))
    with results.open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert rows.keys() == before.WANTED.keys()
    assert all(float(row["ours"]) > 0 < float(row["theirs"]) for row in rows.values())


def test_a_commit_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="no commit nosuch"):
        before._unpacked("nosuch", tmp_path / "earlier")

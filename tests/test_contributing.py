"""What the guides name is there, and the counts of CONTRIBUTING are those of its own table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS
from tests.conftest import ROOT

LANGUAGES = len(list((ROOT / "extension" / "src" / "_locales").iterdir()))
NAMED = re.compile(r"`([\w./-]+(?:\.\w+|/))`")
TABLE = re.compile(r"^\| (an? [^|]+) \| (\d) \| (.+) \|$", re.MULTILINE)
ROWS = TABLE.findall((ROOT / "CONTRIBUTING.md").read_text())


def named(text: str) -> list[str]:
    """Files and folders by their path; LANGUAGE and NAME stand for any."""
    return [name for name in NAMED.findall(text) if "/" in name]


def there(name: str, folder: Path = ROOT) -> bool:
    pattern = re.sub("LANGUAGE|NAME", "*", name.rstrip("/"))
    return any(folder.glob(pattern))


def test_what_the_table_names_is_there() -> None:
    assert len(ROWS) == 9
    missing = [name for *_, where in ROWS for name in named(where) if not there(name)]
    assert missing == []


@pytest.mark.parametrize("row", ["an option of a check", "a reason", "a colour", "a language"])
def test_a_count_is_that_of_the_files_named(row: str) -> None:
    """Shown by commits that added an example of each and took it out again."""
    [(count, where)] = [(int(count), where) for what, count, where in ROWS if what == row]
    files = named(where.split("For checks in the browser")[0])
    many = LANGUAGES if row != "a language" else 1
    assert count == sum(many if "LANGUAGE" in name else 1 for name in files)


def test_the_readme_of_the_benchmarks_names_only_what_is_there() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text()
    files = [name for name in NAMED.findall(text) if not name.startswith(("../", "build/", "var/"))]
    folder, results = ROOT / "benchmarks", ROOT / "benchmarks" / "results"
    assert files
    missing = [name for name in files if not there(name, folder) and not there(name, results)]
    assert missing == []


def test_the_readme_of_the_benchmarks_names_every_command() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text()
    assert set(re.findall(r"python -m benchmarks (\w+)", text)) == set(COMMANDS)

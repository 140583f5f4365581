"""What the guides name is there, and the counts of CONTRIBUTING are those of its own table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS
from tests.conftest import ROOT

LANGUAGES = len(list((ROOT / "extension" / "src" / "_locales").iterdir()))
NAMED = re.compile(r"`([\w./-]+(?:\.\w+|/))`(\*?)")
TABLE = re.compile(r"^\| (an? [^|]+) \| (\d)(?: \+ (\d)\*)? \| (.+) \|$", re.MULTILINE)
ROWS = TABLE.findall((ROOT / "CONTRIBUTING.md").read_text())


def named(text: str, written: tuple[str, ...] = ("", "*")) -> list[str]:
    """Files and folders by their path, `*` after those that a command writes; LANGUAGE and NAME
    stand for any."""
    return [name for name, mark in NAMED.findall(text) if "/" in name and mark in written]


def there(name: str, folder: Path = ROOT) -> bool:
    pattern = re.sub("LANGUAGE|NAME", "*", name.rstrip("/"))
    return any(folder.glob(pattern))


def test_what_the_table_names_is_there() -> None:
    assert len(ROWS) == 9
    missing = [name for *_, where in ROWS for name in named(where) if not there(name)]
    assert missing == []


@pytest.mark.parametrize(
    ("row", "by_hand", "written", "where"), ROWS, ids=[row for row, *_ in ROWS]
)
def test_a_count_is_that_of_the_files_named(
    row: str, by_hand: str, written: str, where: str
) -> None:
    """Of four rows shown by commits that added an example of each and took it out again."""
    where = where.split("For checks in the browser")[0]
    many = LANGUAGES if row != "a language" else 1
    for count, mark in ((by_hand, ""), (written or "0", "*")):
        files = named(where, (mark,))
        assert int(count) == sum(many if "LANGUAGE" in name else 1 for name in files), files


def test_a_language_is_named_by_its_catalogue_alone() -> None:
    """Whatever else knows a language by name is written from the catalogues that are there."""
    named_in = {
        path.relative_to(ROOT).as_posix()
        for folder in ("server", "extension/src", "convert")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".js", ".json", ".html", ".css"}
        and "_locales" not in path.parts
        and re.search(r"""["'=](ar|de|es|fr)["']""", path.read_text())
    }
    assert named_in == {"extension/src/view/languages.js"}


def test_the_readme_of_the_benchmarks_names_only_what_is_there() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text()
    files = [
        name for name, _ in NAMED.findall(text) if not name.startswith(("../", "build/", "var/"))
    ]
    folder, results = ROOT / "benchmarks", ROOT / "benchmarks" / "results"
    assert files
    missing = [name for name in files if not there(name, folder) and not there(name, results)]
    assert missing == []


def test_the_readme_of_the_benchmarks_names_every_command() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text()
    assert set(re.findall(r"python -m benchmarks (\w+)", text)) == set(COMMANDS)

"""README and docs name what is there: files, plots, links, commands, and numbers as measured."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import registry
from server import __main__ as command_line
from server.config import Settings
from server.words import words
from tests.conftest import ROOT

README = ROOT / "README.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/cards/*.md"),
     ROOT / "benchmarks" / "README.md"]
)  # fmt: skip
MOST_LINES = 120
# What lies at such a path is made by a command, or by the reader.
MADE = (
    "build/",
    "crops/",
    "data/",
    "dist/",
    "var/",
    "scratch/",
    "uploads/",
    "spool/",
    "/",
    "real/",
)
# The commands of the README are run by these tests; what is none of these is a mistake.
RUN_BY = {
    "curl": "tests/server/test_client_examples.py",
    "$python -m": "tests/convert/test_readme.py",
    ".venv/bin/python -m server": "tests/server/test_client_examples.py",
    "make": "below",
    "python=": "tests/convert/test_readme.py",
}


def id_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", head.lower()) for head in heads]
    return {head.strip().replace(" ", "-") for head in plain}


def named_paths(text: str) -> Iterator[str]:
    """Paths of the repository in `code`: with a folder, or a file of the top."""
    for code in re.findall(r"`([^`\n]+)`", text):
        if (
            re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", code)
            and not code.startswith(MADE)
            and "NAME" not in code
        ):
            yield code


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{id_of(page)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{id_of(page)} links to {link}"


@pytest.mark.parametrize("page", [README, *sorted(ROOT.glob("docs/*.md"))], ids=id_of)
def test_every_named_path_exists(page: Path) -> None:
    tops = {path.name for path in ROOT.iterdir()}
    for name in named_paths(page.read_text()):
        if name.split("/")[0] in tops:
            assert (ROOT / name).exists(), f"{id_of(page)} names {name}"


def test_every_command_is_run_by_a_test() -> None:
    found = commands(README)
    assert len(found) > 15
    for line in found:
        assert any(line.startswith(known) for known in RUN_BY), f"who runs this? {line}"
    for test in RUN_BY.values():
        assert test == "below" or (ROOT / test).exists()


def test_every_make_target_exists() -> None:
    code = {
        line
        for page in PAGES
        for line in re.findall(r"`([^`\n]+)`", page.read_text()) + commands(page)
    }
    targets = {word for line in code for word in re.findall(r"\bmake ([\w.][\w./-]*)", line)}
    assert {"run", "extension"} <= targets
    line = ["make", "--dry-run", *sorted(targets)]
    run = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr


def test_every_command_of_the_server_is_known() -> None:
    parser = command_line._parser()
    for page in PAGES:
        for line in commands(page):
            if " -m server " in line:
                arguments = shlex.split(line.partition(" -m server ")[2], comments=True)
                parser.parse_args(arguments)


def test_the_readme_is_short_and_comes_to_the_point() -> None:
    lines = README.read_text().splitlines()
    assert len(lines) <= MOST_LINES
    order = ["Start", "The browser extension", "The page", "curl", "The command line"]
    order = [f"## {title}" for title in [*order, "Converting models"]]
    assert [line for line in lines if line in order] == order
    assert "![" in "\n".join(lines[: lines.index("## Start")]), "a picture before the first command"


def test_the_measured_shares_are_those_of_the_served_model() -> None:
    """New weights have new rates: then this line of the README is to be replaced."""
    rates = registry.spec(Settings().model).rates
    assert rates is not None
    english = words("en")
    shares = english.percent(rates.flags_fake), english.percent(rates.flags_real)
    sentence = english.say("scope_measured", english.part(rates.part), *shares)
    assert sentence in " ".join(README.read_text().split()), f"write into the README: {sentence}"

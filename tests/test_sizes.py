"""How large a part may grow: modules of a room, lines of a file, lines of a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PRODUCT = ("server", "training", "convert", "models", "benchmarks")
MOST_LINES, MOST_OF_A_FUNCTION = 320, 40
# What declares a command line, one statement an option: as long as there are options.
PARSERS = {
    "convert/__main__.py:_parser",
    "training/__main__.py:main",
    "training/fit/__main__.py:main",
}
# The rooms that read as one, the most modules of each (an __init__ is a door and no module), and
# what came later with a purpose of its own, which is beside the count.
ROOMS = {
    "processes and queue": (32, ("server/jobs", "server/fetch", "server/processes"), ()),
    "training": (
        22,
        ("training",),
        ("training/fit", "training/forgery", "training/evaluate/likelihood"),
    ),
}


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        found = sorted((ROOT / folder).rglob("*.py"))
        assert found, f"{folder} has no modules"
        yield from (path.relative_to(ROOT) for path in found)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_not_a_corridor(room: str) -> None:
    most, folders, beside = ROOMS[room]
    counted = [
        path.as_posix()
        for path in modules(*folders)
        if path.name != "__init__.py" and not any(path.is_relative_to(other) for other in beside)
    ]
    assert len(counted) <= most, counted


def test_a_file_can_be_read_at_once() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in modules(*PRODUCT)}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_a_function_can_be_seen_at_once() -> None:
    long, parsers = {}, set()
    for path in modules(*PRODUCT):
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name, lines = f"{path}:{node.name}", node.end_lineno - node.lineno + 1
                if name in PARSERS:
                    parsers.add(name)
                elif lines > MOST_OF_A_FUNCTION:
                    long[name] = lines
    assert long == {}
    assert parsers == PARSERS, "an exception that is not needed any more"

"""The command line of a benchmark: the fields of its dataclass `Options` that `option` declares."""

from __future__ import annotations

import argparse
import os
from dataclasses import field, fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("MESOSCOPE_DATA", HERE.parents[1] / "shared" / "data"))
WORK = HERE.parent / "var" / "benchmarks"  # what is made to measure with
BACKENDS = ("files", "servers")  # where jobs and queue are kept
FILES = ("data", "results")
NO_KINDS = (NoneType, ...)


class Missing(Exception):
    """What a benchmark needs is not here; the message tells how to get it."""


def option(description: str, default: Any, **how: Any) -> Any:
    """A field that the command line offers; `how` is for argparse, but for `positional`."""
    return field(default=default, metadata={"help": description, **how})


def results(benchmark: str) -> Any:
    return option("the table to write", HERE / "results" / f"{benchmark}.csv")


def data() -> Any:
    return option("folder of the research data", DATA)


def needed(folder: Path, pattern: str) -> None:
    """Raises Missing if `folder` holds no file of `pattern`."""
    if not any(folder.glob(pattern)):
        raise Missing(f"no {pattern} in {folder}; say where with MESOSCOPE_DATA or --data")


def add(parser: argparse.ArgumentParser, options: type) -> None:
    """An argument for each field of the dataclass that `option` declares."""
    hints = get_type_hints(options)
    for each in fields(options):
        if not each.metadata:
            continue
        how, hint, name = dict(each.metadata), hints[each.name], each.name
        if not how.pop("positional", False):
            name = f"--{name.replace('_', '-')}"
        if hint is bool:
            how["action"] = "store_true"
        else:
            kinds = [kind for kind in get_args(hint) or (hint,) if kind not in NO_KINDS]
            how = {"type": kinds[0], **({"nargs": "+"} if get_origin(hint) is tuple else {}), **how}
        if not _is_off(each.default):
            how["help"] += f" (default: {' '.join(_shown(each.default))})"
        parser.add_argument(name, default=each.default, **how)


def line(options: Any) -> str:
    """The command that measures so again: every option that is on, but for FILES."""
    words = ["python -m benchmarks", type(options).__module__.split(".")[1]]
    for each in fields(options):
        value = getattr(options, each.name)
        if each.metadata and each.name not in FILES and not _is_off(value):
            words.append(f"--{each.name.replace('_', '-')}")
            words += _shown(value) if value is not True else []
    return " ".join(words)


def _is_off(value: Any) -> bool:
    """Whether nothing has to be said to get it; 0 is something."""
    return value is None or value is False or value in ((), [])


def _shown(value: Any) -> list[str]:
    several = value if isinstance(value, (list, tuple)) else [value]
    return [f"{each:g}" if isinstance(each, float) else str(each) for each in several]

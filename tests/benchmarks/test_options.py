"""Each benchmark's command line is its dataclass; its results name the line that led to them."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import options
from benchmarks.__main__ import COMMANDS, main
from benchmarks.detector import Options as Detector
from benchmarks.pipeline import Options as Pipeline


def parsed(kind: type, line: str) -> object:
    parser = argparse.ArgumentParser()
    options.add(parser, kind)
    return kind(**vars(parser.parse_args(shlex.split(line))))


@pytest.mark.parametrize("benchmark", COMMANDS)
def test_every_field_has_a_default_which_the_command_line_keeps(benchmark: str) -> None:
    kind = import_module(f"benchmarks.{COMMANDS[benchmark][0]}").Options
    assert parsed(kind, "") == kind()


def test_the_line_in_the_results_measures_the_same_again() -> None:
    asked = Detector(pictures=2, rounds=9, only=["stills-360p", "video-720p"])
    line = options.line(asked)
    assert line == (
        "python -m benchmarks detector --pictures 2 --rounds 9 --only stills-360p video-720p"
    )
    assert parsed(Detector, line.removeprefix("python -m benchmarks detector")) == asked
    assert options.line(Pipeline(seconds=2.5, long=True)) == (
        "python -m benchmarks pipeline --seconds 2.5 --rounds 3 --long"
    )


def test_a_zero_is_something_that_was_asked_for() -> None:
    asked = Detector(pictures=0)
    line = options.line(asked)
    assert "--pictures 0" in line
    assert parsed(Detector, line.removeprefix("python -m benchmarks detector")) == asked


def test_a_field_that_is_no_option_is_not_on_the_command_line() -> None:
    hidden = {each.name for each in fields(Pipeline) if not each.metadata}
    assert hidden == {"scene", "large", "folder"}
    with pytest.raises(SystemExit):
        parsed(Pipeline, "--folder /tmp")


def test_kinds_are_those_of_the_fields() -> None:
    @dataclass(frozen=True)
    class Options:
        counts: tuple[int, ...] = options.option("so many", (1, 2))
        share: float = options.option("of all", 0.5)
        folder: Path | None = options.option("where", None)

    asked = parsed(Options, "--counts 3 4 --share 2 --folder here")
    assert asked == Options([3, 4], 2.0, Path("here"))


def test_what_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agreement", "--data", str(tmp_path)]) == 1
    assert "MESOSCOPE_DATA or --data" in capsys.readouterr().out
    assert main(["peers", "nobody"]) == 1
    assert "no such peer: nobody" in capsys.readouterr().out

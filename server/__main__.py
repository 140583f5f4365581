"""python -m server [run | serve | worker | analyze FILE-OR-URL ... | verify REPORT FILE]"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from server import terminal
from server.config import ConfigError, Settings
from server.errors import AppError, BadValue, TimeLimit
from server.terms import declared
from server.words import DEFAULT, LANGUAGES, words

if TYPE_CHECKING:
    from server.gpu.client import NetworksProcess
    from server.processes.messages import Answer

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
PREFIX = "mesoscope-"  # of folders
REPORT_SUFFIXES = (".html", ".htm")
KINDS: dict[Any, Callable[[str], Any]] = {int: int, float: float, str: str, bool: str}
METAVARS = {int: "N", float: "X", str: "NAME", bool: "true|false"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0, 1 failed, 2 wrong setting or usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False)
    try:
        settings = Settings.from_env(os.environ)
        return int(options.command(settings, options))
    except ConfigError as error:
        print(f"Wrong setting: {error}", file=sys.stderr)
        return MISUSED
    except AppError as error:
        terminal.explain(error.code, error.title, error.detail, errors)
        return FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Tells whether the faces in a video were swapped or re-enacted.",
        epilog="Settings are read from MESOSCOPE_* environment variables; see docs/settings.md.",
    )
    parser.set_defaults(command=_run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command, text in (
        (_run, "start the service and its worker (the default)"),
        (_serve, "start the service alone"),
        (_worker, "start a worker alone"),
    ):
        name = command.__name__.strip("_")
        commands.add_parser(name, help=text, description=text).set_defaults(command=command)
    _offer_analyze(commands)
    text = "make the check of a report again and say whether it holds"
    status = "Status: 0 it holds, 1 it does not, 2 it cannot be checked here."
    verify = commands.add_parser("verify", help=text, description=f"{text}. {status}")
    verify.add_argument("report", metavar="REPORT", type=Path, help="as JSON or HTML")
    verify.add_argument("file", metavar="FILE", type=Path, help="the media that it is about")
    verify.set_defaults(command=_verify)
    return parser


def _offer_analyze(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "check videos and pictures, without the service"
    analyze = commands.add_parser("analyze", help=text, description=text)
    analyze.add_argument(
        "sources", metavar="FILE-OR-URL", nargs="+", help="a file, or an http(s) address"
    )
    analyze.add_argument(
        "--json", action="store_true", help="print the verdicts as JSON only, one a line"
    )
    analyze.add_argument(
        "--report",
        metavar="FILE.html",
        type=Path,
        help="write the report here as one HTML page; of one file or address",
    )
    analyze.add_argument(
        "--language",
        choices=LANGUAGES,
        default=DEFAULT,
        help=f"of the report: {', '.join(LANGUAGES)}; {DEFAULT} if left out",
        metavar="CODE",
    )
    _offer_options(analyze)
    analyze.set_defaults(command=_analyze)


def _run(settings: Settings, _: argparse.Namespace) -> int:
    from server import launch

    return launch.run(settings)


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    from server import launch

    return launch.serve(settings)


def _worker(settings: Settings, _: argparse.Namespace) -> int:
    from server import launch

    return launch.worker(settings)


def _analyze(settings: Settings, options: argparse.Namespace) -> int:
    asked = settings.options | _chosen(options)
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    several, failed = len(options.sources) > 1, False
    if options.report:
        _require_writable(options.report, several)
    for source in options.sources:
        if several and not options.json:
            console.rule(escape(source), align="left")
        try:
            with terminal.bar(errors) as report:
                answer = _checked(settings, source, asked, report)
            if options.report:
                _write_report(options.report, source, answer, options.language)
        except AppError as error:
            if not several:
                raise
            terminal.explain(error.code, error.title, f"{source}: {error.detail}", errors)
            failed = True
            continue
        if options.json:
            print(json.dumps(answer.result, allow_nan=False), flush=True)
        else:
            terminal.show(answer.result, console)
    return FAILED if failed else 0


def _require_writable(path: Path, several: bool) -> None:
    """Raise ConfigError, before work is spent, for a report that cannot be written to `path`."""
    if several:
        raise ConfigError("--report: a report is of one file or address; give one at a time.")
    if path.suffix.lower() not in REPORT_SUFFIXES:  # no film is overwritten by a slip
        raise ConfigError(f"--report: {path} does not end in .html; name the page to write.")
    if not path.parent.is_dir():
        raise ConfigError(f"--report: there is no folder {path.parent}; make it first.")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"--report: {path} cannot be written; choose another place.")


def _write_report(path: Path, source: str, answer: Answer, language: str) -> None:
    """The report that a service gives of a check, in one of LANGUAGES. Raises ConfigError."""
    from flask import Flask

    from server import __version__
    from server.api.pages import TEMPLATES
    from server.api.report import html_of
    from server.api.report_view import Check
    from server.fetch.urls import checked_url

    pictures = {(each.face, each.moment, each.kind): each.jpeg for each in answer.pictures}
    check = Check(
        id="",
        kind="url" if _is_address(source) else "file",
        source=checked_url(source) if _is_address(source) else Path(source).name,
        checked_at=time.time(),
        verdict=answer.result,
        picture=lambda *wanted: pictures.get(wanted),
    )
    app = Flask("server", template_folder=str(TEMPLATES))
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the label comes before its samples
    with app.app_context():
        text = html_of(check, __version__, words(language))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--report: {path} cannot be written: {error.strerror}.") from error


def _offer_options(parser: argparse.ArgumentParser) -> None:
    """An argument for each option of a check, as server/terms.py declares it."""
    group = parser.add_argument_group("options of the check; else as the settings have them")
    for of in declared():
        if of.option.offered and of.kind in KINDS:
            meaning = of.option.meaning.replace("%", "%%").replace("`", "")
            name = f"--{of.name.replace('_', '-')}"
            group.add_argument(name, type=KINDS[of.kind], metavar=METAVARS[of.kind], help=meaning)


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The options that were given. Raises ConfigError for a value out of bounds."""
    values = ((of.name, getattr(options, of.name, None)) for of in declared())
    given = {name: value for name, value in values if value is not None}
    if not given:
        return given
    from server.api.options import Options, validated

    try:
        return validated(Options, given).said()
    except BadValue as error:
        raise ConfigError(error.detail) from error


def _verify(settings: Settings, options: argparse.Namespace) -> int:
    from server import replay

    try:
        report = replay.read_report(options.report)
        replay.require_same(report, options.file)
        with terminal.bar(Console(stderr=True)) as progress:
            again = _checked(settings, str(options.file), replay.options(report), progress).result
    except AppError as error:
        terminal.explain(error.code, error.title, error.detail, Console(stderr=True))
        return MISUSED
    found = replay.differences(report, again)
    terminal.show_replay(report, again, replay.tolerance(report, again), found, Console())
    return FAILED if found else 0


def _is_address(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _checked(
    settings: Settings, source: str, options: dict[str, Any], report: terminal.Report
) -> Answer:
    """The verdict and its pictures, by the same confined children that a worker starts."""
    from server.processes.check import check
    from server.processes.child import Child
    from server.processes.fetch import SHARE, DownloadLimits, Fetched, fetch, sha256_of
    from server.processes.messages import Progress
    from server.processes.protocol import Checking, Task

    deadline = time.monotonic() + settings.job_timeout_s

    def go_on(news: Progress | None) -> None:
        if news:
            report(news.stage, news.progress)
        if time.monotonic() > deadline:
            raise TimeLimit(f"It was stopped after {settings.job_timeout_s:g} s.")

    fetched = _is_address(source)
    with _networks(settings) as networks, tempfile.TemporaryDirectory(prefix=PREFIX) as scratch:
        if fetched:
            file = fetch(source, Path(scratch), DownloadLimits.of(settings), Child, go_on)
        else:
            path = Path(os.path.abspath(source))  # noqa: PTH100 - resolves nothing
            file = Fetched(path, sha256_of(path))
        asked = Checking.within(
            settings,
            str(file.path),
            sha256=file.sha256,
            cut_short=file.cut_short,
            options=options,
        )
        start = partial(Child, networks=networks)
        task = Task(asked, log_level=logging.ERROR)
        return check(task, start, go_on, SHARE if fetched else 0.0)


@contextmanager
def _networks(settings: Settings) -> Iterator[NetworksProcess | None]:
    """What runs the full networks, where the settings and the machine have it so."""
    from server.gpu.client import NetworksProcess, wanted

    if not wanted(settings):
        yield None
        return
    with closing(NetworksProcess(settings)) as networks:
        networks.wait()
        yield networks


if __name__ == "__main__":
    sys.exit(main())

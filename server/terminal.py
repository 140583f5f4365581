"""A verdict for people at a terminal: a bar while it is made, then one row per face."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from server.terms import SHAPES, WORST_FIRST, Level, MediaLabel
from server.words import DEFAULT, words

if TYPE_CHECKING:
    from server.replay import Difference

SMALLEST = 1e-4  # digit of P(fake) in a report
MOST_DIFFERENCES = 10
Report = Callable[[str, float], None]  # stage, fraction done in 0..1

# The shape where there is only ASCII, and the colour.
SIGNS = {
    "fake": ("[!]", "bold red"),
    "suspicious": ("[~]", "yellow"),
    "inconclusive": ("[?]", "yellow"),
    "real": ("[-]", "blue"),
    "no-face": ("[ ]", "cyan"),
}


def say(key: str, *values: str) -> str:
    """The message in English, as all else that the command line prints."""
    return words(DEFAULT).say(key, *values)


@contextmanager
def bar(console: Console) -> Iterator[Report]:
    """A progress bar that vanishes when the work is done; tell it by the callable it gives."""
    columns = (
        TextColumn("{task.description:<31}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    hidden = not console.is_terminal  # a log file is no place for a bar
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("Starting", total=1.0)

        def report(stage: str, fraction: float) -> None:
            progress.update(task, description=say(f"stage_{stage}"), completed=fraction)

        yield report


def show(verdict: dict[str, Any], console: Console) -> None:
    """Print a verdict, given in its JSON form."""
    for said in (verdict.get("provenance") or {}).get("declarations", []):
        console.print(Text(declared(said)))
    level, shown = level_of(verdict), evidence(verdict)
    covers = (verdict.get("basis") or {}).get("covers")
    console.print(finding(level, console, covers))
    if shown:
        console.print(shown)
    for sentence in words(DEFAULT).worth(verdict.get("lr")):
        console.print(sentence)
    if verdict["reasons"]:
        console.print(why(verdict))
    console.print(say(f"meaning_{level}"))
    for step, addresses in words(DEFAULT).next(verdict):
        console.print(" ".join((f"{say('next')}: {step}", *addresses.values())))
    if verdict["faces"]:
        console.print(table(verdict["faces"], console, covers))
    for face in verdict["faces"]:
        if face["reasons"] and len(verdict["faces"]) > 1:
            person = say("person", str(face["id"]))
            console.print(f"{person}: {why(face)}")
    console.print(Text(about(verdict), style="dim"))


def declared(said: dict[str, Any]) -> str:
    """One declaration of the file about its origin; it is no part of the verdict."""
    parts = (part.rstrip(".") for part in words(DEFAULT).declaration(said) if part)
    return f"{say('declared')}: {'. '.join(parts)}."


def table(
    faces: list[dict[str, Any]], console: Console, covers: Sequence[str] | None = None
) -> Table:
    """One row per face, worst first; `covers` as in finding()."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    rows.add_column(say("column_person"))
    rows.add_column(say("column_finding"))
    rows.add_column(say("column_evidence"))
    rows.add_column(say("column_time"), no_wrap=True)
    for face in sorted(faces, key=lambda face: (WORST_FIRST.index(level_of(face)), face["id"])):
        row = finding(level_of(face), console, covers), evidence(face) or "not judged", when(face)
        rows.add_row(str(face["id"]), *row)
    return rows


def finding(
    label: Level | MediaLabel, console: Console, covers: Sequence[str] | None = None
) -> Text:
    """The label in words, with its shape; `covers`: the kinds of fakes "no sign" is said of."""
    plain, colour = SIGNS[label]
    sign = plain if console.options.ascii_only else SHAPES[label]
    said = say(f"label_{label}")
    if label == "real" and covers:
        said = say("label_real_of", words(DEFAULT).kinds(covers))
    return Text(f"{sign} {said}", style=colour)


def level_of(found: dict[str, Any]) -> Level | MediaLabel:
    """Its level, or the label where there is none: in schema 1, and without a face."""
    level: Level | MediaLabel = found.get("level") or found["label"]
    return level


def evidence(found: dict[str, Any]) -> str:
    """Which way the evidence of a face or of the media points, and how strongly: in words and as a
    likelihood ratio, or as P(fake) where there is none; empty where nothing was judged."""
    english, p_fake = words(DEFAULT), found["p_fake"]
    if found.get("support"):
        low, high = (f"{end:g}" for end in found["lr_interval"])
        return f"{english.support(found['support'])}, LR {found['lr']:g} ({say('span', low, high)})"
    if p_fake is None:
        return ""
    score = f"P(fake) {english.percent(p_fake)}"
    if not found.get("interval"):
        return score
    return f"{score} ({say('span', *map(english.percent, found['interval']))})"


def when(face: dict[str, Any]) -> str:
    """From when to when a face is seen."""
    start, end = clock(face["start_s"]), clock(face["end_s"])
    return start if start == end else say("span", start, end)


def clock(seconds: float) -> str:
    """Seconds as minutes:seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def why(found: dict[str, Any]) -> str:
    return " ".join(words(DEFAULT).reason(reason, found, clock) for reason in found["reasons"])


def about(verdict: dict[str, Any]) -> str:
    """What was looked at, by which model, and how long that took."""
    media, model = verdict["media"], verdict["model"]
    start, end = media["analyzed_s"]
    what = f"{media['kind']}, {media['width_px']} x {media['height_px']}"
    part = f", {clock(start)} to {clock(end)}" if media["kind"] == "video" else ""
    took = verdict["timing_s"].get("total")
    in_time = f", in {took:.1f} s" if took is not None else ""
    return f"{what}{part}; judged by {model['name']} ({model['sha256'][:12]}){in_time}"


def show_replay(
    report: dict[str, Any],
    replay: dict[str, Any],
    allowed: float,
    differences: Sequence[Difference],
    console: Console,
) -> None:
    """Print both answers face by face, and what differs."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Face", "Report", "P(fake)", "Replay", "P(fake)"):
        rows.add_column(column, no_wrap=column not in ("Report", "Replay"))
    for name, *pair in _pairs(report, replay):
        cells = (
            cell
            for said in pair
            for cell in ((finding(said["label"], console), _number(said)) if said else ("-", "-"))
        )
        rows.add_row(name, *cells)
    console.print(rows)
    close = (
        "to the last digit" if allowed < SMALLEST else f"in its labels, P(fake) within {allowed}"
    )
    for each in differences[:MOST_DIFFERENCES]:
        console.print(f"{escape(each.what)}: {escape(each.report)} became {escape(each.replay)}")
    if len(differences) > MOST_DIFFERENCES:
        console.print(f"and {len(differences) - MOST_DIFFERENCES} more")
    if differences:
        console.print("[bold red]The report does not hold.[/]", f"Asked: equal {close}.")
    else:
        console.print("[green]The report holds[/]", f"{close}.")


def _pairs(report: dict[str, Any], replay: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    yield "all", report, replay
    said, found = ({face["id"]: face for face in each["faces"]} for each in (report, replay))
    for number in sorted(said.keys() | found.keys()):
        yield str(number), said.get(number), found.get(number)


def _number(said: dict[str, Any]) -> str:
    return "-" if said["p_fake"] is None else f"{said['p_fake']:.4f}"


def explain(code: str, title: str, detail: str, console: Console) -> None:
    """One line for a failure: its name, what happened, and what to do."""
    rest = f" {escape(detail)}" if detail and detail != title else ""
    console.print(f"[bold red]{code}[/]: {escape(title)}.{rest}", soft_wrap=True)

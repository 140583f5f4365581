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

if TYPE_CHECKING:
    from server.replay import Difference

SMALLEST = 1e-4  # digit of P(fake) in a report
MOST_DIFFERENCES = 10
Report = Callable[[str, float], None]  # stage, fraction done in 0..1

STAGES = {
    "fetch": "Downloading",
    "faces": "Looking for faces",
    "scores": "Judging faces",
    "done": "Done",
}
# Shape, plain shape, colour, words. A shape beside the words, since colour alone is not enough.
FINDINGS = {
    "fake": ("▲", "[!]", "bold red", "signs of manipulation"),
    "inconclusive": ("◆", "[?]", "yellow", "cannot be told"),
    "real": ("●", "[-]", "green", "no sign of manipulation found"),
    "no-face": ("○", "[ ]", "cyan", "no face found"),
}
WHY = {
    "face-too-small": "the face is too small in the picture",
    "too-few-frames": "seen too briefly",
    "blurred": "the face is too blurred",
    "scores-disagree": "only a part of it looks manipulated",
    "not-certain": "the evidence points neither way",
    "out-of-scope": "turned too far away",
    "cut-short": "the file ended early; what it held was judged",
    "stopped-early": "settled before the end; the rest was not looked at",
    "unstable": "a small change of the picture turns the result round",
}
ROLES = {"signer": "; signed as", "by": "; tool"}
MEANING = {
    "fake": "A face in it looks swapped or re-enacted. The check can be wrong; its card in "
    "models/cards says how often.",
    "inconclusive": "There is too little evidence for an answer; that says nothing either way.",
    "real": "Nothing that this check looks for was found. That does not prove that it is genuine.",
    "no-face": "Only faces are judged, and there is none in what was looked at.",
}


@contextmanager
def bar(console: Console) -> Iterator[Report]:
    """A progress bar that vanishes when the work is done; tell it by the callable it gives."""
    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    hidden = not console.is_terminal  # a log file is no place for a bar
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("Starting", total=1.0)

        def report(stage: str, fraction: float) -> None:
            progress.update(task, description=STAGES.get(stage, stage), completed=fraction)

        yield report


def show(verdict: dict[str, Any], console: Console) -> None:
    """Print a verdict, given in its JSON form."""
    for line in declared(verdict):
        console.print(Text(line))
    label = verdict["label"]
    p_fake = verdict["p_fake"]
    console.print(finding(label, console), "" if p_fake is None else f"(P(fake) {p_fake:.0%})")
    console.print(MEANING[label])
    if verdict["reasons"]:
        console.print(f"Why: {why(verdict['reasons'])}.")
    if verdict["faces"]:
        console.print(table(verdict["faces"], console))
    console.print(Text(about(verdict), style="dim"))


def declared(verdict: dict[str, Any]) -> Iterator[str]:
    """What the file declares of its origin, a line each; it is no part of the verdict."""
    provenance = verdict.get("provenance") or {"declarations": []}
    for said in provenance["declarations"]:
        claims = ", ".join(said["claims"]) or "nothing about its origin"
        seal = f", {said['seal']}" if said["seal"] else ", not signed"
        names = [f"{role} {said[key]}" for key, role in ROLES.items() if said[key]]
        yield f"Declared, not measured: {claims} ({said['source']}{seal}{''.join(names)})"


def table(faces: list[dict[str, Any]], console: Console) -> Table:
    """One row per face, worst first."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    rows.add_column("Face")
    rows.add_column("Finding")
    rows.add_column("P(fake), 95 %", no_wrap=True)
    rows.add_column("When", no_wrap=True)
    rows.add_column("Why", min_width=18)
    worst = list(FINDINGS)
    for face in sorted(faces, key=lambda face: (worst.index(face["label"]), face["id"])):
        words = finding(face["label"], console)
        rows.add_row(str(face["id"]), words, sure(face), when(face), why(face["reasons"]))
    return rows


def finding(label: str, console: Console) -> Text:
    """The label in words, with its shape."""
    shape, plain, colour, words = FINDINGS[label]
    return Text(f"{plain if console.options.ascii_only else shape} {words}", style=colour)


def sure(face: dict[str, Any]) -> str:
    """The probability that a face is fake, with its interval."""
    if face["p_fake"] is None:
        return "not judged"
    low, high = face["interval"]
    return f"{face['p_fake']:.0%} ({low:.0%} to {high:.0%})"


def when(face: dict[str, Any]) -> str:
    """From when to when a face is seen."""
    start, end = clock(face["start_s"]), clock(face["end_s"])
    return start if start == end else f"{start} to {end}"


def clock(seconds: float) -> str:
    """Seconds as minutes:seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def why(reasons: list[str]) -> str:
    return "; ".join(WHY.get(reason, reason) for reason in reasons)


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
        rows.add_column(column, no_wrap=True)
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

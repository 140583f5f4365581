"""The vocabulary: every label, reason, stage and option of a check is declared here, once.

Light, so that any process may import it: no NumPy, no pydantic. Made from it are the models of the
API (api/options.py) and of the verdict (verdict_schema.py), what the extension shares of it, and
the tables of docs/api.md; `make contract` writes all that is kept as a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_type_hints

# Of a face, worded `label_fake`, ... in the catalogues, as reasons and stages are.
Label = Literal["fake", "real", "inconclusive"]
MediaLabel = Literal["fake", "real", "inconclusive", "no-face"]
# The label, and of what is inconclusive, what is suspicious: at most one genuine person in twenty.
Level = Literal["fake", "suspicious", "inconclusive", "real"]
# A shape for each, since colour alone is not enough; the worst first.
SHAPES: dict[Level | MediaLabel, str] = {
    "fake": "▲",
    "suspicious": "△",
    "inconclusive": "◆",
    "real": "●",
    "no-face": "○",
}
WORST_FIRST: tuple[Level | MediaLabel, ...] = tuple(SHAPES)
Direction = Literal["manipulated", "genuine"]
Strength = Literal[
    "none", "weak", "moderate", "moderately-strong", "strong", "very-strong", "extremely-strong"
]
Reason = Literal[
    "face-too-small",  # narrower than the model can judge
    "too-few-frames",  # seen too briefly
    "blurred",
    "scores-disagree",  # the frames of one face contradict each other
    "not-certain",  # between the two thresholds
    "out-of-scope",  # turned too far away to be judged
    "cut-short",  # the file ended early; what it held was judged
    "stopped-early",  # settled before the end, so that the rest was not looked at
    "unstable",  # a re-encode, a small resize or a small shift would turn the verdict round
]
# Reasons that lie in the picture: of such a face nothing is found. Of a crowd they are folded.
UNJUDGED: frozenset[Reason] = frozenset(
    {"face-too-small", "too-few-frames", "blurred", "out-of-scope"}
)
# What a person may do next, worded `next_better_copy`, ... in the catalogues: by the level, if it
# calls for something of its own, then by each reason.
NextStep = Literal[
    "better-copy",
    "frontal-face",
    "longer-part",
    "whole-file",
    "reverse-search",
    "original-uploader",
]
NEXT_OF_LEVEL: dict[Level | MediaLabel, NextStep] = {
    "fake": "reverse-search",
    "suspicious": "better-copy",
    "real": "original-uploader",
    "no-face": "frontal-face",
}
NEXT_OF_REASON: dict[Reason, NextStep] = {
    "face-too-small": "frontal-face",
    "too-few-frames": "longer-part",
    "blurred": "better-copy",
    "scores-disagree": "reverse-search",
    "not-certain": "reverse-search",
    "out-of-scope": "frontal-face",
    "cut-short": "whole-file",
    "stopped-early": "original-uploader",
    "unstable": "better-copy",
}
# Where to look for a picture that one drops there oneself; only ever opened by a click.
SEARCHES = {
    "TinEye": "https://tineye.com/",
    "Google": "https://images.google.com/",
    "Bing": "https://www.bing.com/visualsearch",
}
PRIORS = (1, 50)  # of 100 such videos are fake: rare, as on the web, and as many as genuine ones
# Of 100 videos: the meta-analysis of 56 papers that docs/evidence.md names.
UNTRAINED_RIGHT = 57
State = Literal["queued", "running", "done", "failed", "cancelled"]  # of a job
Stage = Literal["queued", "fetch", "faces", "scores", "done"]
PictureKind = Literal["face", "evidence", "frame"]
MediaKind = Literal["video", "image"]
LONGEST_MEDIA_S = 1e6
SchemaVersion = Literal[1, 2]
SCHEMA: SchemaVersion = 2  # of the answer: tests/contract/verdict-2.schema.json


def next_steps(level: Level | MediaLabel, reasons: Iterable[Reason]) -> list[NextStep]:
    """What to do next about such an answer, each once, the most useful first; nothing about reasons
    of another version."""
    steps = (NEXT_OF_LEVEL.get(level), *map(NEXT_OF_REASON.get, reasons))
    return [step for step in dict.fromkeys(steps) if step]


@dataclass(frozen=True, slots=True)
class Option:
    """What an option means and from where to where it goes; None: no bound of ours.

    `offered`: a caller may set it.
    """

    meaning: str
    least: float | None = None
    most: float | None = None
    offered: bool = True


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What may be chosen about one check. Part of the cache key, so keep it hashable.

    A model of the API is built from each field: its type, its Option, and its default.
    """

    samples_per_s: Annotated[
        float, Option("pictures judged per second of video; long media gets fewer", 0.2, 10)
    ] = 3.0
    max_samples: Annotated[int, Option("pictures looked at, at most", 1, offered=False)] = 720
    min_face_px: Annotated[int, Option("smaller faces are not looked for", 20, 1000)] = 40
    max_crops: Annotated[
        int, Option("pictures of each person that are judged; more are slower and surer", 3, 96)
    ] = 24
    model: Annotated[str, Option("which classifier judges; see `/models`")] = "meso3-full"
    start_s: Annotated[
        float, Option("judge from this second of the media on", 0, LONGEST_MEDIA_S)
    ] = 0.0
    end_s: Annotated[
        float | None, Option("and up to this one; more than `start_s`", 0, LONGEST_MEDIA_S)
    ] = None
    explain: Annotated[bool, Option("whether to make the pictures that show where in the face")] = (
        True
    )
    stop_early: Annotated[
        bool,
        Option("whether to stop a long video where no further picture can change the answer"),
    ] = True
    schema_version: Annotated[
        SchemaVersion,
        Option("of the verdict; 1: without likelihood ratios, for this version only"),
    ] = SCHEMA


@dataclass(frozen=True, slots=True)
class Declared:
    """A field of AnalysisOptions; `kind`: of its value, where it is not None."""

    name: str
    kind: Any
    option: Option
    default: Any


def declared() -> Iterator[Declared]:
    """The fields of AnalysisOptions, in their order."""
    hints = get_type_hints(AnalysisOptions, include_extras=True)
    for field in fields(AnalysisOptions):
        kind, option = get_args(hints[field.name])
        kind = get_args(kind)[0] if isinstance(kind, UnionType) else kind
        yield Declared(field.name, kind, option, field.default)

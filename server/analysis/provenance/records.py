"""What is known of a file's declared origin; validated, since it crosses a process boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Source = Literal["content-credentials", "iptc", "aigc-label", "generator"]
# The strongest first: so they are sorted and shown.
Claim = Literal[
    "generated",  # the whole was made with generative AI
    "partly-generated",  # parts of it were
    "possibly-generated",  # as the distributor suspects
    "edited",
    "camera",  # a camera or scanner recorded it
    "screen",  # it was recorded from a screen
    "software",  # it was drawn or computed, without generative AI
]
# How far Content Credentials hold. Only of the first two anything is claimed.
Seal = Literal[
    "trusted",  # signature and content hold, and a trust list names who issued the certificate
    "unknown",  # they hold, but anybody may have signed
    "changed",  # the content is not the one that was signed
    "broken",  # the credentials themselves were changed
    "void",  # the certificate is expired, revoked or not made for this
    "unreadable",
    "too-large",
    "elsewhere",  # only an address stands in the file, and nothing is fetched
    "unchecked",  # a browser saw that they are there, and checked nothing
]
State = Literal["read", "unreadable"]

CLAIMS: tuple[Claim, ...] = get_args(Claim)
HOLDING: tuple[Seal, ...] = ("trusted", "unknown")
MOST_DECLARATIONS = 20
MOST_PROBLEMS = 10
NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Declaration:
    """One statement of a file about itself. Raises ValueError for what is none.

    `by`: the tool that is named; `seal`, `signer`, `problems` (the codes of C2PA's specification):
    of Content Credentials only. `claims` is empty where nothing is said of the origin.
    """

    source: Source
    claims: tuple[Claim, ...]
    by: str | None = None
    seal: Seal | None = None
    signer: str | None = None
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = (self.by, self.signer, *self.problems)
        fits = (
            self.source in get_args(Source)
            and self.claims == ordered(self.claims)
            and self.seal in (None, *get_args(Seal))
            and all(name is None or name == shown(name) for name in names)
            and len(self.problems) <= MOST_PROBLEMS
        )
        if not fits:
            raise ValueError("no declaration")


@dataclass(frozen=True, slots=True)
class Provenance:
    """All that a file states of its origin. `unreadable`: reading failed, so there may be more."""

    state: State
    declarations: tuple[Declaration, ...] = ()

    def __post_init__(self) -> None:
        if self.state not in get_args(State) or len(self.declarations) > MOST_DECLARATIONS:
            raise ValueError("no provenance")

    def to_json(self) -> dict[str, Any]:
        said = [
            {**asdict(each), "claims": list(each.claims), "problems": list(each.problems)}
            for each in self.declarations
        ]
        return {"state": self.state, "declarations": said}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Provenance:
        """What to_json() made of one. Raises ValueError."""
        try:
            said = tuple(
                Declaration(
                    **{
                        **each,
                        "claims": tuple(each["claims"]),
                        "problems": tuple(each["problems"]),
                    }
                )
                for each in data["declarations"]
            )
            return cls(data["state"], said)
        except (TypeError, KeyError) as error:
            raise ValueError("no provenance") from error


def ordered(claims: tuple[Claim, ...] | set[Claim]) -> tuple[Claim, ...]:
    """Each claim once, the strongest first."""
    return tuple(claim for claim in CLAIMS if claim in claims)


def shown(name: object) -> str | None:
    """A name that a stranger wrote, fit to be shown; None where nothing is left of it."""
    if not isinstance(name, str):
        return None
    plain = "".join(sign if sign.isprintable() else " " for sign in name[: 4 * NAME_LENGTH])
    return " ".join(plain.split())[:NAME_LENGTH].strip() or None

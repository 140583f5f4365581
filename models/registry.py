"""Every weight we ship, with what must be known to use it. Loads no ML framework.

Each model has a JSON file in models/weights/ beside the weights that it describes; training and
conversion write it, this module reads it. A file whose SHA-256 differs is never handed out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

WEIGHTS = Path(__file__).parent / "weights"
# Whose verdicts so far a smaller network gives, which takes a fifth of the time.
TENTATIVE = {"meso3-full": "meso3"}


class RegistryError(Exception):
    """An unknown model, a missing file, or a file that is not the one that was registered."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logit -> probability, and where verdicts begin; fitted on the validation part only.

    p_fake = sigmoid(scale * logit + offset) after polarity was turned to P(fake). `fake_at` and
    `real_at` bound the inconclusive zone: fake from `fake_at` up, real from `real_at` down.
    """

    scale: float
    offset: float
    fake_at: float
    real_at: float


@dataclass(frozen=True, slots=True)
class Rates:
    """How often the thresholds hold, on pictures that chose nothing.

    The shares of fakes and of reals that are called fake, and the part that was measured.
    """

    flags_fake: float
    flags_real: float
    part: str


@dataclass(frozen=True, slots=True)
class Guarantee:
    """False alarms among genuine people, each checked once: how many were called manipulated and,
    at a lower threshold, suspicious; and the upper limits of these shares at 95 % confidence."""

    people: int
    flagged: int
    suspected: int
    flagged_at_most: float
    suspected_at_most: float


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How a person's scores become a likelihood ratio: formulas in server/analysis/likelihood.py.

    `views` of each crop are scored, as it is and mirrored. `line`: ln LR of one crop, three terms
    of its quality and the same three times its logit, with the `covariance` [6, 6] of what people
    let us know of them. `quality`: lowest, usual and highest log sharpness and log size in px.
    `people`, `clips`, `frames`: how scores vary between each, in logits; `correlation`: of
    neighbouring frames. `still` is what ln LR of a still picture loses, as genuine photos look more
    manipulated than videos. `bounds` hold every LR that is stated; `fake_at`, `suspect_at` and
    `real_at` lie on ln LR before the bounds. `genuine` and `manipulated` people are behind it, of
    `part`. `covers` kinds of fakes that "no sign" tells against, not those that it is `blind_to`.
    """

    views: int
    line: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    quality: tuple[tuple[float, float, float], tuple[float, float, float]]
    people: float
    clips: float
    frames: float
    correlation: float
    still: float
    bounds: tuple[float, float]
    fake_at: float
    suspect_at: float
    real_at: float
    genuine: int
    manipulated: int
    part: str
    guarantee: Guarantee
    covers: tuple[str, ...]
    blind_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelFile:
    path: Path
    sha256: str
    precision: str  # "float32", "float16", "dynamic", "int8" or "keras"

    def checked(self) -> Path:
        """The path, once the file is known to be there and as registered; else RegistryError."""
        _check(self.path, self.sha256)
        return self.path


@dataclass(frozen=True, slots=True)
class EvidenceMap:
    """A network that locates a classifier's fakes in a face: a crop to P(place is foreign).

    Places from `threshold` up are marked; `shown` is whether it passed the tests that a map must
    pass before people see it; `iou` the overlap with masks on `part`, its own and that of the place
    where masks usually are.
    """

    file: ModelFile
    threshold: float
    shown: bool
    iou: tuple[float, float] | None
    part: str | None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model.

    `files` are a classifier's variants, of which `serve` is used, or a cascade's networks, of which
    all are used and `serve` is the first. `input_px` is 0 where any size goes. `foreign`: of
    somebody else (`convert --register`), or trained on data that the project does not know.
    """

    name: str
    task: Literal["classify", "detect"]
    files: dict[str, ModelFile]
    serve: str
    input_px: int
    positive_class: Literal["fake", "real"] | None
    calibration: Calibration | None
    rates: Rates | None
    likelihood: Likelihood | None
    evidence: EvidenceMap | None
    licence: str
    source: str
    foreign: bool

    @property
    def sha256(self) -> str:
        """One SHA-256 for all files of a cascade: that of theirs, one after the other."""
        together = "".join(file.sha256 for file in self.files.values())
        return hashlib.sha256(together.encode()).hexdigest()

    @property
    def card(self) -> Path:
        return card_path(self.name)

    def file(self, variant: str | None = None) -> Path:
        """The path of a variant's weights (default: the one that is served), checked.

        Raises RegistryError if the variant is unknown, the file missing, or its SHA-256 differs.
        """
        entry = self.files.get(variant or self.serve)
        if entry is None:
            raise RegistryError(f"{self.name} has no variant {variant}: {', '.join(self.files)}")
        return entry.checked()


@cache
def _check(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise RegistryError(f"{path.name} is missing from {path.parent}; restore it with git")
    if file_sha256(path) != sha256:
        raise RegistryError(f"{path.name} is not the registered file; restore it with git")


def file_sha256(path: Path) -> str:
    """In hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_entry(path: Path, precision: str) -> dict[str, str]:
    """What an entry states of one file."""
    return {"file": path.name, "sha256": file_sha256(path), "precision": precision}


def names() -> list[str]:
    """The registered models, sorted."""
    return sorted(path.stem for path in WEIGHTS.glob("*.json"))


@cache
def spec(name: str) -> ModelSpec:
    """The registered model called `name`; raises RegistryError, naming the known ones."""
    if name not in names():
        raise RegistryError(f"no model called {name}; known: {', '.join(names())}")
    return _parse(read(name))


def entry_path(name: str) -> Path:
    return WEIGHTS / f"{name}.json"


def card_path(name: str) -> Path:
    return WEIGHTS.parent / "cards" / f"{name}.md"


def read(name: str) -> dict[str, Any]:
    """The entry of `name` as JSON, for those who change it."""
    entry: dict[str, Any] = json.loads(entry_path(name).read_text(encoding="utf-8"))
    return entry


def save(entry: dict[str, Any], folder: Path | None = None) -> None:
    """Store an entry beside its weights, whole or not at all, and have spec() read it anew."""
    path = (folder or WEIGHTS) / f"{entry['name']}.json"
    written = path.with_suffix(".json.new")
    text = json.dumps(entry, indent=2, ensure_ascii=False) + "\n"
    written.write_text(text, encoding="utf-8", errors="backslashreplace")
    written.replace(path)
    spec.cache_clear()


def update(name: str, **facts: Any) -> None:
    """Replace some facts of an entry."""
    save(read(name) | facts)


def _parse(data: dict[str, Any]) -> ModelSpec:
    files = {variant: _file(entry) for variant, entry in data["files"].items()}
    calibration, rates = data.get("calibration"), data.get("rates")
    return ModelSpec(
        name=data["name"],
        task=data["task"],
        files=files,
        serve=data["serve"],
        input_px=data["input_px"],
        positive_class=data.get("positive_class"),
        calibration=Calibration(**calibration) if calibration else None,
        rates=Rates(**rates) if rates else None,
        likelihood=_likelihood(data.get("likelihood")),
        evidence=_evidence(data.get("evidence")),
        licence=data["licence"],
        source=data["source"],
        foreign=data.get("foreign", False),
    )


def _file(entry: dict[str, Any]) -> ModelFile:
    return ModelFile(WEIGHTS / entry["file"], entry["sha256"], entry["precision"])


def _likelihood(entry: dict[str, Any] | None) -> Likelihood | None:
    if entry is None:
        return None
    fixed = {name: _tuples(value) for name, value in entry.items() if name != "guarantee"}
    return Likelihood(**fixed, guarantee=Guarantee(**entry["guarantee"]))


def _tuples(value: Any) -> Any:
    """Lists as tuples, at every depth: what is stored as JSON must not change."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _evidence(entry: dict[str, Any] | None) -> EvidenceMap | None:
    if entry is None:
        return None
    iou = entry["iou"]
    return EvidenceMap(
        file=_file(entry),
        threshold=entry["threshold"],
        shown=entry["shown"],
        iou=(iou[0], iou[1]) if iou else None,
        part=entry["part"],
    )

"""From clips to face crops on disk, with a manifest of who, what, when and which split.

The faces are found as the service finds them: its own reader, detector, tracks and framing. Nobody
is in two of the splits, and no recording.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from convert.dataset import some
from server.analysis.faces import FaceFinder
from server.analysis.records import Track
from server.analysis.tracks import Tracker
from server.analysis.video import MediaReader
from server.errors import AppError
from training.data import tables
from training.data.crops import DONE, SIDE_PX, Uint8, decode
from training.data.sources import Clip, find

QUALITY = 95  # of JPEG
MAX_CROPS = 24  # of one clip, spread over it
SAMPLES_PER_S = 3.0
MAX_SAMPLES = 720
MIN_FACE_PX = 40
SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
COLUMNS = (
    "file", "label", "split", "source", "identity", "method", "compression", "clip", "time_s",
    "face_px", "sharpness", "frontality",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """How it went: clips that gave crops, crops, what was wrong with each other clip, and how many
    crops of each label each split has."""

    clips: int
    crops: int
    skipped: dict[str, str]
    parts: dict[str, dict[str, int]]


def prepare(
    sources: Iterable[Path],
    folder: Path,
    max_crops: int = MAX_CROPS,
    seed: int = 0,
    lossless: bool = False,
) -> Prepared:
    """Write folder/{real,fake}/CLIP-NNN.jpg and folder/manifest.csv from all clips of `sources`.

    `lossless`: PNG instead, for measuring exactly what the service would see.

    What was done is noted clip by clip in folder/done.jsonl, so that a second call goes on where
    the first was interrupted; a clip that changed since is done again. A clip that cannot be read,
    or shows nobody, is noted and skipped. Raises OSError where the crops cannot be written.
    """
    clips = [clip for source in sources for clip in find(source)]
    _check_names(clips)
    split(clips, seed=seed)  # refuses what the data states wrongly, before work is spent
    done = read_done(folder)
    for label in ("real", "fake"):
        (folder / label).mkdir(parents=True, exist_ok=True)
    made = {clip.name: _made_of(clip, max_crops, lossless) for clip in clips}
    waiting = [clip for clip in clips if not _is_done(done.get(clip.name), made[clip.name], folder)]
    with (folder / DONE).open("a", encoding="utf-8") as notes:
        for clip in tqdm(waiting, unit="clip", mininterval=1):
            found = _prepare(clip, folder, max_crops, lossless)
            done[clip.name] = {**found, "of": made[clip.name]}
            notes.write(json.dumps({"clip": clip.name, **done[clip.name]}) + "\n")
            notes.flush()
    kept = [clip for clip in clips if done[clip.name]["crops"]]
    rows = _rows(kept, split(kept, seed=seed), done)
    tables.write(folder / "manifest.csv", rows, COLUMNS)
    errors = {clip.name: done[clip.name]["error"] for clip in clips}
    skipped = {name: error for name, error in sorted(errors.items()) if error}
    counts = Counter((row["split"], row["label"]) for row in rows)
    parts = {part: {label: counts[part, label] for label in ("real", "fake")} for part in SHARES}
    return Prepared(len(kept), len(rows), skipped, parts)


def read_done(folder: Path) -> dict[str, Any]:
    """What was noted of each clip; a line that was cut off in writing does not count."""
    path = folder / DONE
    content = path.read_bytes() if path.is_file() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(path, len(whole))
    notes = filter(None, map(_note, whole.splitlines()))
    return {note.pop("clip"): note for note in notes}


def _note(line: bytes) -> dict[str, Any]:
    """A line of done.jsonl; {} if it is damaged, as after a loss of power."""
    try:
        note = json.loads(line)
    except ValueError:
        return {}
    whole = isinstance(note, dict) and note.keys() >= {"clip", "crops", "error"}
    return note if whole else {}


def _check_names(clips: Sequence[Clip]) -> None:
    count = Counter(clip.name.casefold() for clip in clips)
    twice = sorted({str(clip.path) for clip in clips if count[clip.name.casefold()] > 1})
    if twice:
        raise ValueError(
            f"two clips have the same name, {some(twice)}: prepare them into folders of their own"
        )


def _made_of(clip: Clip, max_crops: int, lossless: bool) -> list[Any]:
    """What the crops of a clip depend on."""
    try:
        status = clip.path.stat()
    except OSError:  # a link that leads nowhere: reading it raises the error
        return []
    return [status.st_size, status.st_mtime_ns, max_crops, lossless]


def _is_done(note: dict[str, Any] | None, made_of: list[Any], folder: Path) -> bool:
    """Whether a clip was done as it is now, and its crops are still there. Notes of earlier
    versions do not state what they were made of."""
    return (
        note is not None
        and note.get("of", made_of) == made_of
        and all((folder / crop["file"]).is_file() for crop in note["crops"])
    )


def _prepare(clip: Clip, folder: Path, max_crops: int, lossless: bool) -> dict[str, Any]:
    try:
        track = person(clip, max_crops)
    except (AppError, ValueError, cv2.error) as error:
        tqdm.write(f"{clip.name} in {clip.path}: {error}", file=sys.stderr)
        return {"crops": [], "error": str(error)}
    return {"crops": _write(clip, track, folder, "png" if lossless else "jpg"), "error": ""}


def _write(clip: Clip, track: Track, folder: Path, suffix: str) -> list[dict[str, Any]]:
    written = []
    how = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if suffix == "jpg" else []
    for n, crop in enumerate(track.crops):
        file = f"{clip.label}/{clip.name}-{n:03}.{suffix}"
        # OpenCV's own writing does not tell of a full disk.
        (folder / file).write_bytes(cv2.imencode(f".{suffix}", crop[..., ::-1], how)[1].tobytes())
        written.append(
            {
                "file": file,
                "time_s": round(float(track.crop_times_s[n]), 3),
                "face_px": round(float(track.sizes_px[n])),
                "sharpness": round(float(track.sharpness[n]), 3),
                "frontality": round(float(track.frontality[n]), 3),
            }
        )
    return written


def _rows(
    clips: Sequence[Clip], splits: Sequence[str], done: dict[str, Any]
) -> list[dict[str, Any]]:
    return [
        {
            "label": clip.label,
            "split": part,
            "source": clip.source,
            "identity": clip.people[0],
            "method": clip.method,
            "compression": clip.compression,
            "clip": clip.name,
            **crop,
        }
        for clip, part in zip(clips, splits, strict=True)
        for crop in done[clip.name]["crops"]
    ]


class NoFaceError(ValueError):
    """Nobody was found in the clip."""


def person(clip: Clip, max_crops: int, side_px: int = SIDE_PX) -> Track:
    """The person who fills the most of the clip, with at most `max_crops` crops.

    A crop that lies in an archive is taken as it is. Raises NoFaceError; AppError or ValueError if
    the file cannot be read.
    """
    if clip.crop is not None:
        return _as_it_is(decode(clip.crop()))
    tracker = Tracker(side_px, max_crops)
    finder = _finder()
    with MediaReader(clip.path) as reader:
        for frame in reader.frames(SAMPLES_PER_S, MAX_SAMPLES):
            tracker.add(frame, finder.find(frame.rgb))
    tracks = [track for track in tracker.tracks() if len(track.crops)]
    if not tracks:
        raise NoFaceError("no face was found")
    return max(tracks, key=_area)


def _area(track: Track) -> float:
    return float(np.prod(track.boxes[:, 2:] - track.boxes[:, :2], axis=1).sum())


@cache
def _finder() -> FaceFinder:
    return FaceFinder(MIN_FACE_PX)


def _as_it_is(crop: Uint8) -> Track:
    side = np.float32(max(crop.shape))
    whole = np.array([[0, 0, side, side]], np.float32)
    ones = np.ones(1, np.float32)
    zero = np.zeros(1, np.float64)
    return Track(1, zero, whole, crop[None], zero, ones, ones, ones, ones * side)


def split(clips: Sequence[Clip], shares: Mapping[str, float] = SHARES, seed: int = 0) -> list[str]:
    """The split of each clip.

    Clips that share a person or a recording stay together, and so does who shares one with them:
    the two sources of a swap end in one split. Each such group goes where most is missing, the
    larger groups first; the same seed gives the same split. A split that the data states is kept.
    Raises ValueError where stated splits share somebody.
    """
    group_of = _groups(clips)
    stated: dict[int, set[str]] = defaultdict(set)
    sizes: Counter[int] = Counter()
    for clip, group in zip(clips, group_of, strict=True):
        sizes[group] += 1
        if clip.split:
            stated[group].add(clip.split)
    given: Counter[str] = Counter()
    chosen: dict[int, str] = {}
    for group, wanted in stated.items():
        if len(wanted) > 1:
            shown = next(c for c, g in zip(clips, group_of, strict=True) if g == group)
            raise ValueError(f"{' and '.join(sorted(wanted))} share somebody: see {shown.name}")
        chosen[group] = next(iter(wanted))
        given[chosen[group]] += sizes[group]
    names: dict[int, str] = {}
    for clip, group in zip(clips, group_of, strict=True):
        names[group] = min(names.get(group, clip.name), clip.name)
    free = sorted(
        (group for group in sizes if group not in chosen),
        key=lambda group: (-sizes[group], _draw(seed, names[group])),
    )
    total = len(clips)
    for group in free:
        chosen[group] = max(shares, key=lambda name: shares[name] * total - given[name])
        given[chosen[group]] += sizes[group]
    return [chosen[group] for group in group_of]


def _groups(clips: Sequence[Clip]) -> list[int]:
    """A number for each clip; equal where clips are connected by people or recordings."""
    leader = list(range(len(clips)))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    first: dict[str, int] = {}
    for i, clip in enumerate(clips):
        for key in _keys(clip):
            leader[find(i)] = find(first.setdefault(key, i))
    return [find(i) for i in range(len(clips))]


def _keys(clip: Clip) -> list[str]:
    return [f"source {clip.source}", *(f"person {person}" for person in clip.people)]


def _draw(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest()

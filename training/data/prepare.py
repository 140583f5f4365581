"""From clips to face crops on disk, with a manifest of who, what, when and which split."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from convert.dataset import some
from server.analysis.records import Track
from server.errors import AppError
from training.data import faces, tables
from training.data.crops import DONE
from training.data.sources import Clip, find
from training.data.splits import SHARES, split

QUALITY = 95  # of JPEG
MAX_CROPS = 24  # of one clip, spread over it
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
    except OSError:  # a link that leads nowhere: its reader has the words for it
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
        track = faces.person(clip, max_crops)
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

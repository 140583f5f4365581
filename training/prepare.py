"""From clips to face crops on disk, with a manifest that says who, what, when and which split."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from server.analysis.records import Track
from server.errors import AppError
from training import faces
from training.sources import Clip, find
from training.splits import split

QUALITY = 95  # of JPEG
MAX_CROPS = 24  # of one clip, spread over it
COLUMNS = (
    "file", "label", "split", "source", "identity", "method", "compression", "clip", "time_s",
    "face_px", "sharpness", "frontality",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """How it went: clips that gave crops, crops, and what was wrong with each other clip."""

    clips: int
    crops: int
    skipped: dict[str, str]


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
    the first was interrupted. A clip that cannot be read, or shows nobody, is noted and skipped.
    """
    clips = [clip for source in sources for clip in find(source)]
    names = {clip.name for clip in clips}
    if len(names) < len(clips):
        raise ValueError("two clips have the same name; prepare them into folders of their own")
    done = read_done(folder)
    for label in ("real", "fake"):
        (folder / label).mkdir(parents=True, exist_ok=True)
    with (folder / "done.jsonl").open("a") as notes:
        for clip in tqdm([c for c in clips if c.name not in done], unit="clip", mininterval=1):
            done[clip.name] = _prepare(clip, folder, max_crops, lossless)
            notes.write(json.dumps({"clip": clip.name, **done[clip.name]}) + "\n")
            notes.flush()
    kept = [clip for clip in clips if done[clip.name]["crops"]]
    rows = _rows(kept, split(kept, seed=seed), done)
    with (folder / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    skipped = {name: done[name]["error"] for name in sorted(names) if done[name]["error"]}
    return Prepared(len(kept), len(rows), skipped)


def read_done(folder: Path) -> dict[str, Any]:
    """What was noted of each clip; a line that was cut off in writing does not count."""
    path = folder / "done.jsonl"
    text = path.read_text() if path.is_file() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    notes = [json.loads(line) for line in whole.splitlines()]
    return {note["clip"]: {"crops": note["crops"], "error": note["error"]} for note in notes}


def _prepare(clip: Clip, folder: Path, max_crops: int, lossless: bool) -> dict[str, Any]:
    suffix = "png" if lossless else "jpg"
    try:
        return {"crops": _write(clip, faces.person(clip, max_crops), folder, suffix), "error": ""}
    except (AppError, ValueError) as error:
        tqdm.write(f"{clip.name} in {clip.path}: {error}")
        return {"crops": [], "error": str(error)}


def _write(clip: Clip, track: Track, folder: Path, suffix: str) -> list[dict[str, Any]]:
    written = []
    for n, crop in enumerate(track.crops):
        file = f"{clip.label}/{clip.name}-{n:03}.{suffix}"
        how = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if suffix == "jpg" else []
        cv2.imwrite(str(folder / file), crop[..., ::-1], how)
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

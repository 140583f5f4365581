"""What the Python side computes of pictures and clips, as files for extension/parity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.preprocess import face_crop, resize
from models.pyramid import levels
from server.analysis import cascade, cuts, matching, stability
from server.analysis.analyze import Analyzer
from server.analysis.answer import to_json
from server.analysis.boxes import to_fractions
from server.analysis.crops import frontality, sharpness
from server.analysis.faces import FaceFinder
from server.analysis.likelihood import of_stills, support
from server.analysis.records import Faces, Frame, MediaFile, Track, TrackScores
from server.analysis.tracks import Tracker
from server.analysis.verdict import judge
from server.analysis.video import MediaReader
from server.analysis.weighing import Rules
from server.terms import AnalysisOptions
from tests.contract.test_verdict_contract import LIKELIHOOD
from tests.media import clip, moving, picture
from tests.server.scenes import HEAD, scene

OPTIONS = AnalysisOptions(explain=False)
BOX = (10, 20, 110, 140)
# Of no network, of one that few people are behind, of one that many are.
LIKELIHOODS = (
    None,
    replace(LIKELIHOOD, line=(0.1, -0.3, 0.2, 0.9, 0.2, -0.1)),
    replace(LIKELIHOOD, bounds=(1e-4, 2e4), line=(-0.2, 0.3, 0.1, 1.4, 0.1, 0.3)),
)
SIDE_PX = 144  # of the tracks' crops
SIZES = ((320, 180), (256, 256), (301, 77), (64, 36))
PYRAMIDS = ((640, 360), (1280, 720), (333, 517), (20, 20), (8, 300))
WINDOWS = [
    [30, 40, 90, 100],
    [-20.5, 10.25, 60.3, 91.1],
    [450, 440, 540, 530],
    [200.2, 90.7, 330, 221],
]


class Golden:
    """A folder of arrays, NAME.bin, and of values.json."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.values: dict[str, Any] = {"arrays": {}}

    def keep(self, name: str, array: np.ndarray) -> str:
        array = np.ascontiguousarray(array)
        assert array.dtype in (np.uint8, np.float32), array.dtype
        self.values["arrays"][name] = {"shape": array.shape, "dtype": str(array.dtype)}
        (self._folder / f"{name}.bin").write_bytes(array.tobytes())
        return name

    def write(self) -> None:
        (self._folder / "values.json").write_text(json.dumps(self.values))


def write(folder: Path, astronaut: np.ndarray) -> None:
    cv2.setNumThreads(1)
    golden = Golden(folder)
    _pixels(golden, astronaut)
    _pictures(golden, astronaut)
    golden.values["tracks"] = _tracks(golden, astronaut)
    golden.values["judged"] = [_judgement(seed) for seed in range(90)]
    golden.values["clips"] = [
        _video(golden, folder / "head.mp4", astronaut),
        _still(golden, folder / "still.png", astronaut),
    ]
    golden.write()


def write_clips(folder: Path, clips: Sequence[Path], samples: int) -> None:
    """Only what the service finds in so many pictures of each of these."""
    golden = Golden(folder)
    golden.values["pictures"] = []
    options = replace(OPTIONS, max_samples=samples)
    golden.values["clips"] = [_judged(golden, path, options) for path in clips]
    golden.write()


def _pixels(golden: Golden, face: np.ndarray) -> None:
    values = golden.values
    golden.keep("face", face)
    values["shrunk"] = []
    for width, height in SIZES:
        name = f"shrunk-{width}-{height}"
        for kind, given in (("bytes", face), ("floats", face.astype(np.float32))):
            small = cv2.resize(given, (width, height), interpolation=cv2.INTER_AREA)
            golden.keep(f"{name}-{kind}", small)
        values["shrunk"].append({"name": name, "width": width, "height": height})
    values["pyramids"] = [_pyramid(*size) for size in PYRAMIDS]
    values["windows"] = WINDOWS
    rows = np.array([[*window, 0] for window in WINDOWS], np.float32)
    golden.keep(
        "windows", cascade.extract_patches(face.astype(np.float32), rows, 24).reshape(-1, 24, 3)
    )
    golden.keep("lab", cv2.cvtColor(face, cv2.COLOR_RGB2LAB))
    golden.keep("grey", cv2.cvtColor(face, cv2.COLOR_RGB2GRAY))
    _crops(golden, face)
    scenes = [face, np.roll(face, 40, axis=1), face[:, ::-1], scene(face, 1), scene(face, 2)]
    values["scenes"] = [golden.keep(f"scene-{i}", rgb) for i, rgb in enumerate(scenes)]
    small = [cuts.thumbnail(rgb) for rgb in scenes]
    values["likeness"] = [[cuts.likeness(one, other) for other in small] for one in small]


def _pyramid(width: int, height: int) -> dict[str, Any]:
    found = levels(height, width)
    return {
        "size": {"width": width, "height": height},
        "levels": [
            {"scale": x.scale, "width": x.width, "height": x.height, "cells": x.cells}
            for x in found
        ],
    }


def _crops(golden: Golden, face: np.ndarray) -> None:
    """Of the face, of one that is turned and near the corner, and of a tiny one."""
    [landmarks] = FaceFinder().find(face).landmarks
    turned = landmarks * np.float32([0.4, 0.5]) + np.float32([-60, 10])
    tiny = (landmarks - landmarks.mean(axis=0)) * np.float32(0.2) + np.float32([300, 400])
    crops, looks = [], []
    for i, (points, side_px) in enumerate(((landmarks, 144), (turned, 144), (tiny, 160))):
        rgb = face_crop(face, points, side_px)
        golden.keep(f"crop-{i}", rgb)
        looks.append(matching.appearance(face, points).tolist())
        crops.append({
            "landmarks": points.tolist(), "side_px": side_px,
            "sharpness": sharpness(rgb), "frontality": frontality(points),
        })  # fmt: skip
    golden.values["crops"] = crops
    golden.values["looks"] = looks
    first = face_crop(face, landmarks, 144)
    golden.keep("scaled", stability.scaled(first))
    golden.keep("shifted", stability.shifted(first))
    golden.keep("flipped", np.ascontiguousarray(first[:, ::-1]))
    golden.keep("grown", resize(face_crop(face, turned, 144), 200))


def _pictures(golden: Golden, astronaut: np.ndarray) -> None:
    finder = FaceFinder()
    found = []
    for seed in (3, 5, 8):
        rgb = scene(astronaut, seed)
        faces = _faces(finder.find(rgb))
        found.append({"name": golden.keep(f"picture-{seed}", rgb), "faces": faces})
    assert sum(len(entry["faces"]) for entry in found) >= 4
    golden.values["pictures"] = found


def _tracks(golden: Golden, astronaut: np.ndarray) -> dict[str, Any]:
    """Two who pass each other, and after a cut one of them elsewhere."""
    head = cv2.resize(astronaut[HEAD], (150, 150), interpolation=cv2.INTER_AREA)
    other = np.ascontiguousarray(head[:, ::-1]) // 2
    finder, tracker, frames = FaceFinder(), Tracker(SIDE_PX, 3), []
    for index in range(8):
        before = index < 6
        rgb = np.full((270, 480, 3), 96 if before else 30, np.uint8)
        if not before:
            rgb[:, ::7] = (200, 30, 30)
        x = 40 + 30 * index
        rgb[100:250, x : x + 150] = head
        if before:
            rgb[10:160, 330 - 30 * index : 480 - 30 * index] = other
        frame = Frame(index, index / 3, rgb)
        faces = finder.find(rgb)
        tracker.add(frame, faces)
        frames.append({
            "name": golden.keep(f"track-{index}", rgb), "time_s": frame.time_s,
            "faces": _faces(faces),
        })  # fmt: skip
    return {"side_px": SIDE_PX, "frames": frames, "tracks": [_track(t) for t in tracker.tracks()]}


def _faces(faces: Faces) -> list[dict[str, Any]]:
    columns = (faces.boxes.tolist(), faces.scores.tolist(), faces.landmarks.tolist())
    rows = zip(*columns, strict=True)
    return [{"box": b, "score": s, "landmarks": marks} for b, s, marks in rows]


def _track(track: Track) -> dict[str, Any]:
    return {
        "id": track.id,
        "times_s": track.times_s.tolist(),
        "boxes": track.boxes.tolist(),
        "crop_times_s": track.crop_times_s.tolist(),
        "sharpness": track.sharpness.tolist(),
    }


def _judgement(seed: int) -> dict[str, Any]:
    """A made-up person, and what the rules make of them."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 25))
    logits = random.normal(random.uniform(-4, 4), random.uniform(0.1, 1.5), count)
    if seed % 3 == 0:
        logits[: count // 3] += 5  # a part is another's
    p_fake = (1 / (1 + np.exp(-logits))).astype(np.float32)
    measures = [random.uniform(low, high, count).astype(np.float32)
                for low, high in ((0.28, 0.9), (0.2, 1.0), (90, 250))]  # fmt: skip
    times_s = np.arange(count) / 3
    track = Track(
        id=seed,
        times_s=times_s,
        boxes=np.tile(np.float32(BOX), (count, 1)),
        crops=np.zeros((count, 2, 2, 3), np.uint8),
        crop_times_s=times_s,
        quality=np.ones(count, np.float32),
        sharpness=measures[0],
        frontality=measures[1],
        sizes_px=measures[2],
    )
    still = count == 1
    likelihood = LIKELIHOODS[seed // 3 % 3]
    own = likelihood and of_stills(likelihood) if still else likelihood
    rules = Rules(0.93, 0.23, min_crops=1 if still else Rules().min_crops, likelihood=own)
    face = judge(track, TrackScores(seed, p_fake), rules)
    return {
        "thresholds": {"fake_at": 0.93, "real_at": 0.23}, "still": still,
        "times_s": times_s.tolist(), "p_fake": p_fake.tolist(),
        "sharpness": measures[0].tolist(), "frontality": measures[1].tolist(),
        "sizes_px": measures[2].tolist(), "label": face.label, "reasons": face.reasons,
        "likelihood": asdict(likelihood) if likelihood else None,
        "level": face.level, "lr": face.ratio and face.ratio.lr,
        "lr_interval": face.ratio and face.ratio.interval,
        "support": face.ratio and asdict(support(face.ratio.lr)),
        "stretch_s": face.stretch_s,
        "p": face.p_fake, "interval": face.interval, "box": to_fractions(BOX, 480, 270),
        "moments": [[moment.time_s, moment.p_fake] for moment in face.moments],
    }  # fmt: skip


def _video(golden: Golden, path: Path, astronaut: np.ndarray) -> dict[str, Any]:
    head = astronaut[HEAD]
    pictures = [*moving(head, 60, (640, 360))]
    return _judged(golden, clip(path, pictures))


def _still(golden: Golden, path: Path, astronaut: np.ndarray) -> dict[str, Any]:
    return _judged(golden, picture(path, astronaut))


def _judged(golden: Golden, path: Path, options: AnalysisOptions = OPTIONS) -> dict[str, Any]:
    """The frames that the service looks at, and its verdict on them."""
    verdict = to_json(Analyzer(options).analyze(MediaFile(path)))
    with MediaReader(path) as reader:
        frames = [*reader.frames(options.samples_per_s, options.max_samples, 0.0, None)]
    names = [golden.keep(f"{path.stem}-{frame.index}", frame.rgb) for frame in frames]
    assert verdict["media"]["sampled_s"] == [round(frame.time_s, 3) for frame in frames]
    return {"frames": names, "times_s": [frame.time_s for frame in frames], "verdict": verdict}

"""Damaged media through the decode child: confined as for a check, with the whole analysis.

Short here; `make fuzz` sets FUZZ_MEDIA to thousands. Each file gives a verdict or a named error, in
bounded time; the child is never lost. What the reader makes of them is in test_video_mutations.py.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.heif import tiled
from tests.media import clip, moving, picture
from tests.server.service import ROOT
from tests.server.test_confined_child import task_for
from tests.server.test_video_mutations import MUTATIONS

COUNT = int(os.environ.get("FUZZ_MEDIA", "60"))
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
FILE_S = 30.0  # for one file of a few kilobytes, on a busy machine

# Reads names of files in its folder; answers each with a line. Confined before the first one.
PROGRAM = """
import json, sys
from pathlib import Path
from server.errors import AppError
from server.processes import check_main
from server.processes.protocol import Task
from server.analysis.analyze import Analyzer
from server.analysis.records import MediaFile
from server.terms import AnalysisOptions
from server.analysis.answer import to_json
task = Task.of(json.loads(sys.stdin.readline()))
folder = Path(task.work.file)
check_main.confine_to(folder, task.work, task.parent_pid)
analyzer = Analyzer(AnalysisOptions(samples_per_s=5))
for name in map(str.strip, sys.stdin):
    try:
        media = MediaFile(folder / name)
        answer = to_json(analyzer.analyze(media))["label"]
    except AppError as error:
        answer = error.code
    except MemoryError:
        answer = "memory-limit"
    except BaseException as error:
        answer = f"leaked {error!r}"
    print(answer, flush=True)
"""
NAMED = {
    "corrupt-media",
    "not-media",
    "no-video",
    "copy-protected",
    "too-large",
    "memory-limit",
    "empty-file",
}
LABELS = {"fake", "real", "inconclusive", "no-face"}


def seeds(folder: Path, face: np.ndarray) -> list[Path]:
    """A small sound file of each kind."""
    size = (96, 64)
    fast = {"movflags": "frag_keyframe+empty_moov"}
    small = face[:256:2, 96:352:2]
    return [
        clip(folder / "a.mp4", moving(face, 8, size)),
        clip(folder / "fragments.mp4", moving(face, 8, size), muxing=fast, sound=True),
        clip(folder / "a.webm", moving(face, 8, size)),
        clip(folder / "a.gif", moving(face, 8, size)),
        clip(folder / "animated.webp", moving(face, 8, size), codec="libwebp_anim"),
        tiled(folder / "tiles.heic", face[:120, :180], 64),
        *(picture(folder / f"a.{ending}", small) for ending in ("jpg", "png", "webp")),
    ]


def damage(folder: Path, originals: list[Path], count: int) -> list[str]:
    """The names of `count` damaged files, the same ones for the same seed."""
    rng, names = np.random.default_rng(SEED), []
    contents = [path.read_bytes() for path in originals]
    for number in range(count):
        which = number % len(originals)
        data = bytearray(contents[which])
        for _ in range(rng.integers(1, 3)):
            if data:
                MUTATIONS[rng.integers(len(MUTATIONS))](data, rng)
        names.append(f"{number}-{originals[which].name}")
        (folder / names[-1]).write_bytes(data)
    return names


def answers(folder: Path, names: list[str], scratch: Path) -> dict[str, str]:
    """The child's answer for each file; fails if it hangs or ends."""
    task = task_for(folder, scratch, cpu_s=60 + 10 * len(names))
    task = dataclasses.replace(task, parent_pid=os.getpid())
    found: dict[str, str] = {}
    with (scratch / "errors.txt").open("wb") as errors, subprocess.Popen(
        [sys.executable, "-B", "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        bufsize=1,
    ) as child, selectors.DefaultSelector() as selector:  # fmt: skip
        assert child.stdin
        assert child.stdout
        selector.register(child.stdout, selectors.EVENT_READ)
        try:
            child.stdin.write(json.dumps(task.to_json()) + "\n")
            for name in names:
                child.stdin.write(name + "\n")
                assert selector.select(FILE_S + 30 * (not found)), f"{name} hangs"
                found[name] = child.stdout.readline().strip()
                if not found[name]:
                    pytest.fail(f"{name} ended the child: {child.wait()}")
        finally:
            child.kill()
    return found


@pytest.mark.attack
@pytest.mark.timeout(60 + 10 * COUNT)
def test_damaged_media_cost_no_child(tmp_path: Path, astronaut: np.ndarray) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    names = damage(folder, seeds(tmp_path, astronaut), COUNT)
    begun = time.monotonic()
    found = answers(folder, names, tmp_path)
    count = collections.Counter(found.values())
    print(f"{len(found)} files in {time.monotonic() - begun:.0f} s: {dict(count)}")
    assert {n: answer for n, answer in found.items() if answer not in NAMED | LABELS} == {}
    assert sum(count[label] for label in LABELS) > COUNT / 4, "damage that ends all proves little"
    assert sum(count[code] for code in NAMED) > COUNT / 10, "damage that all survive proves little"

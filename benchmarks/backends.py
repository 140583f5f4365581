"""Does Keras give the verdicts that TFLite gives? Whole checks of clips, compared face by face.

TFLite computes in float32 here, as Keras does; what the service runs by default is 8 bits wide, and
`python -m convert verify` measures what that costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.compare import write
from benchmarks.machine import setting
from benchmarks.options import data, line, needed, option
from models import registry
from server.analysis.analyze import Analyzer
from server.analysis.records import MediaFile, Verdict
from server.analysis.runtimes.base import Networks
from server.gpu import device
from server.gpu.keras import KerasNetworks
from server.terms import AnalysisOptions

PATTERN = "clips/*/*.mp4"
NETWORK = "meso3"  # of which there is a float32 file
MOST_DP, MOST_PX = 1e-3, 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One clip: the largest differences over all samples of all faces."""

    clip: str
    backend: str
    faces: int
    samples: int
    same_labels: bool  # and as many faces, seen at the same moments
    dp: float  # P(fake), of faces and samples
    box_px: float

    @property
    def holds(self) -> bool:
        return self.same_labels and self.dp <= MOST_DP and self.box_px <= MOST_PX


@dataclass(frozen=True, slots=True)
class Options:
    clips: tuple[str, ...] = option("names; all if not given", ())
    samples_per_s: float = option("of each clip", 1.0)
    data: Path = data()
    results: Path | None = option("a table to write", None)


def clips(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """All, or those of these names. Raises Missing if there are none at all."""
    needed(folder, PATTERN)
    return [path for path in sorted(folder.glob(PATTERN)) if not names or path.stem in names]


def rows(
    paths: list[Path], options: AnalysisOptions, networks: Networks | None = None
) -> Iterator[Row]:
    """One for each clip. `networks`: None for those on Keras in float32.

    Raises ModelError where Keras or its backend is missing.
    """
    networks = networks or KerasNetworks()
    with float32_on_tflite():
        for path in paths:
            tflite, keras = (
                Analyzer(options, networks=each).analyze(MediaFile(path))
                for each in (None, networks)
            )
            yield compared(path.stem, tflite, keras)


def compared(clip: str, tflite: Verdict, keras: Verdict) -> Row:
    """Both verdicts on one clip."""
    pairs = list(zip(tflite.faces, keras.faces, strict=False))
    same = len(tflite.faces) == len(keras.faces) and tflite.label == keras.label
    same &= keras.model.backend == "keras" and tflite.model.backend == "tflite"
    dp, px, samples = 0.0, 0.0, 0
    for one, other in pairs:
        same &= (one.label, one.reasons) == (other.label, other.reasons)
        same &= [s.time_s for s in one.samples] == [s.time_s for s in other.samples]
        dp = max(dp, _apart(one.p_fake, other.p_fake))
        for a, b in zip(one.samples, other.samples, strict=False):
            samples += 1
            dp = max(dp, _apart(a.p_fake, b.p_fake))
            px = max(px, float(np.abs(a.box - b.box).max()))
    backend = f"keras on {device.backend()}"
    return Row(clip, backend, len(keras.faces), samples, same, round(dp, 6), round(px, 4))


@contextmanager
def float32_on_tflite() -> Iterator[None]:
    """Have TFLite run the float32 file of each classifier, whatever is served."""
    known = registry.spec

    def spec(name: str) -> registry.ModelSpec:
        found = known(name)
        return replace(found, serve="float32") if "float32" in found.files else found

    with patch.object(registry, "spec", spec):
        yield


def main(options: Options) -> bool:
    """Measure, print, and write `options.results`. True if all holds. Raises Missing."""
    asked = AnalysisOptions(samples_per_s=options.samples_per_s, explain=False, model=NETWORK)
    done = []
    for row in rows(clips(options.data, options.clips), asked):
        done.append(row)
        print(
            f"{row.clip}: {row.faces} faces, {row.samples} samples, dp {row.dp:.1e}, "
            f"boxes {row.box_px:.3f} px{'' if row.holds else ', DIFFERS'}",
            flush=True,
        )
    if options.results:
        about = setting(line(options), ("keras", device.backend(), "ai-edge-litert"))
        write([asdict(row) for row in done], about, options.results)
    holds = bool(done) and all(row.holds for row in done)
    wanted = f"P within {MOST_DP:g}, boxes within {MOST_PX:g} px"
    print("holds" if holds else f"does not hold: wanted {wanted}")
    return holds


def _apart(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 0.0 if one is other else 1.0
    return abs(one - other)

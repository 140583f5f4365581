"""What a check costs as videos get larger, more crowded and longer: a CSV file and three plots.

Of ours alone, a process for each check, and every point in turn, so that the machine's other work
weighs on all alike.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.clip import Scene, repeated
from benchmarks.compare import write
from benchmarks.machine import setting
from benchmarks.options import WORK, line, option, results
from benchmarks.peers import environments
from benchmarks.pipeline import ours
from benchmarks.processes import events

PACKAGES = ("ai-edge-litert", "av", "opencv-python-headless", "numpy")
SIZES = ((640, 360), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
FACES = (0, 1, 2, 4, 8, 20)
# Multiples of the first. Hours have a sample each 5 or 10 s, and pieces of 10 s would begin at each
# with a key picture, which is found without decoding any other.
LENGTHS_S = (12.0, 36.0, 60.0, 240.0, 960.0, 3600.0, 7200.0)
MANY = "many"  # the curve of another benchmark
AXES = {
    "resolution": "picture, megapixels",
    "faces": "faces in each picture",
    "length": "length of the video, seconds",
    MANY: "checks at once",
}


@dataclass(frozen=True, slots=True)
class Options:
    """`folder`: where videos are kept."""

    rounds: int = option("how often each point is measured", 3)
    seconds: float = option("of each video but the long ones", 20.0)
    results: Path = results("cost")
    folder: Path = WORK
    sizes: Sequence[tuple[int, int]] = SIZES
    faces: Sequence[int] = FACES
    lengths_s: Sequence[float] = LENGTHS_S

    def scenes(self) -> dict[tuple[str, float], Scene]:
        """By curve and place on its axis, but those by length."""
        by_size = {
            ("resolution", w * h / 1e6): Scene(w, h, self.seconds, faces=1, face_px=h // 6)
            for w, h in self.sizes
        }
        by_faces = {
            ("faces", float(faces)): Scene(seconds=self.seconds, faces=faces, face_px=90)
            for faces in self.faces
        }
        return by_size | by_faces

    def clips(self) -> dict[tuple[str, float], Path]:
        """By curve and place on its axis; made if need be."""
        clips = {point: scene.file(self.folder) for point, scene in self.scenes().items()}
        piece_s = min(self.lengths_s)
        piece = Scene(seconds=piece_s, faces=1).file(self.folder)
        for length_s in self.lengths_s:
            clip = self.folder / f"{length_s:g}s-of-{piece_s:g}s.mp4"
            clips["length", length_s] = repeated(piece, round(length_s / piece_s), clip)
        return clips


def main(options: Options) -> None:
    """Measure, print, write the results and a plot for each curve beside them. Raises Missing."""
    python, results = environments.lean(), options.results
    clips = options.clips()
    spent: dict[tuple[str, float], list[float]] = {point: [] for point in clips}
    answers: dict[tuple[str, float], dict[str, object]] = {}
    for _ in range(options.rounds):
        for point, clip in clips.items():
            said = events(ours(python, clip))
            spent[point].append(said["answer"]["at_s"] - said["ready"]["at_s"])
            answers[point] = said["answer"]
    medians = {point: statistics.median(seconds) for point, seconds in spent.items()}
    rows = [
        {
            "curve": curve,
            "at": f"{at:g}",
            "rounds": options.rounds,
            "seconds": f"{medians[curve, at]:.4g}",
            **{name: answers[curve, at][name] for name in ("pictures", "faces", "label")},
        }
        for curve, at in clips
    ]
    about = setting(line(options), {name: version(name) for name in PACKAGES})
    write(rows, about, results)
    for curve in dict.fromkeys(name for name, _ in medians):
        points = [(at, seconds) for (name, at), seconds in medians.items() if name == curve]
        print(*(f"{curve} {at:g}: {seconds:.3g} s" for at, seconds in points), sep="\n")
        plot(curve, points, results.with_name(f"{results.stem}-{curve}.png"))
    for curve, power in powers(medians).items():
        print(f"{curve} power={power:.2f}", flush=True)


def powers(medians: Mapping[tuple[str, float], float]) -> dict[str, float]:
    """The power of its axis with which each curve grows, from first to last point above 0."""
    found = {}
    for curve in AXES:
        points = sorted((at, s) for (name, at), s in medians.items() if name == curve and at > 0)
        if len(points) > 1:
            (x0, y0), (x1, y1) = points[0], points[-1]
            found[curve] = math.log(y1 / y0) / math.log(x1 / x0)
    return found


def plot(curve: str, points: Sequence[tuple[float, float]], path: Path) -> None:
    """Seconds over the curve's axis, and in grey what growing in proportion would be, or for MANY
    the first for all."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    xs, ys = zip(*sorted(points), strict=True)
    figure, axes = pyplot.subplots(figsize=(5, 3.5), layout="constrained")
    first = next(((x, y) for x, y in zip(xs, ys, strict=True) if x > 0), (1.0, ys[0]))
    line = [first[1] * (1 if curve == MANY else x / first[0]) for x in xs]
    name = "one after the other" if curve == MANY else "in proportion to the first"
    axes.plot(xs, line, color="0.7", linestyle="--", label=name)
    axes.plot(xs, ys, marker="o", label="measured", clip_on=False)
    if curve == "length":
        axes.loglog()
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    else:
        axes.set_ylim(0, max(ys) * 1.3)
        axes.set_xlim(0)
    axes.set_xlabel(AXES[curve])
    axes.set_ylabel("seconds for all" if curve == MANY else "seconds for a check")
    axes.grid(color="0.9")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)

"""The whole check of one file: frames -> faces -> tracks -> scores -> verdict. Read this first."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2

from models import registry
from server.analysis.answer import to_json
from server.analysis.clock import Clock
from server.analysis.explain import Explainer
from server.analysis.faces import FaceFinder
from server.analysis.finding import Found, find_each
from server.analysis.likelihood import of_stills
from server.analysis.pictures import SmallFrames, face_pictures
from server.analysis.records import Frame, MediaFile, Progress, Track, Verdict
from server.analysis.runtimes.base import Networks
from server.analysis.scoring import Scorer, Scorers
from server.analysis.stability import Score
from server.analysis.tracks import Tracker
from server.analysis.verdict import Analyzed, combine, is_settled, judge, of_network
from server.analysis.video import MediaReader
from server.analysis.weighing import Rules
from server.errors import BadValue
from server.terms import AnalysisOptions

PARTIAL_S = 2.0  # of wall time between two verdicts so far
IN_SIGHT = 3  # pictures of the first look, one a second from where a person is
KEY_FRAMES = 6  # of the first look, over the whole
WORTH_A_LOOK = 5 * KEY_FRAMES  # samples that a video must have to get one
SETTLED_AFTER, SETTLED_EVERY = 90, 30  # samples: half a minute is always looked at whole
FRAMES_SHARE = 0.95  # of the progress; what comes after the last frame is short
# Those that the numbers depend on; of the two TFLite runtimes one is installed.
PACKAGES = ("ai-edge-litert", "tflite-runtime", "av", "numpy", "opencv-python-headless")
# Those that networks and pictures are computed with, if there.
INSTRUCTIONS = ("sse4_1", "avx", "fma", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


class Analyzer:
    """Holds the networks for one kind of check; any number of files may follow one another.

    Belongs to one thread. Raises ModelError if a network is missing or damaged.
    """

    def __init__(
        self, options: AnalysisOptions, threads: int = 1, networks: Networks | None = None
    ) -> None:
        """`threads`: frames in which faces are looked for at the same time, and threads of the
        classifier. `networks`: what runs the full networks, if not TFLite."""
        cv2.setNumThreads(1)  # decoder and detector have threads already
        self._options = options
        self._threads = threads
        self._finder = FaceFinder(options.min_face_px, networks=networks)
        self._scorers = Scorers(options, networks, threads)
        self._explainer = _explainer(self._scorers) if options.explain else None

    def analyze(
        self,
        media: MediaFile,
        on_progress: Callable[[Progress], None] = lambda _: None,
        watched_s: float | None = None,
    ) -> Verdict:
        """One verdict per face. An exception raised by `on_progress` ends the check.

        `watched_s`: where in the media its viewer is. The first verdict so far knows where the
        faces are from there on; the verdict itself is the same.

        Raises the AppErrors of MediaReader; BadValue if the media shows nothing between the
        options' start and end; ModelError if a network answers nonsense.
        """
        options = self._options
        with MediaReader(media.path) as reader:
            check = _Check(self._finder, self._scorers, options, media, reader)
            report = _Report(check, on_progress)
            if check.is_long():
                self._look_first(check, report, watched_s)
            frames = reader.frames(options.samples_per_s, options.max_samples, *check.span)
            tracker = Tracker(self._scorers.side_px, options.max_crops)
            with self._found(check.clock.each("frames", frames)) as found:
                for frame, faces in check.clock.each("faces", found):
                    if check.settled:
                        check.stopped_early = True
                        break
                    with check.clock.during("tracks"):
                        tracker.add(frame, faces)
                    check.seen(frame, tracker)
                    report.after(frame, tracker)
            check.ensure_seen()
            report.scoring()
            verdict = check.final(tracker.tracks(), self._explainer)
            report.done(verdict)
            return verdict

    def _found(self, frames: Iterable[Frame]) -> closing[Generator[Found, None, None]]:
        return closing(find_each(self._finder, frames, self._threads))

    def _look_first(self, check: _Check, report: _Report, watched_s: float | None) -> None:
        """A verdict within moments: of what a person is about to see, and then of a few pictures of
        the whole that need no others to be decoded."""
        looks = [check.reader.key_frames(KEY_FRAMES, *check.span, watched_s)]
        if watched_s is not None:
            looks.insert(0, check.reader.frames_ahead(IN_SIGHT, watched_s, *check.span))
        for frames in looks:
            tracker = Tracker(self._scorers.side_px, self._options.max_crops)
            with check.clock.during("first look"), self._found(frames) as found:
                for frame, faces in found:
                    tracker.add(frame, faces)
                    check.seen(frame, tracker)
                    report.alive()
            if check.pictures:
                report.so_far(tracker)
            check.start_over()


def _explainer(scorers: Scorers) -> Explainer | None:
    """Of the first network that has a map which people may see."""
    for scorer in (scorers.deciding, scorers.tentative):
        evidence = scorer.spec.evidence
        if evidence is not None and evidence.shown:
            return Explainer(evidence, scorer.side_px)
    return None


class _Check:
    """What is known about one file while it is being looked at."""

    def __init__(
        self,
        finder: FaceFinder,
        scorers: Scorers,
        options: AnalysisOptions,
        media: MediaFile,
        reader: MediaReader,
    ) -> None:
        self.clock = Clock()
        self.reader = reader
        self.options = options
        self.settled = self.stopped_early = False
        self._finder = finder
        self._scorers = scorers
        self._media = media
        self._sampled_s: list[float] = []
        self._frames = SmallFrames()
        with self.clock.during("hash"):
            self._sha256 = media.sha256 or registry.file_sha256(media.path)

    def _rules(self, scorer: Scorer) -> Rules:
        fake_at, real_at = scorer.calibration.fake_at, scorer.calibration.real_at
        model = scorer.likelihood
        if self.reader.info.kind == "image":
            return Rules(fake_at, real_at, min_crops=1, likelihood=model and of_stills(model))
        return Rules(fake_at, real_at, likelihood=model)

    @property
    def span(self) -> tuple[float, float | None]:
        return self.options.start_s, self.options.end_s

    @property
    def pictures(self) -> int:
        """How many were looked at so far."""
        return len(self._sampled_s)

    @property
    def seconds(self) -> float:
        """How much of the media the options leave, going by what the container states."""
        start_s, end_s = self.span
        return min(self.reader.info.duration_s or 0.0, end_s or math.inf) - start_s

    def is_long(self) -> bool:
        """Whether a first look is worth its while."""
        return self.seconds * self.options.samples_per_s >= WORTH_A_LOOK

    def seen(self, frame: Frame, tracker: Tracker) -> None:
        self._sampled_s.append(frame.time_s)
        with self.clock.during("pictures"):
            self._frames.add(frame)
        past = self.pictures - SETTLED_AFTER
        if self.options.stop_early and past >= 0 and past % SETTLED_EVERY == 0:
            scorer = self._scorers.deciding
            so_far = self.verdict(tracker.tracks(), scorer, scorer.p_fake)
            self.settled = any(is_settled(face, self._rules(scorer)) for face in so_far.faces)

    def start_over(self) -> None:
        self._sampled_s.clear()

    def ensure_seen(self) -> None:
        """Raise BadValue if the options left nothing to look at."""
        start_s, end_s = self.span
        if not self._sampled_s and (start_s > 0 or end_s is not None):
            end = "its end" if end_s is None else f"{end_s:g} s"
            length = self.reader.info.duration_s
            known = "" if length is None else f" It lasts {length:g} s."
            raise BadValue(
                f"The media shows no picture between {start_s:g} s and {end}.{known} "
                "Choose another span."
            )

    def so_far(self, tracks: list[Track]) -> Verdict:
        """A verdict that may change, by the network that answers soonest."""
        return self.verdict(tracks, self._scorers.tentative)

    def verdict(self, tracks: list[Track], scorer: Scorer, score: Score | None = None) -> Verdict:
        """The verdict on what was seen so far; see judge() for `score`."""
        with self.clock.during("scores"):
            scores = [scorer.score(track) for track in tracks]
        with self.clock.during("verdict"):
            rules = self._rules(scorer)
            pairs = zip(tracks, scores, strict=True)
            faces = [judge(track, scored, rules, score) for track, scored in pairs]
        about = Analyzed(
            media=self.reader.info,
            media_sha256=self._sha256,
            analyzed_s=(self._sampled_s[0], self._sampled_s[-1]) if self._sampled_s else (0.0, 0.0),
            sampled_s=tuple(self._sampled_s),
            cut_short=self._media.cut_short or self.reader.cut_short,
            stopped_early=self.stopped_early,
            model=scorer.use,
            detector=self._finder.use,
            options=self.options,
        )
        return combine(faces, about, dict(_versions()), self.clock.seconds())

    def final(self, tracks: list[Track], explainer: Explainer | None) -> Verdict:
        """The verdict on the whole, with its pictures."""
        scorer = self._scorers.deciding
        verdict = self.verdict(tracks, scorer, scorer.p_fake)
        pairs = zip(verdict.faces, tracks, strict=True)
        with self.clock.during("scores"):
            faces = tuple(replace(face, scores=self._scores(track)) for face, track in pairs)
        with self.clock.during("pictures"):
            pictures = face_pictures(faces, tracks) + self._frames.pictures(faces)
            if explainer is not None:
                faces, evidence = explainer.explain(faces, tracks)
                pictures += evidence
        return replace(verdict, faces=faces, pictures=pictures, timing_s=self.clock.seconds())

    def _scores(self, track: Track) -> dict[str, float]:
        """What each network makes of a person, by its name."""
        found = {}
        for scorer in dict.fromkeys((self._scorers.deciding, self._scorers.tentative)):
            p_fake = of_network(track, scorer.score(track), self._rules(scorer))
            if p_fake is not None:
                found[scorer.spec.name] = p_fake
        return found


class _Report:
    """Tells how far the check has come, by media time, with a verdict so far now and then."""

    def __init__(self, check: _Check, on_progress: Callable[[Progress], None]) -> None:
        self._check = check
        self._on_progress = on_progress
        self._partial: dict[str, Any] | None = None
        self._at = time.monotonic()

    def after(self, frame: Frame, tracker: Tracker) -> None:
        due = time.monotonic() - self._at >= PARTIAL_S
        if due and self._check.pictures > KEY_FRAMES:  # fewer say less than the first look
            self._judge(tracker)
        (start_s, _), span_s = self._check.span, self._check.seconds
        share = min(1.0, max(0.0, frame.time_s - start_s) / span_s) if span_s > 0 else 0.0
        self._on_progress(Progress("faces", FRAMES_SHARE * share, self._partial))

    def alive(self) -> None:
        self._on_progress(Progress("faces", 0.0, self._partial))

    def so_far(self, tracker: Tracker) -> None:
        self._judge(tracker)
        self.alive()

    def _judge(self, tracker: Tracker) -> None:
        self._partial = to_json(self._check.so_far(tracker.tracks()))
        self._at = time.monotonic()

    def scoring(self) -> None:
        self._on_progress(Progress("scores", FRAMES_SHARE, self._partial))

    def done(self, verdict: Verdict) -> None:
        self._on_progress(Progress("done", 1.0, to_json(verdict)))


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return {**found, "processor": _processor()}


def _processor() -> str:
    """Its kind: which instructions it has decides how sums are rounded."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        flags = set()
    return "+".join([platform.machine(), *(name for name in INSTRUCTIONS if name in flags)])

"""What Prometheus asks for. Every web process answers for the whole service, from the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from prometheus_client import Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from server.api.service import Service, current
from server.jobs import counters
from server.jobs.counters import BUCKETS_S, Key

WORK = {
    counters.FACES: ("mesoscope_faces", "Faces judged: one for each person in a video"),
    counters.FACE_PICTURES: ("mesoscope_face_pictures", "Faces found in single pictures"),
    counters.FRAMES: ("mesoscope_frames", "Pictures of videos that were looked at"),
}
TIMES = (
    ("mesoscope_stage_seconds", "What a check spent on a stage", counters.STAGES),
    (
        "mesoscope_job_seconds",
        "From a check's start until it was begun, and until it had ended",
        (counters.QUEUED, counters.TOTAL),
    ),
)
RESPONSES: dict[int, Any] = {
    200: {"description": "Text", "content": {"text/plain": {"schema": {"type": "string"}}}}
}

blueprint = APIBlueprint("metrics", __name__, tag="Operation")


@blueprint.get("/metrics")
@blueprint.doc(responses=RESPONSES)
def metrics() -> Response:
    """Queue, outcomes, seconds by stage, faces and pictures, for Prometheus."""
    return Response(generate_latest(Measured(current())), content_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True, slots=True)
class Measured:
    """A collector in the sense of prometheus_client."""

    service: Service

    def collect(self) -> Iterator[Metric]:
        store = self.service.store
        in_flight, sums = store.counts(), store.sums()
        queued, running = in_flight["queued"], in_flight["running"]
        yield GaugeMetricFamily("mesoscope_jobs_queued", "Checks that wait", queued)
        yield GaugeMetricFamily("mesoscope_jobs_running", "Checks that run", running)
        text = "Checks that the workers that are alive can run at a time"
        yield GaugeMetricFamily("mesoscope_worker_slots", text, store.live_slots())
        yield _ended(sums)
        for name, (title, text) in WORK.items():
            yield CounterMetricFamily(title, text, sums.get((name, ""), 0.0))
        for title, text, stages in TIMES:
            yield _histogram(title, text, stages, sums)


def _ended(sums: dict[Key, float]) -> Metric:
    text = "Checks that have ended"
    family = CounterMetricFamily("mesoscope_jobs", text, labels=["outcome", "code"])
    for (name, kind), amount in sorted(sums.items()):
        if name == counters.JOBS:
            outcome, _, code = kind.partition(" ")
            family.add_metric([outcome, code], amount)
    return family


def _histogram(title: str, text: str, stages: tuple[str, ...], sums: dict[Key, float]) -> Metric:
    family = HistogramMetricFamily(title, text, labels=["stage"])
    names = ["+Inf" if limit == BUCKETS_S[-1] else str(limit) for limit in BUCKETS_S]
    for stage in stages:
        each = (sums.get((counters.BUCKET, f"{stage} {limit:g}"), 0.0) for limit in BUCKETS_S)
        buckets = list(zip(names, accumulate(each), strict=True))
        family.add_metric([stage], buckets, sums.get((counters.SECONDS, stage), 0.0))
    return family

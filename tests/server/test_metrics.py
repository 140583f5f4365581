"""What whoever runs the service sees of it: metrics, and whether it is ready."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from server.api.service import of
from server.app import create_app
from server.config import Settings
from server.jobs.leases import Leases
from server.jobs.records import NewJob, Taken
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from tests.backends import Backend
from tests.server.service import free_port

TOKEN = "a-token-of-many-letters"
RESULT: dict[str, Any] = {
    "faces": [{"samples": [{}, {}]}, {"samples": [{}]}],
    "media": {"sampled_s": [0.0, 0.5, 1.0]},
    "timing_s": {"faces": 0.2, "scores": 40.0, "made-up": 1.0},
}


class Service:
    """The app in this process, and the hands of a worker."""

    def __init__(self, settings: Settings) -> None:
        self.engine = open_engine(database_url(settings))
        self.store = Store(self.engine)
        self.leases = Leases(self.engine)
        self.app = create_app(settings)
        self.client: FlaskClient = self.app.test_client()

    def close(self) -> None:
        for engine in (self.engine, of(self.app).store._writer):
            engine.dispose()

    def start(self, name: str) -> Taken:
        return self.store.submit(NewJob("url", "http://a.test/", name, {}), 9)

    def claimed(self, name: str) -> str:
        """The work of a new job."""
        work_id = self.start(name).work_id
        assert work_id
        assert self.leases.claim(work_id, name)
        return work_id

    def metrics(self) -> dict[str, float]:
        """Each sample's value by its name with its labels but for zeros."""
        answer = self.client.get("/metrics")
        assert answer.content_type.startswith("text/plain; version=")
        families = text_string_to_metric_families(answer.text)
        return {
            " ".join([sample.name, *(v for _, v in sorted(sample.labels.items()) if v)]): value
            for family in families
            for sample in family.samples
            if (value := sample.value)
        }


@pytest.fixture
def service(backend: Backend, tmp_path: Path) -> Iterator[Service]:
    settings = Settings(
        data_dir=tmp_path / "var",
        database_url=backend.database_url,
        broker_url=backend.broker_url,
        rate_limit="",
    )
    service = Service(settings)
    yield service
    service.close()


def test_metrics_say_what_waits_runs_and_was_done(service: Service) -> None:
    service.start("waiting")
    service.leases.worker_seen("w", 4)
    done, failed = service.claimed("done"), service.claimed("failed")
    service.claimed("running")
    assert service.leases.finish(done, "done", RESULT)
    assert service.leases.fail(failed, "failed", {"code": "gone"})
    assert not service.leases.finish(done, "done", RESULT), "twice counts once"
    service.store.cancel(service.start("cancelled").job_id)
    service.leases.worker_seen("w", 4)
    seen = service.metrics()
    expected = {
        "mesoscope_jobs_queued": 1,
        "mesoscope_jobs_running": 1,
        "mesoscope_worker_slots": 4,
        "mesoscope_jobs_total done": 1,
        "mesoscope_jobs_total gone failed": 1,
        "mesoscope_jobs_total cancelled": 1,
        "mesoscope_faces_total": 2,
        "mesoscope_face_pictures_total": 3,
        "mesoscope_frames_total": 3,
        "mesoscope_stage_seconds_sum faces": 0.2,
        "mesoscope_stage_seconds_bucket 0.3 faces": 1,
        "mesoscope_stage_seconds_bucket +Inf faces": 1,
        "mesoscope_stage_seconds_bucket 100.0 scores": 1,
        "mesoscope_stage_seconds_count scores": 1,
        "mesoscope_job_seconds_count queued": 3,
        "mesoscope_job_seconds_count total": 2,
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert "mesoscope_stage_seconds_bucket 30.0 scores" not in seen
    assert not [name for name in seen if "made-up" in name]


def test_counters_never_go_down_and_are_counted_once(service: Service) -> None:
    other = Leases(service.engine)  # another worker
    for number, leases in enumerate((service.leases, other, other)):
        work_id = service.start(f"job {number}").work_id or ""
        assert leases.claim(work_id, f"owner {number}")
        assert leases.finish(work_id, f"owner {number}", RESULT)
    service.leases.worker_seen("w", 1)
    other.worker_seen("x", 1)
    other.worker_seen("x", 1)
    assert service.metrics()["mesoscope_jobs_total done"] == 3
    assert service.store.forget(time.time() + 1) == 3
    service.leases.worker_gone("w")
    assert service.metrics()["mesoscope_jobs_total done"] == 3


def test_what_cannot_be_written_down_yet_is_not_lost(service: Service) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    assert service.leases.finish(service.claimed("job"), "job", RESULT)
    with service.engine.begin() as connection:
        connection.execute(text("ALTER TABLE workers RENAME TO away"))
    with pytest.raises(SQLAlchemyError):
        service.leases.worker_seen("w", 1)
    with service.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO workers"))
    service.leases.worker_seen("w", 1)
    assert service.metrics()["mesoscope_jobs_total done"] == 1


def test_odd_words_of_a_child_make_no_metric(service: Service) -> None:
    for number, result in enumerate(({}, {"faces": 7}, {**RESULT, "timing_s": {"faces": "x"}})):
        assert service.leases.finish(service.claimed(f"job {number}"), f"job {number}", result)
    error = {"code": 'odd"} 1\nmade_up 1'}
    assert service.leases.fail(service.claimed("failed"), "failed", error)
    service.leases.worker_seen("w", 1)
    seen = service.metrics()
    assert seen["mesoscope_jobs_total other failed"] == 1
    assert not [name for name in seen if "made_up" in name or name == "mesoscope_faces_total"]


def test_metrics_want_the_token_where_one_is_set(tmp_path: Path) -> None:
    client = create_app(Settings(data_dir=tmp_path, token=TOKEN)).test_client()
    assert client.get("/metrics").status_code == 401
    mine = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=mine).status_code == 200
    for path in ("/healthz", "/readyz"):
        assert client.get(path).status_code != 401


# Ready or not ------------------------------------------------------------------------------------


def test_ready_with_a_worker_and_not_without(service: Service) -> None:
    answer = service.client.get("/readyz")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "not-ready")
    assert answer.get_json()["detail"] == "worker: none is alive."
    assert int(answer.headers["Retry-After"]) > 0
    service.leases.worker_seen("w", 1)
    answer = service.client.get("/readyz")
    assert answer.status_code == 200
    parts = dict.fromkeys(("database", "broker", "worker", "models"), "ok")
    assert answer.get_json() == {"status": "ready", "parts": parts}


def test_the_part_that_fails_is_named_and_no_secret_with_it(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "var", broker_url=f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    )
    service = Service(settings)
    service.leases.worker_seen("w", 1)
    answer = service.client.get("/readyz")
    assert answer.get_json()["parts"]["broker"] == "fails"
    assert "hunter2" not in answer.text
    with service.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE works")
    answer = service.client.get("/readyz")
    assert (answer.status_code, answer.get_json()["parts"]["database"]) == (503, "fails")
    service.close()

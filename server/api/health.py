"""For the operator: health, readiness, and the versions in use."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from kombu.connection import Connection
from kombu.exceptions import KombuError
from sqlalchemy.exc import SQLAlchemyError

from models import registry
from server.api import schemas
from server.api.problems import respond
from server.api.service import Service, current
from server.errors import NotReady
from server.jobs.checks import model_sha256
from server.processes import sandbox

BROKER_S = 2.0  # a broker that is silent for longer counts as gone

log = logging.getLogger(__name__)
blueprint = APIBlueprint("ops", __name__, tag="Operation")


@blueprint.get("/healthz")
@blueprint.output(schemas.Health)
def healthz() -> dict[str, Any]:
    """Whether this process answers, and what it is."""
    service = current()
    slots = service.store.live_slots()
    name, backend = service.settings.model, ", ".join(service.store.live_backends()) or None
    return {
        "status": "ok" if slots else "no-worker",
        "version": service.version,
        "model": {"name": name, "sha256": model_sha256(name, backend), "backend": backend},
        "sandbox": sandbox.level().to_json(),
        "workers": {"slots": slots},
        "jobs": service.store.counts(),
    }


@blueprint.get("/readyz")
@blueprint.output(schemas.Readiness)
def readyz() -> Response | dict[str, Any]:
    """Whether checks are worked on now: 503 names the parts that fail."""
    service = current()
    parts = {name: _state(name, test, service) for name, test in PARTS.items()}
    failing = [f"{name}: {state}" for name, state in parts.items() if state != "ok"]
    if failing:
        return respond(NotReady(f"{'; '.join(failing)}."), parts=parts)
    return {"status": "ready", "parts": parts}


def _state(name: str, test: Callable[[Service], str], service: Service) -> str:
    """`ok`, or what is wrong in words that hold no secret; the log has more."""
    try:
        return test(service)
    except (SQLAlchemyError, KombuError, registry.RegistryError, OSError) as error:
        log.warning("not ready, %s: %s", name, getattr(error, "orig", error))
        return "fails"


def _database(service: Service) -> str:
    service.store.counts()
    return "ok"


def _broker(service: Service) -> str:
    settings = service.settings
    if not settings.broker_url:
        return "ok" if os.access(service.folders.spool, os.W_OK) else "its folder is not writable"
    broker = Connection(settings.broker_url, connect_timeout=BROKER_S)  # type: ignore[no-untyped-call]
    with broker as connection:
        connection.ensure_connection(max_retries=1, timeout=BROKER_S)
    return "ok"


def _worker(service: Service) -> str:
    return "ok" if service.store.live_slots() else "none is alive"


def _models(service: Service) -> str:
    model = service.settings.model
    for name in (model, registry.TENTATIVE.get(model, model), "mtcnn"):
        files = registry.spec(name).files.values()
        if missing := [file.path.name for file in files if not file.path.is_file()]:
            return f"missing {', '.join(missing)}"
    return "ok"


PARTS = {"database": _database, "broker": _broker, "worker": _worker, "models": _models}

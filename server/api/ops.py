"""For whoever runs the service: is it well, and what is it made of."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from server.api import schemas
from server.api.service import current
from server.fetch import sandbox
from server.jobs.keys import model_sha256

BACKEND = "tflite"

blueprint = APIBlueprint("ops", __name__, tag="Operation")


@blueprint.get("/healthz")
@blueprint.output(schemas.Health)
def healthz() -> dict[str, Any]:
    """Whether checks can be taken on and are worked on."""
    service = current()
    slots = service.store.live_slots()
    name = service.settings.model
    return {
        "status": "ok" if slots else "no-worker",
        "version": service.version,
        "model": {"name": name, "sha256": model_sha256(name), "backend": BACKEND},
        "sandbox": sandbox.level().to_json(),
        "workers": {"slots": slots},
        "jobs": service.store.counts(),
    }

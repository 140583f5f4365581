"""What people tell of a verdict that is wrong: kept here, for training and tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apiflask import APIBlueprint

from server.api import schemas
from server.api.jobs import find, is_job_id
from server.api.service import current
from server.errors import NotFound
from server.jobs.feedback import Crop
from server.jobs.records import Job

blueprint = APIBlueprint("feedback", __name__, tag="Jobs")


@blueprint.post("/jobs/<job_id>/feedback")
@blueprint.input(schemas.Feedback)
@blueprint.output(schemas.Feedback)
def tell(job_id: str, json_data: schemas.Feedback) -> dict[str, Any]:
    """Say what is right of a media whose verdict is wrong. Kept with the verdict and the pictures
    of its faces on this service, in place of what was told before, and sent nowhere."""
    job = find(job_id)
    if job.result is None:
        raise NotFound("There is no verdict yet; its job tells how far it is.")
    service = current()
    crops = _crops(job)
    service.feedback.keep(job.id, json_data.right, job.result, crops, service.version)
    return {"right": json_data.right}


@blueprint.delete("/jobs/<job_id>/feedback")
@blueprint.output({}, status_code=204)
def forget(job_id: str) -> str:
    """Delete what was told of a check; possible also after the check itself is gone."""
    if not is_job_id(job_id) or not current().feedback.forget(job_id):
        raise NotFound("Nothing was told of this check.")
    return ""


def _crops(job: Job) -> Iterator[Crop]:
    """The pictures of a job's faces that are still there."""
    result = job.result or {}
    for face in result["faces"]:
        for number, moment in enumerate(face["moments"]):
            jpeg = current().store.picture(job.id, face["id"], number, "face")
            if jpeg is not None:
                yield Crop(face["id"], number, moment["t"], jpeg)

"""Checks: an address or a file in, a verdict out, or the job to ask again for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import Response, request

from server.api import schemas
from server.api.answers import RESPONSES, answer
from server.api.options import validated
from server.api.samples import copied, sample
from server.api.service import current
from server.api.uploads import keep, upload
from server.errors import WrongType

View = TypeVar("View", bound=Callable[..., Any])
blueprint = APIBlueprint("checks", __name__, tag="Checks")


def takes(*media_types: str) -> Callable[[View], View]:
    """Refuse bodies of other types, before anything tries to read them."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if request.mimetype not in media_types:
                raise WrongType(f"Send {' or '.join(media_types)}.")
            return view(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


@blueprint.post("/check-url")
@takes("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
@blueprint.input(schemas.WaitQuery, location="query")
@blueprint.input(schemas.CheckUrl, location="json_or_form", arg_name="body")
@blueprint.doc(responses=RESPONSES)
def check_url(query_data: schemas.WaitQuery, body: schemas.CheckUrl) -> Response:
    """Check the video at an address, of a file or of the page that shows it."""
    checks = current().checks
    if ours := sample(body.url):
        job_id = checks.file(*copied(ours), body.ask())
    else:
        job_id = checks.url(body.url, body.ask())
    return answer(job_id, query_data.wait, body.wait)


@blueprint.post("/check-file")
@takes("multipart/form-data")
@blueprint.input(schemas.WaitQuery, location="query")
@blueprint.doc(responses=RESPONSES)
def check_file(query_data: schemas.WaitQuery) -> Response:
    """Check a video or picture that is sent along as the form's `file`."""
    file = upload()
    options = validated(schemas.Form, request.form.to_dict())
    ask = options.ask()
    return answer(current().checks.file(*keep(file), ask), query_data.wait, options.wait)

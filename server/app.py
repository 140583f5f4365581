"""The web application: its parts put together, nothing else."""

from __future__ import annotations

from apiflask import APIFlask

from server import __version__, web
from server.api import (
    access_control,
    batch,
    checks,
    docs_page,
    events,
    feedback,
    frames,
    health,
    jobs,
    limits,
    metrics,
    models,
    openapi,
    problems,
    report,
    request_log,
    uploads,
)
from server.api.service import Service, attach
from server.config import Settings

MAX_BODY_BYTES = 64 * 1024  # of any request but an upload


def create_app(settings: Settings) -> APIFlask:
    """The WSGI application. Opens the database; starts nothing."""
    app = APIFlask(
        __name__,
        title="Mesoscope",
        version=__version__,
        spec_path="/openapi.json",
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]  # the page brings its own
        json_errors=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the label comes before its samples
    app.request_class = uploads.UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = uploads.MAX_FIELD_BYTES
    app.config["MAX_FORM_PARTS"] = uploads.MAX_FIELDS
    attach(app, Service.open(settings, __version__))
    request_log.install(app)
    problems.install(app)
    access_control.install(app)
    limits.install(app, settings)
    openapi.install(app)
    for part in (
        checks,
        frames,
        batch,
        jobs,
        report,
        feedback,
        events,
        models,
        docs_page,
        health,
        metrics,
        web,
    ):
        app.register_blueprint(part.blueprint)
    return app

"""The web application: its parts put together, nothing else."""

from __future__ import annotations

from apiflask import APIFlask

from server import __version__, web
from server.api import (
    access,
    batch,
    checks,
    docs,
    documentation,
    events,
    feedback,
    frames,
    gate,
    jobs,
    limits,
    metrics,
    models,
    ops,
    problems,
    report,
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
    access.install(app)
    problems.install(app)
    gate.install(app)
    limits.install(app, settings)
    documentation.install(app)
    parts = (checks, frames, batch, jobs, report, feedback, events, models, docs, ops, metrics, web)
    for part in parts:
        app.register_blueprint(part.blueprint)
    return app

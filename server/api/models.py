"""Which models can judge a face, and what is known about them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from models import registry
from server.api import schemas
from server.api.options import classifiers
from server.api.service import current
from server.errors import NotFound

MARKDOWN = {"text/markdown": {"schema": {"type": "string"}}}
CARD: dict[int, Any] = {200: {"description": "The card", "content": MARKDOWN}}

blueprint = APIBlueprint("models", __name__, tag="Models")


@blueprint.get("/models")
@blueprint.output(schemas.Classifiers)
def listed() -> dict[str, Any]:
    """The classifiers, how sure each is known to be, and which one is the default."""
    return {"models": [_described(registry.spec(name)) for name in classifiers()]}


@blueprint.get("/models/<name>/card")
@blueprint.doc(responses=CARD)
def card(name: str) -> Response:
    """What a model was made from, how it was measured, and where it fails; in Markdown."""
    if name not in registry.names() or not registry.spec(name).card.is_file():
        raise NotFound("There is no such model. All of them: /models")
    text = registry.spec(name).card.read_text()
    return Response(text, content_type="text/markdown; charset=utf-8")


def _described(spec: registry.ModelSpec) -> dict[str, Any]:
    file, calibration, rates = spec.files[spec.serve], spec.calibration, spec.rates
    return {
        "name": spec.name,
        "default": spec.name == current().settings.model,
        "sha256": file.sha256,
        "precision": file.precision,
        "input_px": spec.input_px,
        "calibration": asdict(calibration) if calibration else None,
        "rates": asdict(rates) if rates else None,
        "licence": spec.licence,
        "source": spec.source,
        "card": f"/models/{spec.name}/card",
    }

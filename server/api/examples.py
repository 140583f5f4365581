"""What /docs shows of each call and field: a curl line, an answer as it may look, the meaning."""

from __future__ import annotations

import json
from typing import Any

REF = "#/components/schemas/"
DEEPEST = 8  # no shape of ours is nested deeper
JOB = "5f0c2a9e7d3b41c8a6e2f4d01b7c9e35"
PATH = f"/jobs/{JOB}"
SHA256 = "99b3a2a97ffbd7fc" * 4

# As they stand after `curl ` and the address of the service; ID is a check's number.
CURLS = {
    "POST /check-url": "-d url=https://example.org/video.mp4 {}/check-url",
    "POST /check-file": "-F file=@clip.mp4 {}/check-file",
    "POST /check-frames": "-F frames=@1.jpg -F 'times_s=[0.0]' {}/check-frames",
    "POST /check-batch": "-H 'Content-Type: application/json' -d @batch.json {}/check-batch",
    "GET /jobs": "'{}/jobs?limit=2'",
    "GET /jobs/{job_id}": "{}/jobs/ID",
    "DELETE /jobs/{job_id}": "-X DELETE {}/jobs/ID",
    "GET /jobs/{job_id}/faces/{face}.jpg": "-o face.jpg '{}/jobs/ID/faces/1.jpg?moment=0'",
    "GET /jobs/{job_id}/report": "-o report.html {}/jobs/ID/report",
    "GET /jobs/{job_id}/events": "-N {}/jobs/ID/events",
    "POST /jobs/{job_id}/feedback": "-H 'Content-Type: application/json' "
    '-d \'{"right": "real"}\' {}/jobs/ID/feedback',
    "DELETE /jobs/{job_id}/feedback": "-X DELETE {}/jobs/ID/feedback",
    "GET /models": "{}/models",
    "GET /models/{name}/card": "{}/models/meso3-full/card",
    "GET /problems": "-H 'Accept: application/json' {}/problems",
    "GET /problems/{code}": "-H 'Accept: application/json' {}/problems/bad-url",
    "GET /healthz": "{}/healthz",
    "GET /readyz": "{}/readyz",
    "GET /metrics": "{}/metrics",
}
# By the field's name, or by SHAPE.field where the name alone does not tell.
VALUES: dict[str, Any] = {
    "analyzed_s": [0.0, 12.3],
    "attempts": 1,
    "backend": "tflite",
    "box": [0.31, 0.12, 0.2, 0.36],
    "card": "/models/meso3-full/card",
    "cure": "Copy the address from the browser's address bar: http:// or https://, and a host.",
    "code": "bad-url",
    "created_at": 1764000000.0,
    "detail": "The address has no host: give all of it, such as https://example.org/video.mp4",
    "duration_s": 12.3,
    "end_s": 9.1,
    "error": None,
    "errors": {"samples_per_s": ["must be at least 0.2"]},
    "events": f"{PATH}/events",
    "fake_at": 0.933,
    "flags_fake": 0.327,
    "flags_real": 0.012,
    "finished_at": 1764000006.2,
    "height_px": 720,
    "id": JOB,
    "input_px": 160,
    "interval": [0.88, 0.97],
    "label": "fake",
    "licence": "Apache-2.0",
    "name": "meso3-full",
    "next": None,
    "offset": -0.398,
    "p_fake": 0.93,
    "part": "DFDC test, single crops",
    "parts": {"database": "ok", "queue": "ok", "disk": "ok"},
    "position": None,
    "partial": None,
    "precision": "dynamic",
    "progress": 1.0,
    "real_at": 0.233,
    "reasons": [],
    "regions": ["mouth", "nose"],
    "report": f"{PATH}/report",
    "result": {"label": "fake", "p_fake": 0.93, "...": "the Verdict"},
    "sampled_s": [0.0, 0.33, 0.67],
    "scale": 1.307,
    "schema": 2,
    "self": PATH,
    "sha256": SHA256,
    "source": "https://example.org/video.mp4",
    "stage": "done",
    "start_s": 0.0,
    "started_at": 1764000000.4,
    "state": "done",
    "status": 400,
    "t": 4.7,
    "timing_s": {"faces": 1.235, "total": 2.0},
    "title": None,
    "type": "/problems/bad-url",
    "url": "https://example.org/video.mp4",
    "versions": {"numpy": "2.4.6"},
    "width_px": 1280,
    "blind_to": ["generated face"],
    "bounds": [0.174, 6.38],
    "by": "A generator",
    "covers": ["face swap"],
    "claims": ["generated"],
    "crops": 24,
    "flagged": 7,
    "flagged_at_most": 0.025,
    "genuine": 32,
    "JobLinks.feedback": f"{PATH}/feedback",
    "Guarantee.people": 532,
    "level": "fake",
    "lr": 6.38,
    "lr_interval": [2.1, 6.38],
    "stretch_s": [0.0, 2.0],
    "manipulated": 32,
    "Declaration.problems": ["signingCredential.untrusted"],
    "Declaration.source": "content-credentials",
    "Provenance.state": "read",
    "right": "real",
    "scores": {"meso3-full": 0.93, "meso3": 0.88},
    "seal": "unknown",
    "signer": "A maker",
    "strength": "weak",
    "direction": "manipulated",
    "suspected": 27,
    "suspected_at_most": 0.069,
    "views": 2,
    "Detector.name": "mtcnn",
    "JobLinks.faces": f"{PATH}/faces/{{face}}.jpg{{?moment,kind}}",
    "Face.id": 1,
    "Health.jobs": {"queued": 0, "running": 1},
    "Health.model": {"name": "meso3-full", "sha256": SHA256},
    "Health.sandbox": {"landlock": 6},
    "Health.status": "ok",
    "Health.version": "0.2.0",
    "Health.workers": {"slots": 1},
    "Problem.title": "This is not an address of a web page or video",
    "ProblemType.title": "This is not an address of a web page or video",
    "Readiness.status": "ready",
    "Classifier.source": "python -m training train --recipe meso3",
}

# What a field means, where its declaration does not state it; by the same names.
MEANINGS = {
    "analyzed_s": "from when to when it was looked at, in seconds of the media",
    "attempts": "how often the check was begun",
    "backend": "what ran the networks: tflite or keras",
    "box": "x, y, width and height as fractions of the upright picture",
    "calibration": "from the network's logit to P(fake), and where verdicts begin",
    "checks": "one entry for each address, in order",
    "code": "the name of the problem; it stays the same",
    "created_at": "Unix seconds",
    "cure": "what helps",
    "default": "whether it judges unless another is asked for",
    "detail": "what happened this time, and what helps",
    "detector": "the networks that found the faces",
    "duration_s": "seconds; null where the container does not state it",
    "end_s": "seconds of the media",
    "error": "the Problem; null if there is none",
    "errors": "what is wrong, by the name of the value",
    "events": "address of the same as server-sent events",
    "faces": "one entry for each person",
    "fake_at": "P(fake) from which a face is called fake",
    "finished_at": "Unix seconds; null until then",
    "flags_fake": "share of the fakes that it calls fake",
    "flags_real": "share of the reals that it calls fake",
    "height_px": "of the upright picture",
    "id": "the check's number, for /jobs/ID",
    "input_px": "side of the face crop that it takes",
    "interval": "95 % interval of p_fake; null where nothing was judged",
    "jobs": "the newest first",
    "kind": "what was given or found",
    "label": "fake: looks manipulated; real: no sign of manipulation found; inconclusive: cannot "
    "be told; no-face: nothing was judged",
    "licence": "the terms of the weights",
    "links": "addresses of this check",
    "media": "what was looked at",
    "message": "what happened",
    "model": "the model that judged",
    "models": "all that can be asked for",
    "moments": "up to three at which the face looked most manipulated, the strongest first",
    "name": "as registered",
    "next": "address of the older ones; null if there are none",
    "offset": "added to the scaled logit",
    "options": "what was asked for; with these the check can be repeated",
    "p_fake": "calibrated probability of manipulation; null where nothing was judged",
    "part": "the data that was measured",
    "parts": "each part of the service, and how it is",
    "precision": "of the weights that run",
    "problems": "all that there are",
    "progress": "0 to 1",
    "rates": "how often its thresholds are right, as measured; null if unknown",
    "real_at": "P(fake) up to which no sign of manipulation is found",
    "reasons": "why a label is not given, or how far it reaches; docs/api.md lists them",
    "regions": "where in the face, the strongest first; null where nothing stands out",
    "report": "address of the report",
    "sampled_s": "the moments that were looked at, in seconds of the media",
    "samples": "the face over time",
    "sandbox": "how a check is confined on this machine",
    "scale": "of the logit",
    "schema": "version of this shape",
    "self": "address of the job",
    "sha256": "of the file, in hexadecimal",
    "source": "where it comes from",
    "stage": "queued, fetch, faces, scores or done",
    "start_s": "seconds of the media",
    "started_at": "Unix seconds; null while it waits",
    "state": "queued, running, done, failed or cancelled",
    "status": "how the service is",
    "t": "seconds of the media",
    "timing_s": "seconds that each stage took",
    "title": "in a few words",
    "type": "address of a page about the problem",
    "url": "address of the video, or of the page that shows it",
    "urls": "addresses of videos, or of pages that show them",
    "version": "of the service",
    "versions": "of the software that the numbers depend on",
    "width_px": "of the upright picture",
    "workers": "how many checks can run at the same time",
    "basis": "what is behind the likelihood ratios; null where the model has none",
    "blind_to": "kinds of fakes that it does not see",
    "bounds": "no likelihood ratio lies beyond them",
    "by": "the tool that is named",
    "claims": "what is claimed of the origin, the strongest first; docs/provenance.md lists them",
    "covers": "kinds of fakes of which it may find no sign",
    "crops": "how many pictures of the person were judged",
    "declarations": "one entry for each statement",
    "direction": "what the evidence supports; null for neither",
    "feedback": "address where what is right can be told",
    "flagged": "how many of them were called fake",
    "flagged_at_most": "what share that is at most, at 95 % confidence",
    "genuine": "how many genuine people",
    "guarantee": "of genuine people who were checked, how many were flagged",
    "level": "what follows from the evidence; suspicious lies between fake and inconclusive",
    "lr": "likelihood ratio of manipulated to genuine; null where it cannot be told",
    "lr_interval": "95 % interval of lr",
    "stretch_s": "where scores disagree: from when to when it looks more manipulated",
    "manipulated": "how many manipulated people",
    "people": "how many people",
    "provenance": "what the file declares of its origin; null where that was not read",
    "right": "what is right instead",
    "scores": "mean P(fake) by network",
    "seal": "how far Content Credentials hold; null for labels without a signature",
    "signer": "who signed, in their own words",
    "strength": "how strongly, in the words of docs/evidence.md",
    "support": "which way the evidence points, and how strongly; docs/evidence.md",
    "suspected": "how many of them were called suspicious or fake",
    "suspected_at_most": "what share that is at most, at 95 % confidence",
    "views": "how often each picture is scored: as it is, and mirrored",
    "Declaration.problems": "codes of the specification for what is wrong",
    "Declaration.source": "in what form it is declared",
    "Provenance.state": "whether the file could be read for it",
    "Face.id": "the person's number",
    "Health.jobs": "checks by their state",
    "JobLinks.faces": "template of the addresses of the faces' pictures (RFC 6570)",
    "Problem.status": "the HTTP status",
    "ProblemType.status": "the HTTP status",
}


def describe(schemas: dict[str, Any]) -> None:
    """Give every field of the shapes a description."""
    for name, schema in schemas.items():
        owner = schema.get("title") or name
        for field, part in schema.get("properties", {}).items():
            meaning = MEANINGS.get(f"{owner}.{field}") or MEANINGS.get(field)
            if meaning and "description" not in part:
                part["description"] = meaning


def curl(method: str, path: str, service: str) -> str:
    """The command that calls an operation of `service`, an address."""
    line = CURLS.get(f"{method} {path}")
    return f"curl {line.replace('{}', service)}" if line else ""


def answer(operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The JSON that an operation's first good answer may be; empty if it is none."""
    for status, response in sorted(operation["responses"].items()):
        for kind, content in response.get("content", {}).items():
            if status.startswith("2") and kind == "application/json":
                return json.dumps(value(content["schema"], schemas), indent=1, ensure_ascii=False)
    return ""


def value(schema: dict[str, Any], schemas: dict[str, Any], field: str = "", deep: int = 0) -> Any:
    """An instance of `schema`; `field` is SHAPE.name of the field that it is for."""
    shape = schema.get("$ref", "").removeprefix(REF)
    schema = schemas.get(shape, schema)
    known = next((VALUES[key] for key in _keys(field) if VALUES.get(key) is not None), None)
    if known is not None or (not shape and any(key in VALUES for key in _keys(field))):
        return known
    if examples := schema.get("examples"):
        return examples[0]
    if deep > DEEPEST:
        return None
    if options := schema.get("anyOf"):
        return value(options[0], schemas, field, deep + 1)
    if properties := schema.get("properties"):
        owner = schema.get("title") or shape
        return {
            name: value(part, schemas, f"{owner}.{name}", deep + 1)
            for name, part in properties.items()
        }
    if schema.get("type") == "array":
        return [value(schema.get("items", {}), schemas, "", deep + 1)]
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else None):
        return choices[0]
    plain = {"integer": 1, "number": 0.5, "boolean": True, "string": "...", "object": {}}
    return plain.get(schema.get("type", ""))


def _keys(field: str) -> tuple[str, ...]:
    return (field, field.rpartition(".")[2]) if field else ()

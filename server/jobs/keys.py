"""When two checks are the same: keys over what is looked at, how, and with what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from models import registry
from server import __version__

DETECTOR = "mtcnn"
BACKEND = "backend"  # an option that is about the worker, not the analysis
KERAS = "keras"  # a backend, and the variant of a model that it runs

# Each has keys of its own: no file can be made to have the key of somebody's frames.
Space = Literal["url", "content", "frames"]


def check_key(space: Space, identity: str, options: Mapping[str, Any]) -> str:
    """The key of a check. `identity`: the address, as checked_url returns it, or the SHA-256 of a
    file, wherever it came from, or of frames with their times."""
    return digest([space, identity, _how(options)])


def digest(value: Any) -> str:
    """The SHA-256 of anything that JSON can say."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def model_sha256(name: str, backend: str | None = None) -> str | None:
    """The SHA-256 of the weights that `name` serves with; None if they are not there.

    `backend`: what runs the networks; Keras runs the full ones, where there are some.
    """
    try:
        spec = registry.spec(name)
    except registry.RegistryError:
        return None
    full = backend == KERAS and KERAS in spec.files
    return spec.files[KERAS if full else spec.serve].sha256


def _how(options: Mapping[str, Any]) -> list[Any]:
    """All that decides, beside the media, what comes out of a check."""
    names = (options.get("model", ""), *registry.TENTATIVE.values(), DETECTOR)
    return [dict(options), *map(_made_of, names), __version__]


def _made_of(name: str) -> list[Any]:
    """A model's files and what was fitted to it; nothing where there is no such model."""
    try:
        spec = registry.spec(name)
    except registry.RegistryError:
        return []
    fitted = [asdict(part) if part else None for part in (spec.calibration, spec.likelihood)]
    return [spec.serve, {part: file.sha256 for part, file in spec.files.items()}, *fitted]

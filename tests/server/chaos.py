"""Lines of a child that was taken over: crafted ones, and ones made by chance from a seed."""

from __future__ import annotations

import copy
import random
from typing import Any

from tests.server.verdicts import verdict

JPEG = "/9j/AAAA"
PROGRESS = {"stage": "faces", "progress": 0.5}
PICTURE = {"face": 1, "moment": 0, "kind": "face", "jpeg": JPEG}
DECLARATION = {"source": "iptc", "claims": ["generated"], "by": None, "problems": []}

NO_NAMES = ("../secret", "fetch/media.mp4", "/etc/passwd", ".", "..", "media\0.mp4")

# Each is refused whole: no part of it may be taken.
NONSENSE: list[dict[str, Any]] = [
    {},
    {"progress": None},
    {"progress": [1]},
    {"progress": {}},
    {"progress": {**PROGRESS, "stage": "done"}},
    {"progress": {**PROGRESS, "stage": ["faces"]}},
    {"progress": {**PROGRESS, "stage": "faces\n2026-11-25 INFO job=1 forged"}},
    {"progress": {**PROGRESS, "progress": float("nan")}},
    {"progress": {**PROGRESS, "progress": float("inf")}},
    {"progress": {**PROGRESS, "progress": -0.1}},
    {"progress": {**PROGRESS, "progress": 10**400}},
    {"progress": {**PROGRESS, "progress": True}},
    {"progress": {**PROGRESS, "progress": "0.5"}},
    {"progress": {**PROGRESS, "partial": [1]}},
    {"progress": {**PROGRESS, "partial": {"label": "fake"}}},
    {"progress": {**PROGRESS, "stage": "fetch"}},
    {"file": {"name": "media.mp4", "sha256": "ab" * 32}},
    {"file": {"name": 5, "cut_short": False}},
    {"file": {"name": None, "cut_short": False}},
    {"file": {"name": "media.mp4", "cut_short": "no"}},
    *({"file": {"name": name, "cut_short": False}} for name in NO_NAMES),
    {"file": "x"},
    {"received": "0.5"},
    {"received": float("nan")},
    {"received": 1.5},
    {"failed": "x"},
    {"failed": {"kinds": 5}},
    {"failed": {"message": 5}},
    {"proxy": {"url": "http://127.0.0.1:9"}},
    {"proxy": {"url": 5, "port": 9}},
    {"proxy": {"url": "http://127.0.0.1:9", "port": 0}},
    {"proxy": {"url": "http://127.0.0.1:9", "port": True}},
    {"note": {"kind": "received_bytes", "text": "x"}},
    {"note": {"kind": "refused", "text": 5}},
    {"provenance": {}},
    {"provenance": {"state": "read"}},
    {"provenance": {"state": "sealed", "declarations": []}},
    {"provenance": {"state": "read", "declarations": "x"}},
    {"provenance": {"state": "read", "declarations": [DECLARATION] * 21}},
    {"provenance": {"state": "read", "declarations": [{**DECLARATION, "claims": ["real"]}]}},
    {"provenance": {"state": "read", "declarations": [{**DECLARATION, "by": "a\x1b]0;t\x07"}]}},
    {"provenance": {"state": "read", "declarations": [{**DECLARATION, "by": "x" * 101}]}},
    {"provenance": {"state": "read", "declarations": [{**DECLARATION, "seal": ["trusted"]}]}},
    {"provenance": {"state": "read", "declarations": [{**DECLARATION, "path": "/etc/passwd"}]}},
    {"result": [1]},
    {"result": {}},
    {"result": {"schema": 1, "label": "fake"}},
    {"result": verdict("sure")},
    {"result": verdict(p_fake=float("nan"))},
    {"result": verdict(p_fake=2)},
    {"result": verdict(reasons=["\ud800"])},
    {"result": verdict(timing_s={"total": float("inf")})},
    {"result": verdict(faces={})},
    {"result": verdict(), "pictures": 5},
    {"result": verdict(), "pictures": [PICTURE] * 2},
    {"result": verdict(), "pictures": [{**PICTURE, "moment": n} for n in range(101)]},
    {"result": verdict(), "pictures": [{**PICTURE, "face": 2**80}]},
    {"result": verdict(), "pictures": [{**PICTURE, "moment": -1}]},
    {"result": verdict(), "pictures": [{**PICTURE, "kind": "x" * 99}]},
    {"result": verdict(), "pictures": [{**PICTURE, "jpeg": "PHN2Zz4="}]},
    {"result": verdict(), "pictures": [{**PICTURE, "jpeg": "?"}]},
    {"result": verdict(), "pictures": [{**PICTURE, "jpeg": JPEG + "AAAA" * 400_000}]},
    {"error": "x"},
    {"error": {}},
    {"error": {"code": ["gone"], "detail": "D"}},
    {"error": {"code": "gone", "detail": 5}},
]
COLUMNS = ("id", "kind", "source", "key", "attempts", "params", "owner", "state", "lease_until")


def line(seed: int) -> dict[str, Any]:
    """An honest line, or one of the above, in which a few things were changed."""
    chance = random.Random(seed)
    honest = [
        {"progress": {**PROGRESS, "partial": verdict("inconclusive")}},
        {"received": 0.5},
        {"file": {"name": "media.mp4", "cut_short": False}},
        {"failed": {"kinds": ["HTTPError"], "status": 404, "message": "not found"}},
        {"proxy": {"url": "http://127.0.0.1:9", "port": 9}},
        {"note": {"kind": "refused", "text": "a.test is not on the public internet"}},
        {"result": verdict(), "pictures": [PICTURE]},
        {"provenance": verdict()["provenance"]},
        {"error": {"code": "gone", "detail": "D"}},
    ]
    made: dict[str, Any] = copy.deepcopy(chance.choice(honest + NONSENSE))
    for _ in range(chance.randrange(4)):
        _change(chance, made)
    return made


def _change(chance: random.Random, value: Any) -> None:
    """Put something odd somewhere into a container."""
    while True:
        inner = list(value.values()) if isinstance(value, dict) else list(value)
        deeper = [each for each in inner if isinstance(each, dict | list) and each]
        if not deeper or chance.random() < 0.3:
            break
        value = chance.choice(deeper)
    odd = chance.choice(
        [None, True, -1, 0, 1e308, 2**70, float("nan"), "", "\0", "/etc/passwd", [], {}, [[]]]
    )
    if isinstance(value, dict):
        value[chance.choice([*value, *COLUMNS])] = odd
    elif value:
        value[chance.randrange(len(value))] = odd

"""Verdicts for tests in which nobody looks at media."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[1] / "contract" / "verdict-2.json"


def verdict(label: str = "fake", **members: Any) -> dict[str, Any]:
    """A whole verdict with this label."""
    return {**json.loads(EXAMPLE.read_text()), "label": label, **members}

"""NAME.tflite.json beside NAME.tflite: what a program must know to use the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from convert import mesonet
from convert.errors import ConversionError
from convert.ranges import RANGES, InputRange
from models import registry


@dataclass(frozen=True, slots=True)
class Source:
    """What a file was converted from. `arch` is the network of published MesoNet weights."""

    name: str
    precision: str
    input_px: int
    input_range: InputRange
    positive_class: Literal["fake", "real"]
    source: str
    source_sha256: str
    licence: str
    arch: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a comparison with the source takes from a sidecar; None where it states nothing."""

    input_range: InputRange | None = None
    arch: str | None = None
    precision: str | None = None
    positive_class: str = "fake"


def path(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def write(file: Path, source: Source) -> Path:
    """Describe `file`, which lies where it will be used; returns the sidecar's path."""
    other = "real" if source.positive_class == "fake" else "fake"
    facts = {
        "file": file.name,
        "sha256": registry.file_sha256(file),
        "precision": source.precision,
        "input": {
            "shape": [1, source.input_px, source.input_px, 3],
            "dtype": "float32",
            "colour": "RGB",
            "normalisation": {"mean": 127.5, "std": 127.5},
            "crop": "a square around eyes and mouth, upright, its side 1.66 times the hypotenuse "
            "of the distance between the eyes and that from eyes to mouth",
        },
        "output": {"shape": [1, 1], "dtype": "float32", "kind": "logit", "activation": "sigmoid"},
        "labels": {"sigmoid(output)": source.positive_class, "1 - sigmoid(output)": other},
        "source": {
            "file": source.source,
            "sha256": source.source_sha256,
            "input_range": source.input_range,
            "arch": source.arch,
        },
    }
    path(file).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return path(file)


def read(file: Path) -> Known:
    """What the sidecar of `file` states; raises ConversionError if it is damaged."""
    try:
        facts = json.loads(path(file).read_text(encoding="utf-8"))
        return _known(facts)
    except FileNotFoundError:
        return Known()
    except (OSError, ValueError, AttributeError) as error:
        raise ConversionError(
            f"{path(file)} is damaged: {error}; convert the model again, or remove it"
        ) from error


def _known(facts: dict[str, Any]) -> Known:
    source, labels = facts.get("source", {}), facts.get("labels", {})
    input_range = source.get("input_range")
    if input_range not in (None, *RANGES):
        raise ValueError(f"the input range {input_range!r} is none of {', '.join(RANGES)}")
    arch = source.get("arch")
    if arch not in (None, *mesonet.NORMS):
        raise ValueError(f"the network {arch!r} is none of {', '.join(mesonet.NORMS)}")
    positive = labels.get("sigmoid(output)", "fake")
    return Known(input_range, arch, facts.get("precision"), positive)

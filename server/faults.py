"""What is wrong with values that were sent, in plain words: pydantic's own name its types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "is not known here",
    "greater_than": lambda about: f"must be more than {about['gt']:g}",
    "greater_than_equal": lambda about: f"must be at least {about['ge']:g}",
    "less_than_equal": lambda about: f"must be at most {about['le']:g}",
    "finite_number": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "float_type": lambda _: "must be a number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "int_type": lambda _: "must be a whole number",
    "bool_parsing": lambda _: "must be true or false",
    "bool_type": lambda _: "must be true or false",
    "string_type": lambda _: "must be text",
    "list_type": lambda _: "must be a list",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
    "dict_type": lambda _: "must be an object",
    "literal_error": lambda about: f"must be one of {about['expected']}",
    "too_short": lambda about: f"must have at least {about['min_length']} entries",
    "too_long": lambda about: f"must have at most {about['max_length']} entries",
    "value_error": lambda about: str(about["error"]),
}


def faults(error: ValidationError) -> dict[str, list[str]]:
    """What is wrong by the name of the value; `""` stands for all of them together."""
    found: dict[str, list[str]] = {}
    for fault in error.errors(include_url=False):
        if fault["type"] == "none_required":  # the other half of "a number, or left out"
            continue
        name = _name(fault["loc"])
        words = WORDS.get(fault["type"], lambda _: "cannot be used")(fault.get("ctx", {}))
        if words not in found.setdefault(name, []):
            found[name].append(words)
    return found


def sentence(found: Mapping[str, list[str]]) -> str:
    """All of `faults` in one line."""
    said = ((name, words) for name, all_ in found.items() for words in all_)
    return "; ".join(f"{name} {words}" if name else words for name, words in said)


def _name(place: tuple[int | str, ...]) -> str:
    """`faces.0.box`: without what pydantic calls the choices of a union."""
    kept = [part for part in place if isinstance(part, int) or part.isidentifier()]
    return ".".join(map(str, kept))

"""What a caller may choose about one check, said in JSON, a form, or a line of a batch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from models import registry
from server.api.limits import client
from server.errors import BadValue
from server.faults import faults, sentence
from server.jobs.checks import Backend, CheckRequest, digest
from server.terms import Declared, declared

MAX_WAIT_S = 55.0  # proxies and browsers give up on a silent answer after a minute
KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = "^[!-~]{1,128}$"


def classifiers() -> list[str]:
    """The registered models that can judge a face."""
    return [name for name in registry.names() if registry.spec(name).task == "classify"]


def _number(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        raise ValueError("must be a number, or left out")
    return value


def _truth(value: Any) -> Any:
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise ValueError("must be true or false, or left out")
    return value


def _word(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a word, or left out")
    return value


def _known(name: str) -> str:
    if name not in classifiers():
        raise ValueError(f"must be one of {', '.join(classifiers())}, not {name}")
    return name


# None stands for what was left out; saying null is an error, and the schema does not offer it.
Number = BeforeValidator(_number)
Absent = SkipJsonSchema[None]
Wait = Annotated[float, Field(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)]
MayWait = Annotated[Wait | Absent, Number, Field(description="seconds to wait for the verdict")]
Word = BeforeValidator(_word)
Truth = Annotated[bool, BeforeValidator(_truth)]
CHECKS = {bool: BeforeValidator(_truth), str: Word}
Model = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(classifiers())})
]
KINDS = {"model": Model}  # of which more is known than their type


def _field(of: Declared) -> tuple[Any, Any]:
    """What pydantic's create_model wants to know of one choice about the analysis."""
    kind: Any = KINDS.get(of.name, of.kind)
    if kind in (int, float):
        finite: dict[str, Any] = {"allow_inf_nan": False} if kind is float else {}
        kind = Annotated[kind, Field(ge=of.option.least, le=of.option.most, **finite)]
    check = CHECKS.get(of.kind, Number)
    return Annotated[kind | Absent, check], Field(None, description=of.option.meaning)


OFFERED: dict[str, Any] = {of.name: _field(of) for of in declared() if of.option.offered}
Analysis: Any = create_model("Analysis", **OFFERED)


class Options(Analysis):  # type: ignore[misc]
    """Choices for one check; what is left out has the value of the service's settings."""

    model_config = ConfigDict(extra="forbid")
    backend: Annotated[Backend, Word] = Field(
        "auto", description="what runs the networks; `auto`: as the service has it"
    )
    fresh: Truth = Field(False, description="check again, although a recent result is there")
    urgent: Truth = Field(True, description="`false`: after those for whom somebody is waiting")

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Options:
        if self.end_s is not None and self.end_s <= (self.start_s or 0.0):
            raise ValueError("end_s must be more than start_s")
        return self

    def ask(self, line: int = 0) -> CheckRequest:
        """What the checks are asked, as the request or as a line of it. Raises BadValue if the
        idempotency key cannot be one."""
        wanted = {name: value for name, value in self.said().items() if name in OFFERED}
        return CheckRequest(
            wanted, self.backend, self.fresh, self.urgent, idempotency_key=idempotency_key(line)
        )

    def said(self) -> dict[str, Any]:
        """Only what the caller said, of the fields that every check has."""
        said: dict[str, Any] = self.model_dump(
            include=set(Options.model_fields), exclude_unset=True
        )
        return said


Kind = TypeVar("Kind", bound=BaseModel)


def validated(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """`values` as an instance of `kind`. Raises BadValue, which lists the fault of each."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise BadValue(sentence(faults(error))) from None


def idempotency_key(line: int = 0) -> str | None:
    """The request's, as no other client can have it; raises BadValue.

    Each client has keys of its own for each address of ours, and for each line of a batch.
    """
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    if not re.fullmatch(KEY_PATTERN, key):
        raise BadValue(f"{KEY_HEADER} must be 1 to 128 printable ASCII characters, no spaces.")
    return digest([client(), request.path, line, key])

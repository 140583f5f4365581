"""What a caller may choose about one check, said in JSON, a form, or a line of a batch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from models import registry
from server.api.limits import client
from server.errors import BadValue
from server.faults import faults, sentence
from server.jobs.checks import BACKEND, CheckRequest, digest

MAX_WAIT_S = 55.0  # proxies and browsers give up on a silent answer after a minute
LONGEST_MEDIA_S = 1e6
KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = "^[!-~]{1,128}$"
ANALYSIS = frozenset(
    {
        "samples_per_s",
        "start_s",
        "end_s",
        "max_crops",
        "min_face_px",
        "model",
        "explain",
        "stop_early",
        "schema_version",
    }
)


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
MayWait = Annotated[Wait | Absent, Number]
Rate = Annotated[float, Field(ge=0.2, le=10, allow_inf_nan=False)]
Moment = Annotated[float, Field(ge=0, le=LONGEST_MEDIA_S, allow_inf_nan=False)]
Crops = Annotated[int, Field(ge=3, le=96)]
Pixels = Annotated[int, Field(ge=20, le=1000)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Model = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(classifiers())})
]


class Options(BaseModel):
    """Choices for one check; what is left out is as whoever runs the service has set it."""

    model_config = ConfigDict(extra="forbid")
    samples_per_s: Annotated[Rate | Absent, Number] = Field(
        None, description="pictures judged per second of video; long media gets fewer"
    )
    start_s: Annotated[Moment | Absent, Number] = Field(
        None, description="judge from this second of the media on"
    )
    end_s: Annotated[Moment | Absent, Number] = Field(
        None, description="and up to this one; more than start_s"
    )
    max_crops: Annotated[Crops | Absent, Number] = Field(
        None, description="pictures of each person that are judged; more are slower and surer"
    )
    min_face_px: Annotated[Pixels | Absent, Number] = Field(
        None, description="smaller faces are not looked for"
    )
    model: Annotated[Model | Absent, BeforeValidator(_word)] = Field(
        None, description="which classifier judges; see /models"
    )
    backend: Annotated[Literal["auto", "tflite"], BeforeValidator(_word)] = Field(
        "auto", description="what runs the networks; auto: as the service has it"
    )
    explain: Annotated[Truth | Absent, BeforeValidator(_truth)] = Field(
        None, description="whether to make the pictures that show where in the face"
    )
    stop_early: Annotated[Truth | Absent, BeforeValidator(_truth)] = Field(
        None, description="whether to stop where no further picture can change the answer"
    )
    schema_version: Annotated[Literal[1, 2] | Absent, Number] = Field(
        None, description="of the verdict; 1: without likelihood ratios, for this version only"
    )
    fresh: Truth = Field(False, description="check again, although a recent result is there")
    urgent: Truth = Field(True, description="false: after those for whom somebody is waiting")

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Options:
        if self.end_s is not None and self.end_s <= (self.start_s or 0.0):
            raise ValueError("end_s must be more than start_s")
        return self

    def ask(self, line: int = 0) -> CheckRequest:
        """What the checks are asked, as the request or as a line of it. Raises BadValue if the
        idempotency key cannot be one."""
        wanted = {name: value for name, value in self.said().items() if name in ANALYSIS}
        if self.backend != "auto":
            wanted[BACKEND] = self.backend
        return CheckRequest(
            wanted, fresh=self.fresh, urgent=self.urgent, idempotency_key=idempotency_key(line)
        )

    def said(self) -> dict[str, Any]:
        """Only what the caller said, of the fields that every check has."""
        return self.model_dump(include=set(Options.model_fields), exclude_unset=True)


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

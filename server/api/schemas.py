"""The shapes of requests and answers, as pydantic models: they validate, and document the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from server.api.verdict_schema import Fraction
from server.fetch.urls import MAX_LENGTH

WAIT_S = 20.0  # how long a request waits for its verdict, unless it says otherwise
MAX_WAIT_S = 55.0  # proxies and browsers give up on a silent answer after a minute


def _given(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        raise ValueError("give a number of seconds, or leave it out")
    return value


Wait = Annotated[float, Field(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)]
MayWait = Annotated[Wait | SkipJsonSchema[None], BeforeValidator(_given)]


class WaitQuery(BaseModel):
    """`wait=0` answers at once, with the job."""

    model_config = ConfigDict(extra="ignore")
    wait: MayWait = None


class CheckUrl(BaseModel):
    """Check the video at an address."""

    model_config = ConfigDict(extra="forbid")
    url: str = Field(
        examples=["https://example.com/watch?v=1"],
        # Only described here: what is wrong with an address is better said by bad-url.
        json_schema_extra={
            "format": "uri",
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
            "maxLength": MAX_LENGTH,
        },
    )
    wait: MayWait = None


class Problem(BaseModel):
    """RFC 9457: `type` and `code` are stable; `detail` says what to do about it this time."""

    type: str
    code: str
    title: str
    status: int
    detail: str
    errors: dict[str, list[str]] | None = None


class JobLinks(BaseModel):
    """Where the job is; DELETE there cancels it, or removes it when it has ended."""

    self: str


class Job(BaseModel):
    """A check and how far it has come; times are Unix seconds."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str
    progress: Fraction
    position: int | None = Field(description="checks that wait before this one; null if it runs")
    partial: dict[str, Any] | None = Field(description="the verdict so far")
    result: dict[str, Any] | None = Field(description="the Verdict, when done")
    error: dict[str, Any] | None = Field(description="the Problem, when failed")
    attempts: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    links: JobLinks


class Health(BaseModel):
    """`status` is `no-worker` while nobody works on checks."""

    status: Literal["ok", "no-worker"]
    version: str
    model: dict[str, str | None]
    sandbox: dict[str, Any] | None
    workers: dict[str, int]
    jobs: dict[str, int]

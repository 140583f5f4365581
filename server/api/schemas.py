"""The shapes of requests and answers, as pydantic models: they validate, and document the API."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.api.options import Absent, MayWait, Number, Options
from server.fetch.urls import MAX_LENGTH
from server.jobs.checks import CheckRequest
from server.jobs.feedback import Right
from server.terms import LONGEST_MEDIA_S, PictureKind, Stage, State
from server.verdict_schema import Fraction, Rates, Verdict
from server.words import LANGUAGES

Language = Literal[LANGUAGES]  # type: ignore[valid-type]
MAX_BATCH = 1000  # addresses


class WaitQuery(BaseModel):
    """`wait=0` answers at once, with the job."""

    model_config = ConfigDict(extra="ignore")
    wait: MayWait = None


class Form(Options):
    """What may stand beside the files of a form."""

    wait: MayWait = None


# Only described here: what is wrong with an address is better said by bad-url.
Url = Annotated[
    str,
    Field(
        examples=["https://example.com/watch?v=1"],
        json_schema_extra={
            "format": "uri",
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
            "maxLength": MAX_LENGTH,
        },
    ),
]


class CheckUrl(Form):
    """Check the video at an address."""

    url: Url
    watched_s: Annotated[float | Absent, Number] = Field(
        None,
        ge=0,
        le=LONGEST_MEDIA_S,
        allow_inf_nan=False,
        description="where in the video a person is: the first verdict so far shows the faces "
        "from there on; changes no verdict",
    )

    def ask(self, line: int = 0) -> CheckRequest:
        return replace(super().ask(line), watched_s=self.watched_s)


class Batch(Options):
    """Check the videos at many addresses, with the same options."""

    urls: Annotated[list[Url], Field(min_length=1, max_length=MAX_BATCH)]


class BatchLine(Options):
    """An address with options of its own; they come before those of the batch."""

    url: Url


class Problem(BaseModel):
    """RFC 9457: `type` and `code` are stable; `detail` describes the remedy in this case."""

    type: str
    code: str
    title: str
    status: int
    detail: str
    errors: dict[str, list[str]] | None = None


class ProblemType(BaseModel):
    """An error that the service may answer, and what helps; `type` is its address."""

    type: str
    code: str
    title: str
    status: int
    cure: str
    retryable: bool = Field(description="whether a check that meets it is tried again")


class ProblemTypes(BaseModel):
    """Every error that the service may answer."""

    problems: list[ProblemType]


class JobLinks(BaseModel):
    """Where the job is (DELETE there cancels or removes it), and what there is about it.

    `faces` is a template (RFC 6570) for the pictures of the verdict's moments.
    """

    self: str
    events: str
    report: str
    faces: str
    feedback: str


class JobSummary(BaseModel):
    """A check in short; times are Unix seconds."""

    id: str
    kind: Literal["url", "file"]
    source: str | None = Field(description="the address, if it was one")
    title: str | None = Field(description="the name of the file that was sent")
    state: State
    stage: Stage | Literal["cancelled"]  # the latter once it was called off
    progress: Fraction
    label: str | None = Field(description="the verdict's label, when done")
    p_fake: Fraction | None
    error: dict[str, Any] | None = Field(description="the Problem, when failed")
    created_at: float
    started_at: float | None
    finished_at: float | None
    links: JobLinks


class CheckAnswer(Verdict):
    """The verdict, with the number of its check first and where to find more about it."""

    id: str
    links: JobLinks


class Job(JobSummary):
    """A check and how far it has come."""

    position: int | None = Field(description="checks that wait before this one; null if it runs")
    attempts: int
    partial: dict[str, Any] | None = Field(description="the verdict so far")
    result: dict[str, Any] | None = Field(description="the Verdict, when done")
    feedback: Right | None = Field(description="what somebody told to be right instead")


class Feedback(BaseModel):
    """What is right of a media whose verdict is wrong: `fake`, manipulated or generated; `real`."""

    model_config = ConfigDict(extra="forbid")
    right: Right


class JobsQuery(BaseModel):
    """Which checks to list."""

    model_config = ConfigDict(extra="ignore")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    before: Annotated[Annotated[float, Field(ge=0, allow_inf_nan=False)] | Absent, Number] = Field(
        None, description="only checks made before this Unix time"
    )
    state: Annotated[State | Absent, Field()] = None


class Jobs(BaseModel):
    """Checks, newest first; `next` is where the older ones are, null if there are none."""

    jobs: list[JobSummary]
    next: str | None


class BatchEntry(BaseModel):
    """What became of one address: its job, or the Problem with it.

    The problem's `retry_after_s`, where there is one, is the wait before this line may come again.
    """

    line: int = Field(description="where it stood in the batch, counted from 1")
    url: str | None
    id: str | None
    links: JobLinks | None
    error: dict[str, Any] | None


class BatchAnswer(BaseModel):
    """One entry per address, in order."""

    checks: list[BatchEntry]


class FaceQuery(BaseModel):
    """Which picture: `moment` counts a face's strongest moments from 0; a `frame` is the
    whole picture, small, and is kept of the worst three faces."""

    model_config = ConfigDict(extra="ignore")
    moment: Annotated[int, Field(ge=0, le=99)] = 0
    kind: PictureKind = "face"


class ReportQuery(BaseModel):
    """In which form; `download` asks the browser to save it; `language` is that of the HTML, which
    otherwise follows Accept-Language."""

    model_config = ConfigDict(extra="ignore")
    format: Literal["html", "json", "csv"] = "html"
    download: Literal["0", "1"] = "0"
    language: Annotated[Language | Absent, Field()] = None


class Calibration(BaseModel):
    """p_fake = sigmoid(scale * logit + offset); a face is called fake from `fake_at` up, real from
    `real_at` down."""

    scale: float
    offset: float
    fake_at: Fraction
    real_at: Fraction


class Classifier(BaseModel):
    """A model that judges faces; `default` is the one that does unless another is asked for."""

    name: str
    default: bool
    sha256: str
    precision: str
    input_px: int
    calibration: Calibration | None
    rates: Rates | None
    licence: str
    source: str
    card: str = Field(description="where its card is: data, measurements, limits")


class Classifiers(BaseModel):
    """The models that can judge faces."""

    models: list[Classifier]


class Health(BaseModel):
    """`status` is `no-worker` while nobody works on checks."""

    status: Literal["ok", "no-worker"]
    version: str
    model: dict[str, str | None]
    sandbox: dict[str, Any] | None
    workers: dict[str, int]
    jobs: dict[str, int]


class Readiness(BaseModel):
    """Every part is `ok`; otherwise the answer is the problem `not-ready`."""

    status: Literal["ready"]
    parts: dict[str, str]

"""Every setting of the service, read once from the environment. Nothing else reads it."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

PREFIX = "MESOSCOPE_"
MIN_TOKEN = 16  # characters; shorter secrets can be guessed
MAY_BE_ZERO = frozenset({"cache_hours", "trusted_proxies"})
RATE = re.compile(r"[1-9]\d{0,8}/(second|minute|hour|day)")
EXTENSION = re.compile(r"(chrome|moz|safari-web)-extension://[\w.-]+")


class ConfigError(Exception):
    """A setting that cannot be used; the message names it, what is wrong, and an example."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set; each field is read from MESOSCOPE_<FIELD IN CAPITALS>."""

    host: str = "127.0.0.1"  # address to listen on; anything but loopback needs a token
    port: int = 8000  # port to listen on
    token: str = field(default="", repr=False)  # asked for as "Authorization: Bearer TOKEN"
    data_dir: Path = Path("var")  # jobs database, queue and scratch files
    database_url: str = ""  # SQLAlchemy URL; empty: SQLite in data_dir
    broker_url: str = ""  # Celery broker; empty: files in data_dir
    workers: int = 1  # checks that run at the same time
    threads: int = 16  # requests at the same time, four of which never wait or stream
    allow_hosts: tuple[str, ...] = ()  # host:port or network that may be fetched though not public
    max_download_bytes: int = 200_000_000
    max_upload_bytes: int = 200_000_000
    max_duration_s: float = 4 * 3600.0  # longer media is refused
    download_timeout_s: float = 120.0
    job_timeout_s: float = 600.0
    max_memory_bytes: int = 3_000_000_000  # one check may use; the largest pictures take 1.7
    queue_limit: int = 200  # checks waiting before new ones are refused
    queue_bytes: int = 10_000_000_000  # of uploads waiting before new ones are refused
    batch_limit: int = 10_000  # the same for checks of a batch, which come after the others
    model: str = "meso3-full"  # registered name of the classifier
    backend: str = "auto"  # what runs the networks: tflite, keras, or keras where a GPU is
    gpu_memory: float = 0.8  # share of the GPU's memory that keras may use
    samples_per_s: float = 3.0  # pictures judged per second of video
    min_face_px: int = 40  # smaller faces are not judged
    keep_days: float = 7.0  # results older than this are deleted
    cache_hours: float = 24.0  # a result this young answers the same question; 0: never
    jobs_per_child: int = 100  # checks until the process that they are forked from is replaced
    rate_limit: str = "60/minute"  # checks that one client may start; empty: any number
    trusted_proxies: int = 0  # reverse proxies before us, whose X-Forwarded-For is believed
    extension_origins: tuple[str, ...] = ()  # the only extensions that may use us; empty: all
    log_format: str = "text"  # or json
    trust_list: str = ""  # file of certificates whose Content Credentials are known; PEM

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; raises ConfigError for a value of the wrong kind or a wrong name."""
        known = {PREFIX + field.name.upper(): field for field in fields(cls)}
        others = {"MESOSCOPE_DATA"}  # the tests' data, not a setting of the service
        unknown = [name for name in environ if name.startswith(PREFIX)]
        unknown = [name for name in unknown if name not in known and name not in others]
        if unknown:
            raise ConfigError(f"unknown setting {unknown[0]}; known: {', '.join(sorted(known))}")
        values = {
            field.name: _parse(name, environ[name], field.default)
            for name, field in known.items()
            if name in environ
        }
        settings = cls(**values)
        settings._check()
        return settings

    def to_env(self) -> dict[str, str]:
        """The environment from which from_env() reads these very settings."""
        return {
            PREFIX + item.name.upper(): _unparse(getattr(self, item.name)) for item in fields(self)
        }

    @property
    def options(self) -> dict[str, Any]:
        """What every check is done with: fields of AnalysisOptions."""
        return {
            "samples_per_s": self.samples_per_s,
            "min_face_px": self.min_face_px,
            "model": self.model,
        }

    @property
    def cores(self) -> int:
        """Of this machine, for each of the checks that run at the same time."""
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        return max(1, (len(allowed) or os.cpu_count() or 1) // self.workers)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def _check(self) -> None:
        self._check_numbers()
        self._check_words()
        if not self.loopback and not self.token:
            raise ConfigError(
                f"{PREFIX}HOST={self.host} lets other machines in: set {PREFIX}TOKEN to a secret "
                f"of at least {MIN_TOKEN} characters, or listen on 127.0.0.1"
            )

    def _check_numbers(self) -> None:
        for item in fields(self):
            value, name = getattr(self, item.name), PREFIX + item.name.upper()
            free = item.name in MAY_BE_ZERO
            if isinstance(value, int) and value < (0 if free else 1):
                raise ConfigError(f"{name} must be at least {0 if free else 1}, not {value}")
            if isinstance(value, float):
                fits = math.isfinite(value) and (value >= 0 if free else value > 0)
                if not fits:
                    least = "0 or more" if free else "more than 0"
                    raise ConfigError(f"{name} must be {least}, not {value}")
        if self.queue_bytes < self.max_upload_bytes:
            raise ConfigError(
                f"{PREFIX}QUEUE_BYTES={self.queue_bytes} has no room for one upload: it must be at "
                f"least {PREFIX}MAX_UPLOAD_BYTES={self.max_upload_bytes}"
            )
        if self.port > 65535:
            raise ConfigError(f"{PREFIX}PORT must be 1 to 65535, not {self.port}")
        if self.gpu_memory > 1:
            raise ConfigError(f"{PREFIX}GPU_MEMORY must be at most 1, not {self.gpu_memory}")

    def _check_words(self) -> None:
        if self.token and not re.fullmatch(rf"[!-~]{{{MIN_TOKEN},}}", self.token):
            raise ConfigError(
                f"{PREFIX}TOKEN must be at least {MIN_TOKEN} printable ASCII characters, no spaces"
            )
        if self.rate_limit and not RATE.fullmatch(self.rate_limit):
            raise ConfigError(
                f"{PREFIX}RATE_LIMIT must be like 60/minute (or second, hour, day), or empty for "
                f"none, not {self.rate_limit!r}"
            )
        for origin in self.extension_origins:
            if not EXTENSION.fullmatch(origin):
                raise ConfigError(
                    f"{PREFIX}EXTENSION_ORIGINS must name extensions, for example "
                    f"chrome-extension://abcdefghijklmnopabcdefghijklmnop, not {origin!r}"
                )
        if self.backend not in ("auto", "tflite", "keras"):
            raise ConfigError(
                f"{PREFIX}BACKEND must be auto, tflite or keras, not {self.backend!r}"
            )
        self._check_trust_list()
        if self.log_format not in ("text", "json"):
            raise ConfigError(f"{PREFIX}LOG_FORMAT must be text or json, not {self.log_format!r}")

    def _check_trust_list(self) -> None:
        name = PREFIX + "TRUST_LIST"
        if not self.trust_list:
            return
        try:
            text = Path(self.trust_list).read_text()
        except (OSError, ValueError) as error:
            raise ConfigError(f"{name}={self.trust_list} cannot be read: {error}") from error
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise ConfigError(f"{name}={self.trust_list} holds no certificate: it must be PEM")


def _parse(name: str, text: str, default: Any) -> Any:
    """Turn `text` into the type of `default`."""
    kind = type(default)
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, Path):
        return Path(text)
    try:
        return kind(text)
    except ValueError:
        example = f"for example {name}={default}"
        raise ConfigError(f"{name} must be a {kind.__name__}, not {text!r}; {example}") from None


def _unparse(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)

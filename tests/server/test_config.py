"""Settings: read strictly, told back exactly, documented completely."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import MIN_TOKEN, ConfigError, Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
POSITIVE = st.floats(min_value=1e-3, max_value=1e9)
NAMES = st.text("abcdefghij0123456789.:/", min_size=1, max_size=20)


@given(
    st.builds(
        Settings,
        host=st.sampled_from(["127.0.0.1", "::1", "localhost"]),
        port=st.integers(1, 65535),
        token=st.one_of(st.just(""), st.text("!azAZ09~", min_size=MIN_TOKEN)),
        data_dir=st.builds(Path, NAMES),
        allow_hosts=st.lists(NAMES).map(tuple),
        job_timeout_s=POSITIVE,
        samples_per_s=POSITIVE,
        queue_limit=st.integers(1, 10**9),
    )
)
def test_what_is_written_is_read_back(settings: Settings) -> None:
    assert Settings.from_env(settings.to_env()) == settings


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"MESOSCOPE_PROT": "1"}, ["MESOSCOPE_PROT", "MESOSCOPE_PORT"]),
        ({"MESOSCOPE_PORT": "many"}, ["MESOSCOPE_PORT", "int", "many", "8000"]),
        ({"MESOSCOPE_PORT": "70000"}, ["65535"]),
        ({"MESOSCOPE_WORKERS": "0"}, ["MESOSCOPE_WORKERS", "at least 1"]),
        ({"MESOSCOPE_JOB_TIMEOUT_S": "nan"}, ["MESOSCOPE_JOB_TIMEOUT_S", "more than 0"]),
        ({"MESOSCOPE_KEEP_DAYS": "-1"}, ["MESOSCOPE_KEEP_DAYS"]),
        ({"MESOSCOPE_CACHE_HOURS": "-1"}, ["MESOSCOPE_CACHE_HOURS", "0 or more"]),
        ({"MESOSCOPE_CACHE_HOURS": "inf"}, ["MESOSCOPE_CACHE_HOURS"]),
        ({"MESOSCOPE_RATE_LIMIT": "many"}, ["MESOSCOPE_RATE_LIMIT", "60/minute"]),
        ({"MESOSCOPE_RATE_LIMIT": "0/minute"}, ["MESOSCOPE_RATE_LIMIT"]),
        ({"MESOSCOPE_TRUSTED_PROXIES": "-1"}, ["MESOSCOPE_TRUSTED_PROXIES", "at least 0"]),
        ({"MESOSCOPE_EXTENSION_ORIGINS": "*"}, ["MESOSCOPE_EXTENSION_ORIGINS", "extension://"]),
        ({"MESOSCOPE_EXTENSION_ORIGINS": "https://a.test"}, ["MESOSCOPE_EXTENSION_ORIGINS"]),
        ({"MESOSCOPE_BACKEND": "cuda"}, ["MESOSCOPE_BACKEND", "tflite", "keras"]),
        ({"MESOSCOPE_GPU_MEMORY": "1.5"}, ["MESOSCOPE_GPU_MEMORY", "at most 1"]),
        ({"MESOSCOPE_LOG_FORMAT": "xml"}, ["MESOSCOPE_LOG_FORMAT", "json"]),
        ({"MESOSCOPE_HOST": "0.0.0.0"}, ["MESOSCOPE_TOKEN", "127.0.0.1"]),
        ({"MESOSCOPE_HOST": "video.example"}, ["MESOSCOPE_TOKEN"]),
        ({"MESOSCOPE_TOKEN": "short"}, ["MESOSCOPE_TOKEN", str(MIN_TOKEN)]),
        ({"MESOSCOPE_TOKEN": "with spaces in between"}, ["MESOSCOPE_TOKEN"]),
    ],
)
def test_a_bad_setting_is_named_with_its_cure(environ: dict[str, str], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(environ)
    for word in words:
        assert word in str(caught.value)


def test_the_cache_can_be_turned_off() -> None:
    assert Settings.from_env({"MESOSCOPE_CACHE_HOURS": "0"}).cache_hours == 0


def test_other_machines_are_let_in_with_a_token() -> None:
    settings = Settings.from_env({"MESOSCOPE_HOST": "0.0.0.0", "MESOSCOPE_TOKEN": "s" * MIN_TOKEN})
    assert not settings.loopback


def test_a_secret_is_never_printed() -> None:
    secret = "correct-horse-battery"
    assert secret not in repr(Settings(token=secret))
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({"MESOSCOPE_TOKEN": secret + " "})
    assert secret not in str(caught.value)


def test_every_setting_is_documented_with_its_default() -> None:
    """By a row `| `MESOSCOPE_NAME` | `default` | what it does |` of docs/settings.md."""
    text, missing = PAGE.read_text(), []
    for name, default in Settings().to_env().items():
        shown = re.escape(f"`{default}`") if default else ""
        row = rf"^\|\s*`{name}`\s*\|\s*{shown}\s*\|\s*\S.{{10,}}\|\s*$"
        if not re.search(row, text, re.MULTILINE):
            missing.append(name)
    assert missing == []

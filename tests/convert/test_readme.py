"""The README's commands that convert, calibrate and report, run as they are written."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from convert import bootstrap
from models import registry
from tests.convert import models
from tests.convert.test_classifier import KERAS_SAVES
from tests.training.card.test_own_classifier import stripes, write_crops
from tests.training.pictures import write_data

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings(KERAS_SAVES),
]


def commands() -> list[list[str]]:
    """The arguments of each `$python -m convert ...` and `$python -m training ...` there."""
    section = (ROOT / "README.md").read_text().split("## Converting models")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    lines = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    return [line[2:] for line in lines if line[:2] == ["$python", "-m"]]


def test_the_sequence_runs_as_written(tmp_path, monkeypatch) -> None:
    from convert.__main__ import main as convert
    from training.__main__ import main as training
    from training.card import text

    shutil.copytree(registry.WEIGHTS, tmp_path / "models" / "weights")
    (tmp_path / "models" / "cards").mkdir()
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path / "models" / "weights")
    monkeypatch.setattr(text, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(bootstrap, "DRAWS", 50)  # a rough interval will do
    monkeypatch.chdir(tmp_path)
    registry.spec.cache_clear()
    stripes(1).save("model.keras")
    models.published(tmp_path / "Meso4_DF.h5", "meso4")
    write_crops(tmp_path / "crops")
    (tmp_path / "data").mkdir()
    write_data(tmp_path / "data", train_pairs=1)
    programs = {"convert": convert, "training": training}
    found = commands()
    assert {tuple(line[:2]) for line in found} >= {("convert", "keras"), ("convert", "verify")}
    try:
        for program, *arguments in found:
            assert programs[program](arguments) == 0, arguments
        assert registry.spec("mine").calibration is not None
    finally:
        registry.spec.cache_clear()

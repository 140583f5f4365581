"""What a card holds of measurements that not every model has."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models import registry
from training.card import text
from training.evaluate.likelihood.treated import ALL

ROW = {
    "treatment": "H.264 CRF 40", "kind": ALL, "reals": 120, "fakes": 130, "cllr": 0.834,
    "cllr_min": 0.61, "decided": 0.4, "reals_called_fake": 0.0, "reals_called_suspicious": 0.04,
    "reals_called_real": 0.3, "fakes_called_fake": 0.2, "fakes_called_suspicious": 0.25,
    "fakes_called_real": 0.02,
}  # fmt: skip


def test_a_card_has_verdicts_by_compression_where_they_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(text.RESULTS, results := tmp_path / "results")
    path = results / "meso3" / "faceforensics" / "evaluation.json"
    found = json.loads(path.read_text())
    monkeypatch.setattr(text, "RESULTS", results)
    for table in ("treated_evidence", "treated_video_evidence"):
        found.pop(table, None)
    path.write_text(json.dumps(found))
    shutil.rmtree(results / "meso3" / "dfdc224-test")
    assert "by compression" not in _without_others(monkeypatch)
    nothing = {**ROW, "fakes": 0, "cllr": "", "cllr_min": None}
    del nothing["fakes_called_fake"], nothing["fakes_called_suspicious"]
    del nothing["fakes_called_real"]
    path.write_text(json.dumps(found | {"treated_video_evidence": [ROW, nothing]}))
    card = _without_others(monkeypatch)
    assert "FaceForensics c40, videos, by compression" in card
    assert "| H.264 CRF 40 | all | 130, 120 | 0.83, 0.61 | 40% | 20%, 45% | 2% | 0%, 4% |" in card
    assert "| H.264 CRF 40 | all | 0, 120 | -, - | 40% | - | - | 0%, 4% |" in card


def _without_others(monkeypatch: pytest.MonkeyPatch) -> str:
    """The card of Meso-3, as of a network of somebody else: it has no comparisons."""
    monkeypatch.setattr(text.export, "SOURCES", {})
    assert registry.spec("meso3").likelihood is not None
    return text.render("meso3")

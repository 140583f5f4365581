"""The table over all sets, and the kinds of fakes that it shows a network not to see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models import registry
from server.words import LANGUAGES, words
from training.evaluate import across

MODEL = "meso3-full"


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The registered model's entry and its table, to be changed."""
    weights, results = tmp_path / "weights", tmp_path / "results"
    weights.mkdir()
    results.mkdir()
    path = weights / f"{MODEL}.json"
    path.write_text(registry.entry_path(MODEL).read_text())
    monkeypatch.setattr(registry, "WEIGHTS", weights)
    monkeypatch.setattr(across, "RESULTS", results)
    registry.spec.cache_clear()
    yield path
    registry.spec.cache_clear()


def table(**flagged: float) -> None:
    """Write a table with the share of fakes that is flagged of each set."""
    rows = [{"set": name, "fakes_flagged": share} for name, share in flagged.items()]
    across.write(across.mirrored_name(MODEL), rows)


def test_a_kind_that_is_hardly_flagged_is_named_as_not_seen(entry: Path) -> None:
    before = registry.spec(MODEL).likelihood
    assert before is not None
    table(**{"LivePortrait": 0.04, "FLUX, one person": 0.05, "composites by hand": 0.0})
    assert across.unseen(MODEL) == ("portrait animation",)
    for _ in range(2):  # once more adds nothing
        assert across.note_unseen(MODEL) == ("portrait animation",)
    after = registry.spec(MODEL).likelihood
    assert after is not None
    assert after.covers == before.covers
    assert (after.line, after.bounds) == (before.line, before.bounds), "nothing is fitted anew"
    table(**{"LivePortrait": 0.3, "FLUX, one person": 0.01})
    assert across.note_unseen(MODEL) == ("diffusion portrait",)


def test_without_a_table_nothing_is_said_to_be_unseen(entry: Path) -> None:
    assert across.unseen(MODEL) == ()


@pytest.mark.parametrize("name", ["meso3", MODEL])
def test_the_registered_models_name_what_their_tables_show_them_not_to_see(name: str) -> None:
    likelihood = registry.spec(name).likelihood
    assert likelihood is not None
    named = [kind for kind in likelihood.blind_to if kind in across.ALONE.values()]
    assert tuple(named) == across.unseen(name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_of_these_kinds_has_words(language: str) -> None:
    for kind in across.ALONE.values():
        assert words(language).kinds([kind]) != kind

"""Nobody, and no recording, is in two splits, however people and recordings are tangled."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.prepare import SHARES, split
from training.data.sources import Clip

PEOPLE = st.integers(0, 25).map(lambda n: f"p{n}")


@st.composite
def clips(draw: st.DrawFn) -> list[Clip]:
    """Recordings of one person each, and fakes of them that show a second one."""
    found = []
    for n in range(draw(st.integers(1, 40))):
        people = tuple(draw(st.lists(PEOPLE, min_size=1, max_size=2)))
        source = f"s{draw(st.integers(0, 30))}"
        found.append(Clip(Path("x"), f"c{n}", len(people) > 1, "m", source, people))
    return found


@settings(max_examples=60, deadline=None)
@given(clips(), st.integers(0, 5))
def test_no_person_and_no_recording_crosses(chosen: list[Clip], seed: int):
    splits = split(chosen, seed=seed)
    seen = defaultdict(set)
    for clip, part in zip(chosen, splits, strict=True):
        for key in (("source", clip.source), *(("person", person) for person in clip.people)):
            seen[key].add(part)
    assert all(len(parts) == 1 for parts in seen.values())
    assert set(splits) <= set(SHARES)
    assert split(chosen, seed=seed) == splits


def people(count: int) -> list[Clip]:
    return [Clip(Path("x"), f"c{n}", False, "m", f"s{n}", (f"p{n}",)) for n in range(count)]


def test_the_shares_are_kept_and_the_seed_decides_who():
    chosen = people(200)
    splits = split(chosen)
    assert {name: splits.count(name) for name in SHARES} == {"train": 160, "val": 20, "test": 20}
    assert split(chosen, seed=1) != splits


def test_what_the_data_states_is_kept_and_what_it_breaks_is_refused():
    chosen = people(20)
    stated = [replace(chosen[0], split="test"), *chosen[1:]]
    assert split(stated)[0] == "test"
    clash = [*stated, replace(chosen[0], name="again", split="train")]
    with pytest.raises(ValueError, match="test and train share somebody"):
        split(clash)

"""Train, val and test by people and recordings: nobody is in two of them, and no recording."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from training.data.sources import Clip

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def split(clips: Sequence[Clip], shares: Mapping[str, float] = SHARES, seed: int = 0) -> list[str]:
    """The split of each clip.

    Clips that share a person or a recording stay together, and so does who shares one with them:
    the two sources of a swap end in one split. Each such group goes where most is missing, the
    larger groups first; the same seed gives the same split. A split that the data states is kept.
    Raises ValueError where stated splits share somebody.
    """
    group_of = _groups(clips)
    stated: dict[int, set[str]] = defaultdict(set)
    sizes: Counter[int] = Counter()
    for clip, group in zip(clips, group_of, strict=True):
        sizes[group] += 1
        if clip.split:
            stated[group].add(clip.split)
    given: Counter[str] = Counter()
    chosen: dict[int, str] = {}
    for group, wanted in stated.items():
        if len(wanted) > 1:
            shown = next(c for c, g in zip(clips, group_of, strict=True) if g == group)
            raise ValueError(f"{' and '.join(sorted(wanted))} share somebody: see {shown.name}")
        chosen[group] = next(iter(wanted))
        given[chosen[group]] += sizes[group]
    names: dict[int, str] = {}
    for clip, group in zip(clips, group_of, strict=True):
        names[group] = min(names.get(group, clip.name), clip.name)
    free = sorted(
        (group for group in sizes if group not in chosen),
        key=lambda group: (-sizes[group], _draw(seed, names[group])),
    )
    total = len(clips)
    for group in free:
        chosen[group] = max(shares, key=lambda name: shares[name] * total - given[name])
        given[chosen[group]] += sizes[group]
    return [chosen[group] for group in group_of]


def _groups(clips: Sequence[Clip]) -> list[int]:
    """A number for each clip; equal where clips are connected by people or recordings."""
    leader = list(range(len(clips)))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    first: dict[str, int] = {}
    for i, clip in enumerate(clips):
        for key in _keys(clip):
            leader[find(i)] = find(first.setdefault(key, i))
    return [find(i) for i in range(len(clips))]


def _keys(clip: Clip) -> list[str]:
    return [f"source {clip.source}", *(f"person {person}" for person in clip.people)]


def _draw(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest()

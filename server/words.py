"""The words that people read: one catalogue a language, shared with the browser extension."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from server.terms import PRIORS, SEARCHES, UNTRAINED_RIGHT, next_steps

LOCALES = Path(__file__).parents[1] / "extension" / "src" / "_locales"
DEFAULT = "en"
HOLDING = (None, "trusted", "unknown")  # seals of which a statement is left
LANGUAGES = (DEFAULT, *sorted(path.name for path in LOCALES.iterdir() if path.name != DEFAULT))


@dataclass(frozen=True, slots=True)
class Words:
    """One language; extension/src/words.js is the same for browsers."""

    language: str
    messages: dict[str, str]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return self.messages["direction"]

    def knows(self, key: str) -> bool:
        return key.replace("-", "_") in self.messages

    def say(self, key: str, *values: str) -> str:
        """The message, with `$1`, `$2` filled in; the key itself where there is none."""
        text = self.messages.get(key.replace("-", "_"), key)
        for place, value in enumerate(values, 1):
            text = text.replace(f"${place}", value)
        return text

    def percent(self, p: float) -> str:
        """A probability in 0..1, never shown as more certain than it is."""
        if p > 0.99:
            return self.say("over", self._whole(99))
        if p < 0.01:
            return self.say("under", self._whole(1))
        return self._whole(math.floor(100 * p + 0.5))

    def _whole(self, hundredths: int) -> str:
        return self.say("percent", str(hundredths))

    def decimal(self, value: float, digits: int) -> str:
        """A number with `digits` digits after the language's decimal sign."""
        return f"{value:.{digits}f}".replace(".", self.messages["decimal"])

    def part(self, part: str) -> str:
        """The part of a data set that something was measured on; an unknown one by its own name."""
        key = "part_" + "_".join(re.findall(r"\w+", part.lower()))
        return self.say(key) if self.knows(key) else part

    def in_hundred(self, share: float) -> str:
        """How many of 100, never shown as none or all."""
        if share > 0.99:
            return self.say("over", "99")
        return self.say("under", "1") if share < 0.01 else str(math.floor(100 * share + 0.5))

    def listed(self, parts: Iterable[str]) -> str:
        return self.messages["list_separator"].join(parts)

    def regions(self, regions: Iterable[str]) -> str:
        """The names of a face's regions."""
        return self.listed(
            self.say(f"region_{name}") if self.knows(f"region_{name}") else name for name in regions
        )

    def kinds(self, kinds: Iterable[str]) -> str:
        """Kinds of fakes, in words; those of others by the names that they gave them."""
        named = ((kind, f"made_{kind.replace(' ', '_')}") for kind in kinds)
        return self.listed(self.say(key) if self.knows(key) else kind for kind, key in named)

    def support(self, support: Mapping[str, Any] | None) -> str:
        """How strong the evidence is, and which way; empty where that was not measured."""
        if support is None:
            return ""
        if support["direction"] is None:
            return self.say("support_none")
        strength = self.say(f"strength_{support['strength']}")
        return self.say(f"support_{support['direction']}", strength)

    def reason(self, reason: str, found: Mapping[str, Any], clock: Callable[[float], str]) -> str:
        """A reason of a face or verdict; where scores disagree, when, as `clock` writes times."""
        stretch_s = found.get("stretch_s")
        if reason == "scores-disagree" and stretch_s:
            side = "fake" if found["label"] == "fake" else "unsure"
            return self.say(f"stretch_{side}", *map(clock, stretch_s))
        return self.say(f"reason_{reason}")

    def worth(self, lr: float | None) -> list[str]:
        """What evidence is worth where fakes are rare and where they are not (Bayes)."""
        if lr is None:
            return []
        odds = {prior: lr * prior / (100 - prior) for prior in PRIORS}
        return [
            self.say("worth_prior", str(prior), self.in_hundred(each / (1 + each)))
            for prior, each in odds.items()
        ]

    def viewers(self) -> str:
        """What people reach without a measurement."""
        return self.say("worth_viewers", str(UNTRAINED_RIGHT))

    def next(self, found: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
        """What to do next about a face or verdict, each with the addresses that it needs."""
        steps = next_steps(found.get("level") or found["label"], found["reasons"])
        return [
            (self.say(f"next_{step}"), SEARCHES if step == "reverse-search" else {})
            for step in steps
        ]

    def declaration(self, said: Mapping[str, Any]) -> tuple[str, str]:
        """What a file claims of its origin, empty where its seal is broken; and in what form, and
        what that is worth. As extension/src/view/declared.js has it."""
        claim = " · ".join(self.say(f"declared_{each}") for each in said["claims"])
        if not claim and said["seal"] in HOLDING:
            claim = self.say("declared_no_claim")
        signer = said["signer"] or self.say("declared_nameless")
        seal, source = said["seal"], said["source"]
        form = self.say(f"seal_{seal}", signer) if seal else self.say(f"source_{source}")
        return claim, f"{form} {self.say('declared_by', said['by'])}" if said["by"] else form


@cache
def words(language: str) -> Words:
    """The catalogue of one of LANGUAGES."""
    entries = json.loads((LOCALES / language / "messages.json").read_text(encoding="utf-8"))
    return Words(language, {key: entry["message"] for key, entry in entries.items()})

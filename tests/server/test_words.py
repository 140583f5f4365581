"""The words of page, report and command line; extension/test/words.test.js holds the same."""

from __future__ import annotations

import pytest

from server.words import DEFAULT, LANGUAGES, words

PERCENT = {
    "en": "57%",
    "de": "57\u00a0%",
    "fr": "57\u202f%",
    "es": "57\u00a0%",
    "ar": "57\u200e%\u200e",
}


def test_the_languages() -> None:
    assert LANGUAGES[0] == DEFAULT == "en"
    assert set(LANGUAGES) == set(PERCENT)


@pytest.mark.parametrize("language", LANGUAGES)
def test_percent_signs_stand_as_each_language_has_them(language: str) -> None:
    assert words(language).percent(0.57) == PERCENT[language]
    assert words(language).direction == ("rtl" if language == "ar" else "ltr")


def test_no_probability_is_shown_as_certain() -> None:
    english = words("en")
    assert [english.percent(p) for p in (0.0, 0.01, 0.125, 0.99, 1.0)] == [
        "under 1%",
        "1%",
        "13%",
        "99%",
        "over 99%",
    ]


def test_numbers_and_data_sets_in_each_language() -> None:
    assert [words(language).decimal(1.18, 1) for language in ("en", "de")] == ["1.2", "1,2"]
    assert words("de").part("DFDC test, single crops").startswith("einzelnen Bildern")
    assert words("de").part("somebody's own") == "somebody's own"


def test_values_are_filled_in_and_an_unknown_key_stays() -> None:
    english = words("en")
    assert english.say("span", "0:01", "0:02") == "0:01 to 0:02"
    assert english.say("no-such-key") == "no-such-key"
    assert english.regions(["mouth", "elbow"]) == "mouth, elbow"


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_scores_disagree_it_is_told_when(language: str) -> None:
    found = {"label": "fake", "stretch_s": [0.0, 2.0]}
    text = words(language).reason("scores-disagree", found, lambda s: f"0:{s:02.0f}")
    assert "0:00" in text
    assert "0:02" in text
    unsure = words(language).reason("scores-disagree", found | {"label": "inconclusive"}, str)
    assert unsure != text


def test_a_reason_without_a_time_is_told_as_it_is() -> None:
    english = words("en")
    assert english.reason("scores-disagree", {"label": "fake"}, str).startswith("Only a part")
    assert english.reason("blurred", {"label": "inconclusive"}, str).startswith("The face is too")


@pytest.mark.parametrize("language", LANGUAGES)
def test_evidence_is_worth_little_where_fakes_are_rare(language: str) -> None:
    rare, often = words(language).worth(14.0)
    assert [text.count("12") for text in (rare, often)] == [1, 0]
    assert "93" in often
    assert words(language).worth(None) == []


def test_rare_is_not_never() -> None:
    assert words("en").in_hundred(0.003) == "under 1"
    assert words("en").in_hundred(0.999) == "over 99"


def test_every_answer_leads_on() -> None:
    [(step, addresses)] = words("en").next({"label": "fake", "level": "fake", "reasons": []})
    assert step.startswith("Look for the film")
    assert addresses
    steps = words("en").next({"label": "inconclusive", "reasons": ["blurred", "unstable"]})
    assert [text[:22] for text, _ in steps] == ["Look for a better copy"]

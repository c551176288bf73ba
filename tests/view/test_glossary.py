"""The glossary knows every word of the product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import securemnist
from securemnist import measures
from securemnist.comparison.change import Word
from securemnist.results.findings import TIERS, Verdict
from securemnist.threats import THREATS
from securemnist.view import glossary
from tests.commands import run

PACKAGE = Path(securemnist.__file__).parent
DOUBTS = sorted(
    {
        name
        for path in (PACKAGE / "evaluation" / "doubts").glob("*.py")
        for name in re.findall(r'Doubt\(\s*name="([^"]+)"', path.read_text())
    }
)
FAMILIES = sorted({measure.family.name for measure in measures.MEASURES.values()})
WORDS = [
    *Verdict,
    *TIERS,
    *Word,
    *DOUBTS,
    *FAMILIES,
    "PASS (proved)",
    "PASS (survived)",
    "PASS (smoothed)",
]
WORDS += [
    *THREATS,
    "eps",
    "tier",
    "waiver",
    "doubt",
    "ladder",
    "certified",
    "survived",
    "scope",
    *(
        "witness",
        "survivor",
        "referee",
        "margin",
        "robust accuracy",
        "union",
        "attestation",
        "provenance",
    ),
]


def test_doubts_are_found_in_the_code() -> None:
    """The list of doubts comes from the code and is not empty."""
    assert len(DOUBTS) >= 9


@pytest.mark.parametrize("word", WORDS)
def test_every_term_is_explained(word: str) -> None:
    """Verdicts, tiers, families, doubts and the terms of reports are explained under their own name."""
    entry = glossary.explain(word)
    assert entry is not None
    assert entry[1].endswith(".")


@pytest.mark.parametrize(
    "word", ["witness", "survivor", "referee", "margin", "robust accuracy", "attack"]
)
def test_term_of_the_field_has_its_own_entry(word: str) -> None:
    """A term that reports use is not explained as a spelling of another one."""
    entry = glossary.explain(word)
    assert entry is not None
    assert entry[0] == word


@pytest.mark.parametrize("word", [*measures.MEASURES, "linf", "Not run", "pass_(survived)", "EPS"])
def test_explain_ignores_case_blanks_and_underscores(word: str) -> None:
    """Case, blanks and underscores do not matter."""
    assert run("explain", word).exit_code == 0


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("jpeg", "quality: 75"),
        ("ensemble", "others: required"),
        ("art:SpatialSmoothing", "window_size: 3"),
    ],
)
def test_defences_are_explained_with_their_settings(word: str, words: str) -> None:
    """A defence, also one of ART, is explained by its docstring and the defaults of its settings."""
    result = run("explain", word)
    assert result.exit_code == 0, result.output
    assert words in result.output


def test_explain_suggests_a_similar_term() -> None:
    """A word with a letter too many is answered with the word that was meant."""
    result = run("explain", "wavier")
    assert result.exit_code == 2
    assert "did you mean waiver" in result.output


@pytest.mark.parametrize("word", ["nonsense", "blah"])
def test_a_word_without_a_likeness_is_not_guessed(word: str) -> None:
    """A word that is like no other is answered with what there is to name."""
    output = run("explain", word).output
    assert "did you mean" not in output
    assert "name a row's id" in output


def test_spellings_are_unique() -> None:
    """A way of writing belongs to one word."""
    names = [name.lower().replace("_", " ") for name in glossary.words()]
    assert len(names) == len(set(names))


def test_entries_of_a_text_are_the_terms_in_it() -> None:
    """The entries for a text are those of words in it."""
    found = dict(glossary.entries("robust accuracy at eps 0.1"))
    assert {"eps", "robust accuracy"} <= set(found)
    assert "waiver" not in found

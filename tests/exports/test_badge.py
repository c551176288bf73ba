"""The badge: green only for a complete run whose rows all passed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from securemnist.exports import badge
from securemnist.results.assessment import Against, Assessment
from securemnist.results.findings import Verdict
from tests.exports.example import (
    ADV,
    CLEAN,
    GREEN,
    STATIC,
    assessment,
    hostile_assessment,
    issue,
    judged,
    outside,
    static,
    stopped,
)
from tests.hostile_text import STRINGS, effective

SVG = "{http://www.w3.org/2000/svg}"


def look(result: Assessment) -> tuple[str, str]:
    """The words of a badge, and the role of its colour."""
    root = ET.fromstring(badge.render(result))  # noqa: S314
    _, right = root.iter(f"{SVG}rect")
    words = " | ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    return words, str(right.get("class"))


@pytest.mark.parametrize(
    ("result", "words", "role"),
    [
        (assessment(), "passed", "good"),
        (assessment(GREEN[0], judged(ADV, 0.1)), "failed", "bad"),
        (assessment(GREEN[0], stopped(ADV)), "not decided", "undecided"),
        (assessment(GREEN[0], judged(ADV, 0.5, n=100)), "not decided", "undecided"),
        (assessment(GREEN[0], ADV.unmeasured(Verdict.ERROR, "x")), "not decided", "undecided"),
        (assessment(outside(CLEAN)), "not decided", "undecided"),
        (assessment(GREEN[0], outside(ADV)), "1 of 2 rows passed", "muted"),
        (assessment(*GREEN[:2], static(issue(), row=STATIC)), "2 of 3 rows passed", "muted"),
        (assessment(GREEN[0]), "1 of 1 row passed", "muted"),
        (
            assessment(against=Against(name="o", commit="", digest="", exit_code=3, why="x")),
            "not decided",
            "undecided",
        ),
    ],
    ids=[
        "passed",
        "failed",
        "interrupted",
        "inconclusive",
        "error",
        "no row",
        "smoke tier",
        "waived",
        "no evasion",
        "comparison",
    ],
)
def test_only_a_complete_pass_is_green(result: Assessment, words: str, role: str) -> None:
    """Failed is red; undecided, partial and waived runs are neither green nor called passed."""
    assert look(result) == (f"model security | {words} 2026-11-21", f"fill-{role}")


def test_a_waiver_that_ends_turns_it_red() -> None:
    """A report that is made again after the waiver's last day says failed."""
    result = assessment(*GREEN[:2], static(issue(), row=STATIC))
    assert look(result.on("2027-01-01"))[1] == "fill-bad"


@pytest.mark.parametrize("value", STRINGS.values(), ids=STRINGS.keys())
def test_hostile_text_stays_out(value: str) -> None:
    """A badge of hostile texts is a badge of two words, two boxes and nothing that acts."""
    result = hostile_assessment(value)
    content = badge.render(result)
    root = ET.fromstring(content)  # noqa: S314
    tags = [element.tag.removeprefix(SVG) for element in root.iter()]
    assert tags == ["svg", "style", "rect", "rect", "text", "text"]
    assert effective(content.decode()) == []

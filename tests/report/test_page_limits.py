"""What a page withstands: many rows, few facts, odd names, numbers that are none."""

from __future__ import annotations

import dataclasses
import math
import time

import pytest

from securemnist.report import page, sections
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Verdict
from tests.report import example, hostile
from tests.report.markup import Markup

MEBIBYTE = 1 << 20


def test_a_large_report_is_rendered_within_a_second() -> None:
    """Fifteen rows with every picture, on 10,000 images each, cost less than a second of work."""
    robust = next(f for f in example.findings() if f.requirement.id == "ADV-02")
    rows = tuple(
        dataclasses.replace(
            robust, requirement=dataclasses.replace(robust.requirement, id=f"ADV-{number}")
        )
        for number in range(15)
    )
    began = time.process_time()
    rendered = page.render(example.assessment(findings=rows))
    assert time.process_time() - began < 1.0
    assert len(rendered) < 3 * MEBIBYTE


def test_templates_in_outside_text_are_not_run() -> None:
    """A name with template syntax is printed, not computed."""
    text = Markup(page.render(hostile.assessment(hostile.TEMPLATE)).decode()).text
    assert hostile.TEMPLATE in text


def test_ids_that_look_alike_get_anchors_of_their_own() -> None:
    """Rows whose ids differ only in punctuation can each be linked to."""
    names = ("A 1", "A.1", "A-1", "A-1--2", "///", "é")
    rows = [example.row(name, "m", at_least=0.5) for name in names]
    found = tuple(row.unmeasured(Verdict.ERROR, "x", family="clean") for row in rows)
    Markup(page.render(example.assessment(findings=found)).decode())


def test_a_page_has_room_for_so_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the room for pictures is used up, the page stays small and says what is left out."""
    monkeypatch.setattr(sections, "ROOM", 120_000)
    robust = next(f for f in example.findings() if f.requirement.id == "ADV-02")
    rows = tuple(
        dataclasses.replace(
            robust, requirement=dataclasses.replace(robust.requirement, id=f"ADV-{number}")
        )
        for number in range(4)
    )
    rendered = page.render(example.assessment(findings=rows))
    assert len(rendered) < 200_000
    assert "Left out to keep this page small" in rendered.decode()


def test_bare_facts_make_a_page() -> None:
    """An assessment that records nothing beside its findings is rendered."""
    bare = Assessment(subject={}, scope={}, environment={}, policy={}, findings=(), day="")
    text = Markup(page.render(bare).decode()).text
    assert "unnamed model" in text
    assert "The assessment does not hold the policy's text." in text


def test_a_number_that_is_none_makes_a_page() -> None:
    """A measurement of nan is an ERROR, and the page shows it."""
    measurement = example.measured(0.5)
    broken = dataclasses.replace(measurement, value=math.nan, low=math.nan, high=math.nan)
    row = example.row("NAN-1", "clean_accuracy", at_least=0.5)
    text = Markup(page.render(example.assessment(findings=(row.judge(broken),))).decode()).text
    assert "! ERROR" in text


def test_an_unknown_family_has_a_section() -> None:
    """Rows of a family that this version does not know come after the known ones."""
    found: tuple[Finding, ...] = tuple(
        dataclasses.replace(finding, family="zebra") for finding in example.findings()[:2]
    )
    text = Markup(page.render(example.assessment(findings=found)).decode()).text
    assert "zebra" in text

"""The CycloneDX document of hostile facts: it still fits the official schema."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tests.exports.bom import valid
from tests.hostile_text import STRINGS, effective
from tests.report import example, hostile


@pytest.mark.parametrize("text", hostile.TEXTS, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_cleaned(text: str) -> None:
    """A document of hostile names fits the schema, and holds no control or invisible character."""
    shown = json.dumps(valid(hostile.assessment(text)), ensure_ascii=False)
    assert effective(shown) == []
    assert len(shown) < 600_000


@pytest.mark.parametrize(
    "table", [None, 7, "text", [], {"a": {"b": []}}, {"name": 7, "digests": [1], "sha256": {}}]
)
def test_facts_of_another_form_are_no_error(table: Any) -> None:
    """Where a table of the assessment has another form, the document is valid without it."""
    first = example.assessment()
    subject = dict.fromkeys(("data", "trained_on", "files", "recipe", "architecture"), table)
    environment = dict.fromkeys(("packages", "code", "python", "time", "commit"), table)
    valid(dataclasses.replace(first, subject=subject, environment=environment))


def test_every_hostile_string_is_a_name() -> None:
    """A model with any hostile string as its name has a valid document."""
    for text in STRINGS.values():
        few = dataclasses.replace(
            example.assessment(subject={"name": text}), findings=example.findings()[:1]
        )
        assert effective(json.dumps(valid(few), ensure_ascii=False)) == []

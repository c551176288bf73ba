"""The published JSON Schemas: those of the dataclasses, and true of the files that are written."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.report import example
from tests.schemas import FILES, FOLDER, text

ASSESSMENT = json.loads((FOLDER / "assessment.schema.json").read_text())


@pytest.mark.parametrize("name", FILES)
def test_a_published_schema_is_that_of_the_code(name: str) -> None:
    """Each file in docs/schema is what `python -m tests.schemas` writes."""
    assert (FOLDER / name).read_text(encoding="utf-8") == text(name)


def test_an_assessment_fits_its_schema() -> None:
    """An assessment with every kind of evidence is what the schema says."""
    data = json.loads(example.assessment().dumps())
    jsonschema.validate(data, ASSESSMENT)


@pytest.mark.parametrize(
    ("key", "value"), [("verdict", "FINE"), ("measurement", {}), ("family", 7), ("colour", "red")]
)
def test_a_schema_refuses_another_form(key: str, value: Any) -> None:
    """A finding with an unknown word, key or type does not fit the schema."""
    data = json.loads(example.assessment().dumps())
    data["findings"][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, ASSESSMENT)

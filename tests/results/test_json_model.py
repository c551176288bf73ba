"""What is read from JSON: only values of the types that a dataclass names."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from securemnist.results.evidence.attack import AttackEvidence, StageResult
from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.findings import Finding, Measurement
from tests.report import example
from tests.requirement_builders import measurement_of, row

FREE = {"settings", "trigger", "table"}  # any JSON values
WRONG: dict[type, tuple[Any, ...]] = {
    bool: (1, "yes", "true"),
    int: (True, "7", [7]),
    float: (True, "0.5", [0.5]),
    str: (7, True, ["a"]),
}
FINDINGS = [f for f in example.findings() if f.measurement is not None]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path, container and key of every scalar whose type is fixed; the first item of each list."""
    items = value.items() if isinstance(value, dict) else list(enumerate(value))[:1]
    for key, inner in items:
        if key in FREE:
            continue
        if isinstance(inner, dict | list):
            yield from leaves(inner, f"{path}.{key}")
        elif type(inner) in WRONG:
            yield f"{path}.{key}", value, key


def refused(data: Any) -> bool:
    try:
        Finding.from_json(data)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda f: f.requirement.id)
def test_no_value_is_converted_to_another_type(finding: Finding) -> None:
    """A number from a text, a bool from 1, a text from a number: each is refused wherever it stands."""
    data = json.loads(json.dumps(finding.to_json()))
    assert Finding.from_json(data).to_json() == finding.to_json()
    found = list(leaves(data))
    assert len(found) > 20
    for path, holder, key in found:
        kept = holder[key]
        for wrong in WRONG[type(kept)]:
            if path.endswith(".target") and wrong == "7":
                continue  # a target may be a word
            holder[key] = wrong
            assert refused(data), f"{path} = {wrong!r}"
        holder[key] = kept


def test_a_mapping_is_evidence_of_ones_own() -> None:
    """A measure of the user's own may give a mapping; it comes back from JSON as it was."""
    own: Any = {"kind": "attack", "rates": [0.5, None], "deep": {"a": "b"}}
    measured = measurement_of(0.5, evidence=own)
    assert measured.evidence == OtherEvidence(table=own)
    text = json.dumps(row().judge(measured).to_json())
    assert Finding.from_json(json.loads(text)).measurement == measured


@pytest.mark.parametrize("value", [np.zeros(2), math.nan, {(1, 2): 3}, {1, 2}], ids=repr)
def test_evidence_that_json_does_not_have_is_refused(value: Any) -> None:
    """A mapping with an array, NaN or another such value is a ValueError, and fails no report later."""
    with pytest.raises(ValueError, match="expected JSON values in a mapping as evidence, got"):
        measurement_of(0.5, evidence={"mine": value})
    with pytest.raises(ValueError, match="expected JSON values"):
        OtherEvidence(table={"mine": value})


def test_an_unknown_kind_of_evidence_is_refused() -> None:
    """Evidence without a kind, or of an unknown one, is not read."""
    for evidence in ({}, {"kind": "rumour"}, {"kind": "attack", "rumour": 1}, []):
        data = {**measurement_of(0.5).to_json(), "evidence": evidence}
        with pytest.raises(ValueError, match="evidence"):
            Measurement.from_json(data)


def test_images_of_a_run_are_no_part_of_a_file() -> None:
    """`examples` are left out of the JSON, and a file cannot bring any."""
    measured = measurement_of(0.5, examples=object())
    assert "examples" not in measured.to_json()
    with pytest.raises(ValueError, match="examples"):
        Measurement.from_json({**measured.to_json(), "examples": [1]})


def test_a_stage_cannot_lose_more_than_entered_it() -> None:
    """Numbers that contradict each other are refused when they are made, too."""
    with pytest.raises(ValueError, match="entered"):
        StageResult("PGD-40", entered=3, fell=2, proved=2)
    with pytest.raises(ValueError, match="outcomes"):
        AttackEvidence.from_json({"outcomes": {"labels": "AAA=", "codes": "AAA=", "stages": []}})

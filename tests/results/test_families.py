"""Families: each bundled one is whole, and one of the user's own survives JSON but replaces none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from securemnist._util import resources
from securemnist.measures import MEASURES
from securemnist.results import families, json_model
from securemnist.results.families import FAMILIES, Family
from securemnist.results.value_types import StoredFamily
from securemnist.suites import __all__ as SUITE_TESTS
from securemnist.view.requirement_text import WORDS
from tests.saboteurs import SABOTEURS

OWN = Family(
    name="corruptions",
    title="Corruptions",
    introduction="Blur.",
    figures={"confusion": "the matrix"},
    packages=("torch", "scipy"),
    proofs=True,
)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_a_bundled_family_is_whole(family: Family) -> None:
    """It has its texts and its measures, and a marker that pytest takes."""
    assert family.introduction.endswith("?")
    assert family.advice.endswith(".")
    assert family.topic
    assert family.measures
    assert family.name.isidentifier()


@pytest.mark.parametrize("name", MEASURES)
def test_a_bundled_measure_is_whole(name: str) -> None:
    """A measure of the table has a family, a claim in words, a suite test and a model that breaks it."""
    measure = MEASURES[name]
    assert FAMILIES[measure.family.name] is measure.family
    assert name in WORDS
    assert f"test_{name}" in SUITE_TESTS
    # What breaks a static row is code, see tests/static; that of a service: tests/service_probes.
    # What breaks a row of the threat model is a policy, see tests/threat_model.
    # What breaks a row of the supply chain are files, see tests/supply_chain.
    # What breaks `poisoned_share` are data, see tests/backdoor/test_data_filter.py.
    others = (families.STATIC, families.SERVICE, families.SUPPLY_CHAIN, families.THREAT_MODEL)
    assert name in SABOTEURS or measure.family in others
    assert any(f'"{name}"' in path.read_text() for path in resources.SUITES.glob("test_*.py"))


@pytest.mark.parametrize("family", [OWN, families.CLEAN, Family(name="zebra"), Family(name="")])
def test_a_family_survives_json(family: Family) -> None:
    """Nothing is lost on the way; a bundled or bare one is stored as its name."""
    stored = json.loads(json.dumps(family.to_json()))
    assert json_model.read(StoredFamily, stored) == family
    assert isinstance(stored, dict) is (family is OWN)


@pytest.mark.parametrize(
    "stored",
    [
        {"name": "static", "same_device": False},
        {"name": "x", "figures": {"confusion": 1}},
        {"name": "x", "figures": ["confusion"]},
        {"name": "x", "colour": "red"},
        {"title": "x"},
        {"a": 1},
        7,
        None,
    ],
    ids=str,
)
def test_what_is_no_family(stored: Any) -> None:
    """A stored table that replaces a bundled family, or has other fields, is refused."""
    with pytest.raises(ValueError, match=r"\w"):
        json_model.read(StoredFamily, stored)

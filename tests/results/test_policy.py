"""The policy file: what can be judged, and is read as it stands."""

from __future__ import annotations

import json

import pytest

from securemnist._util import resources
from securemnist._util.hashing import sha256
from securemnist.errors import PolicyError
from securemnist.measures import check_policy
from securemnist.results import policy
from securemnist.results.findings import Requirement, Waiver
from tests.policies import CLEAN, FGSM, ROBUST, check, table

OTHER_EPS = '{ norm = "linf", eps = 0.2 }'
OTHER_NORM = '{ norm = "l2", eps = 0.1 }'


@pytest.mark.parametrize(
    ("row", "companion", "fits"),
    [
        ({}, {}, True),
        ({}, {"tier": '"smoke"'}, True),
        ({"tier": '"full"'}, {}, True),
        ({}, {"tier": '"full"'}, False),
        ({"tier": '"smoke"'}, {}, False),
        ({}, {"threat": OTHER_EPS}, False),
        ({}, {"threat": OTHER_NORM}, False),
        ({"attack": '{ use = "RFGSM" }'}, {"threat": OTHER_EPS}, False),
        ({"attack": '{ use = "PGD", steps = 2 }'}, {"threat": OTHER_EPS}, True),
    ],
)
def test_a_one_step_attack_needs_a_search_beside_it(
    row: dict[str, str], companion: dict[str, str], fits: bool
) -> None:
    """An FGSM row stands only beside a robust_accuracy row at its threat that runs whenever it does."""
    text = table(FGSM, **row) + table(ROBUST, **companion)
    if fits:
        check(text)
        return
    with pytest.raises(PolicyError, match=r"row ADV-01: expected a robust_accuracy row"):
        check(text)


def test_a_row_is_read_as_it_stands() -> None:
    """Every key of a row arrives; an expired waiver is no error of the policy."""
    text = table(
        ROBUST,
        tier='"full"',
        seed="7",
        images="100",
        ids='["ML01:2023"]',
        waiver='{ reason = "known", expires = 2020-02-29 }',
    )
    (row,) = check(text).requirements
    assert (row.id, row.measure, row.at_least, row.tier, row.seed) == (
        ("ADV-02", "robust_accuracy", 0.5, "full", 7)
    )
    assert row.waiver == Waiver(reason="known", expires="2020-02-29")
    assert row.ids == ("ML01:2023",)
    assert row.settings == {
        "attack": {"use": "PGD", "steps": 4},
        "threat": {"norm": "linf", "eps": 0.1},
        "images": 100,
    }


def test_a_suite_may_bring_its_own_measure() -> None:
    """A measure that only a user's suite knows is left to that suite, with any threshold."""
    text = table(CLEAN, measure='"own"', at_least="12", colour='"red"')
    (row,) = check(text, custom=frozenset({"own"})).requirements
    assert row.settings == {"colour": "red"}


def test_the_bundled_policy_is_sound() -> None:
    """The policy that is shipped can be judged, row by row, and its digest is that of its file."""
    found = policy.load(resources.POLICY)
    check_policy(found)
    assert found.digest == sha256(resources.POLICY.read_bytes())
    assert found.text.count("[[requirement]]") == len(found.requirements) > 0


def test_bounds_of_the_change_are_read() -> None:
    """A row may bound its change beside its threshold, and says so again after a round trip."""
    bounds = {"max_drop": "0.01", "max_relative_drop": "0.02", "max_newly_broken": "150"}
    (row,) = check(table(CLEAN, **bounds)).requirements
    assert (row.max_drop, row.max_relative_drop, row.max_newly_broken) == (0.01, 0.02, 150)
    assert Requirement.from_json(json.loads(json.dumps(row.to_json()))) == row


def test_a_row_of_an_older_version_is_read() -> None:
    """A requirement that was written before there were bounds of the change has none."""
    (row,) = check(table(CLEAN)).requirements
    data = {key: value for key, value in row.to_json().items() if not key.startswith("max_")}
    assert Requirement.from_json(data) == row

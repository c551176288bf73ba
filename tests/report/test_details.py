"""Facts of a row: where its proofs end, and the times that others published."""

from __future__ import annotations

from typing import Any

import pytest

from securemnist.report import certificate_text
from securemnist.report.details import facts
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.latency import LatencyEvidence
from securemnist.results.json_model import JsonModel
from tests.report import example

OPEN = {"asked": 2, "closest": -0.5, "median": -1, "farthest": -20.125}


def fact(name: str, kind: type[JsonModel], evidence: dict[str, Any]) -> str:
    """One fact of a row with this evidence; "" where it has none of the name."""
    row = example.row("R", "latency_ratio", at_most=2.0)
    judged = row.judge(example.measured(0.5, evidence=kind.from_json(evidence)))
    return dict(facts(judged)).get(name, "")


def test_each_method_says_where_it_ends() -> None:
    """What was proved by which method, what was attacked, and how far the others are off."""
    phrase = certificate_text.description(
        AttackEvidence.from_json(
            {"certificates": {"intervals": 1200, "CROWN": 7, "attacked": 256, "open": OPEN}}
        )
    )
    assert phrase.startswith(
        "Images proved: 1,200 by interval bounds, 7 by CROWN. "
        "The weakest of these proofs, 256, were attacked in vain. 2 images without a proof: the lower "
        "bound of the margin is \N{MINUS SIGN}0.5 at best, \N{MINUS SIGN}1 in the middle, "
        "\N{MINUS SIGN}20.1 at worst"
    )


def test_the_cost_of_branch_and_bound_is_stated() -> None:
    """Parts a second and seconds an image stand beside the number of parts."""
    search = {"images": 4, "seconds": 10.0, "decided": [1.0]}
    phrase = certificate_text.description(
        CertifiedEvidence.from_json({"certificates": {"domains": 5_000, "search": search}})
    )
    assert phrase == (
        "Branch and bound looked at 5,000 parts of the threat, 500 a second, in 2.5 s an image."
    )


def test_a_refusal_names_its_layer() -> None:
    """Why a method proved no more stands with its name, cleaned of what is not text."""
    refused = {"intervals": "expected layers with known bounds, got GELU (\u202e1)"}
    phrase = certificate_text.description(
        CertifiedEvidence.from_json({"certificates": {"refused": refused}})
    )
    assert phrase == (
        "No more by interval bounds: expected layers with known bounds, got GELU (<U+202E>1)."
    )


@pytest.mark.parametrize("evidence", [{}, {"certificates": {}}, {"certificates": None}])
def test_without_certificates_nothing_is_said(evidence: dict[str, Any]) -> None:
    """A row that asked for no proof has no sentence about proofs."""
    assert certificate_text.description(AttackEvidence.from_json(evidence)) == ""


@pytest.mark.parametrize(
    "odd",
    [
        "x",
        {"intervals": -1},
        {"attacked": "all"},
        {"refused": []},
        {"open": {"asked": 2}},
        {"search": {"images": 1, "seconds": 3.0, "decided": [1.0, 2.0]}},
        {"search": {"images": 2, "seconds": 3.0, "decided": [2.0, 1.0]}},
        {"search": {"images": 2, "seconds": 3.0, "decided": [4.0]}},
        {"open": OPEN | {"median": float("nan")}},
    ],
    ids=str,
)
def test_odd_certificates_are_refused(odd: Any) -> None:
    """Certificates of another form are not read."""
    with pytest.raises(ValueError, match="certificates"):
        CertifiedEvidence.from_json({"certificates": odd})


@pytest.mark.parametrize("odd", ["x", [1], [{"system": "A"}], [{"microseconds": -1.0}]], ids=str)
def test_odd_times_are_refused(odd: Any) -> None:
    """Published times of another form are not read."""
    with pytest.raises(ValueError, match="published"):
        LatencyEvidence.from_json({"published": odd})


def test_without_published_times_nothing_is_said() -> None:
    """A row without published times has no such fact."""
    assert fact("published elsewhere", LatencyEvidence, {}) == ""


@pytest.mark.parametrize(
    ("name", "evidence", "said"),
    [
        ("worst of 10 targets", {"target": 7, "per_target_asr": [0.0] * 10}, "7"),
        ("worst pair", {"source": 4, "target": 7}, "4 to 7"),
        ("worst of 10 targets", {"target": 7}, ""),
    ],
)
def test_the_worst_target_is_named(name: str, evidence: dict[str, Any], said: str) -> None:
    """Where several targets were tried, the one that the value speaks of stands beside it."""
    assert fact(name, BackdoorEvidence, evidence) == said


@pytest.mark.parametrize("odd", [{"source": 4, "target": 1000}, {"source": "<b>", "target": 7}])
def test_a_class_that_does_not_exist_is_refused(odd: dict[str, Any]) -> None:
    """Classes are 0 to 999."""
    with pytest.raises(ValueError, match=r"source|target"):
        BackdoorEvidence.from_json(odd)

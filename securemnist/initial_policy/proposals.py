"""The rows of a first policy, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_CORNER = {"kind": "corner", "size": 4, "value": 1.0, "corner": "bottom_right"}
_EVASION = ("AML.T0043.000", "AML.T0043.001", "ML01:2023", "CWE-1039", "STRIDE:T")
_BACKDOOR = ("AML.T0018.000", "AML.T0043.004", "ML10:2023", "CWE-506", "STRIDE:T")
STATIC_BASELINE = "security_tests/static-baseline.json"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed row; `images`: the number of samples that it measures, None for all.

    The `threat` of an attack row comes from the first measurement.
    """

    id: str
    measure: str
    settings: dict[str, Any]
    why: str
    ids: tuple[str, ...]
    tier: str = "standard"
    images: int | None = None

    @property
    def evasion(self) -> bool:
        """Whether the row measures robust accuracy."""
        return self.measure == "robust_accuracy"


PROPOSALS = (
    Proposal(
        id="CLEAN-01",
        measure="clean_accuracy",
        settings={},
        why="the model classifies unmodified samples correctly",
        ids=("STRIDE:T",),
        tier="smoke",
    ),
    Proposal(
        id="CLEAN-02",
        measure="worst_class_accuracy",
        settings={},
        why="an average can hide a class with low accuracy",
        ids=("STRIDE:T",),
        tier="smoke",
    ),
    Proposal(
        id="ADV-01",
        measure="robust_accuracy",
        settings={"attack": {"use": "PGD", "steps": 10}},
        why="a quick check for a loss of robustness",
        ids=_EVASION,
        tier="smoke",
        images=500,
    ),
    Proposal(
        id="ADV-02",
        measure="robust_accuracy",
        settings={"attack": {"use": "ladder", "budget": "smoke"}},
        why="one attack can fail where others succeed: gradient attacks, query attacks and certificates",
        ids=_EVASION,
        images=500,
    ),
    Proposal(
        id="BACKDOOR-01",
        measure="backdoor_success",
        settings={"trigger": _CORNER, "target": "all"},
        why="a mark in a corner must not decide the predicted class",
        ids=_BACKDOOR,
        images=2000,
    ),
    Proposal(
        id="BACKDOOR-02",
        measure="backdoor_success",
        settings={"trigger": _CORNER, "target": "pair"},
        why="an average over all classes can hide a backdoor for one class",
        ids=_BACKDOOR,
    ),
    Proposal(
        id="LAT-01",
        measure="latency_ratio",
        settings={"batch": 1},
        why="inference takes at most 1.5 times as long as in the first measurement",
        ids=("AML.T0029", "CWE-400", "STRIDE:D"),
    ),
    Proposal(
        id="STATIC-01",
        measure="static_findings",
        settings={"level": "medium", "exclude": ["tests"]},
        why="no new code with known dangerous patterns",
        ids=("AML.T0011.000", "ML06:2023", "CWE-502", "STRIDE:E"),
    ),
)

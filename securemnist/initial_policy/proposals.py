"""The rows that a first policy proposes, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_CORNER = {"kind": "corner", "size": 4, "value": 1.0, "corner": "bottom_right"}
_EVASION = ("AML.T0043.000", "AML.T0043.001", "ML01:2023", "CWE-1039", "STRIDE:T")
_BACKDOOR = ("AML.T0018.000", "AML.T0043.004", "ML10:2023", "CWE-506", "STRIDE:T")
STATIC_BASELINE = "security_tests/static-baseline.json"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A row to propose; `digits` is how many samples the row will measure, None for all.

    A search within an eps has its `threat` from the first measurement.
    """

    id: str
    measure: str
    settings: dict[str, Any]
    why: str
    ids: tuple[str, ...]
    tier: str = "standard"
    digits: int | None = None

    @property
    def evasion(self) -> bool:
        """Whether the row searches for adversarial examples."""
        return self.measure == "robust_accuracy"


PROPOSALS = (
    Proposal(
        id="CLEAN-01",
        measure="clean_accuracy",
        settings={},
        why="the model classifies unmodified samples",
        ids=("STRIDE:T",),
        tier="smoke",
    ),
    Proposal(
        id="CLEAN-02",
        measure="worst_class_accuracy",
        settings={},
        why="an average hides a class that is classified badly",
        ids=("STRIDE:T",),
        tier="smoke",
    ),
    Proposal(
        id="ADV-01",
        measure="robust_accuracy",
        settings={"attack": {"use": "PGD", "steps": 10}},
        why="a collapse of robustness shows within seconds",
        ids=_EVASION,
        tier="smoke",
        digits=500,
    ),
    Proposal(
        id="ADV-02",
        measure="robust_accuracy",
        settings={"attack": {"use": "ladder", "budget": "smoke"}},
        why="one attack can fail where others succeed: gradients, queries and proofs in turn",
        ids=_EVASION,
        digits=500,
    ),
    Proposal(
        id="BACKDOOR-01",
        measure="backdoor_success",
        settings={"trigger": _CORNER, "target": "all"},
        why="a mark in a corner must not decide the answer",
        ids=_BACKDOOR,
        digits=2000,
    ),
    Proposal(
        id="BACKDOOR-02",
        measure="backdoor_success",
        settings={"trigger": _CORNER, "target": "pair"},
        why="a backdoor for one class is diluted among all of them",
        ids=_BACKDOOR,
    ),
    Proposal(
        id="LAT-01",
        measure="latency_ratio",
        settings={"batch": 1},
        why="an answer costs at most half as much again as in the first measurement",
        ids=("AML.T0029", "CWE-400", "STRIDE:D"),
    ),
    Proposal(
        id="STATIC-01",
        measure="static_findings",
        settings={"level": "medium", "exclude": ["tests"]},
        why="no new code that is known to be dangerous",
        ids=("AML.T0011.000", "ML06:2023", "CWE-502", "STRIDE:E"),
    ),
)

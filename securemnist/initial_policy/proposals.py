"""The rows of a first policy, before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from securemnist.initial_policy.kind import Kind
from securemnist.measures.checks import MOST_CLASSES_OF_PAIRS

_CORNER = {"kind": "corner", "size": 4, "value": 1.0, "corner": "bottom_right"}
# Fewer test samples of a class leave the rate of a pair undecided.
_OF_A_CLASS = 50
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
        """Whether the row measures robust accuracy at an eps that the first measurement chooses."""
        return self.measure == "robust_accuracy" and "threat" not in self.settings


def fitted(proposals: Sequence[Proposal], kind: Kind, test: int, classes: int) -> list[Proposal]:
    """The proposals for data of a kind with `test` samples of this many classes."""
    rows = []
    for proposal in proposals:
        row = proposal
        too_small = test < _OF_A_CLASS * classes or classes > MOST_CLASSES_OF_PAIRS
        if row.settings.get("target") == "pair" and too_small:
            continue
        if "trigger" in row.settings:
            row = replace(row, settings={**row.settings, "trigger": kind.trigger})
        rows.append(row)
        if row.id == "ADV-02" and kind.l2 is not None:
            threat = {"norm": "l2", "eps": kind.l2}
            why = f"a model may be robust in one norm only; L2 {kind.l2:g} is usual for {kind.name}"
            rows.append(
                replace(row, id="ADV-03", settings={**row.settings, "threat": threat}, why=why)
            )
    return rows


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

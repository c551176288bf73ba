"""The rows of a first policy, before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from securemnist.endpoint.network import RemoteModel
from securemnist.initial_policy.kind import Kind
from securemnist.measures.checks import MOST_CLASSES_OF_PAIRS
from securemnist.results.verdicts import DEFAULT_TIER

_CORNER = {"kind": "corner", "size": 4, "value": 1.0, "corner": "bottom_right"}
# Fewer test samples of a class leave the rate of a pair undecided.
_OF_A_CLASS = 50
_EVASION = ("AML.T0043.000", "AML.T0043.001", "ML01:2023", "CWE-1039", "STRIDE:T")
_BACKDOOR = ("AML.T0018.000", "AML.T0043.004", "ML10:2023", "CWE-506", "STRIDE:T")
STATIC_BASELINE = "security_tests/static-baseline.json"
DATA_RECORD = "security_tests/data-record.json"
_REVIEW = 180  # days after which the list of known vulnerabilities is too old


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed row; `images`: the number of samples that it measures, None for all.

    The `threat` of an attack row comes from the first measurement. `at_most`: the threshold of a count.
    """

    id: str
    measure: str
    why: str
    ids: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    tier: str = DEFAULT_TIER
    images: int | None = None
    at_most: float = 0

    @property
    def evasion(self) -> bool:
        """Whether the row measures robust accuracy at an eps that the first measurement chooses."""
        return self.measure == "robust_accuracy" and "threat" not in self.settings


# Corruptions exist for images of one to three channels.
MOST_CHANNELS = 3


def fitted(
    proposals: Sequence[Proposal], kind: Kind, smallest: int, classes: int
) -> list[Proposal]:
    """The proposals for data of a kind, with `smallest` test samples or more of each class."""
    rows = []
    for proposal in proposals:
        row = proposal
        too_small = smallest < _OF_A_CLASS or classes > MOST_CLASSES_OF_PAIRS
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
        why="the model classifies unmodified samples correctly",
        ids=("STRIDE:T",),
        tier="smoke",
    ),
    Proposal(
        id="CLEAN-02",
        measure="worst_class_accuracy",
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
        id="NAT-01",
        measure="corruption_accuracy",
        settings={"severities": [3]},
        why="noise, blur and bad light need no attacker; the mean over the usual kinds of corruption",
        ids=("STRIDE:T",),
        images=300,
    ),
    Proposal(
        id="NAT-02",
        measure="spatial_accuracy",
        settings={"rotation": 10.0, "translation": 1.0, "rotations": 5, "shifts": 3},
        why="samples lie a little askew: every one of forty-five poses counts",
        ids=("CWE-1039", "STRIDE:T"),
        images=200,
    ),
    Proposal(
        id="NAT-03",
        measure="calibration_error",
        why="a confidence is of use only where the model is as often right as it says",
        ids=("STRIDE:T",),
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
    Proposal(
        id="SUPPLY-01",
        measure="unpinned_dependencies",
        why="an installation must not take another file than the one that was tested",
        ids=("AML.T0010.001", "ML06:2023", "CWE-494", "STRIDE:T"),
        tier="smoke",
    ),
    Proposal(
        id="SUPPLY-02",
        measure="vulnerable_dependencies",
        why="no library with a known vulnerability",
        ids=("AML.T0010.001", "ML06:2023", "CWE-1395", "STRIDE:E"),
        tier="smoke",
    ),
    Proposal(
        id="SUPPLY-03",
        measure="advisories_age_days",
        why="an old list knows nothing of new vulnerabilities; a release of securemnist brings a new one",
        ids=("CWE-1395",),
        tier="smoke",
        at_most=_REVIEW,
    ),
    Proposal(
        id="SUPPLY-04",
        measure="unknown_provenance",
        why="who trained what, from which data, must be known",
        ids=("AML.T0010.003", "ML06:2023", "CWE-353", "STRIDE:R"),
        tier="smoke",
    ),
    Proposal(
        id="SUPPLY-05",
        measure="unsafe_loaders",
        settings={"exclude": ["tests"]},
        why="a loader that runs code of its file turns each file into a program",
        ids=("AML.T0011.000", "ML06:2023", "CWE-502", "STRIDE:E"),
    ),
    Proposal(
        id="SUPPLY-06",
        measure="data_changes",
        settings={"record": DATA_RECORD},
        why="no image and no label was changed since this policy was written",
        ids=("AML.T0020", "ML02:2023", "CWE-345", "STRIDE:T"),
        tier="smoke",
    ),
)
# Images that each row sends: an attack asks hundreds of questions about each of its images.
_IMAGES = {"CLEAN-01": 1000, "ADV-02": 100, "BACKDOOR-01": 500}
_WHY = "an attacker who only sees answers must not find adversarial images with these queries"


def proposals_for(remote: RemoteModel) -> tuple[Proposal, ...]:
    """The rows that answers alone decide; the attack fits scores, or labels where there are no scores."""
    budget = "labels" if remote.facts.labels_only else "black-box"
    search = {"attack": {"use": "ladder", "budget": budget}}
    chosen = [replace(row, images=_IMAGES[row.id]) for row in PROPOSALS if row.id in _IMAGES]
    return tuple(replace(row, settings=search, why=_WHY) if row.evasion else row for row in chosen)

"""Per-image events of one row: 1 the counted event happened, 0 it did not, -1 not counted.

Read from the evidence of a measurement and checked against the value that it is said to explain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from securemnist.comparison.intervals import Paired
from securemnist.input_spec import TARGET_WORDS
from securemnist.results import per_image
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.evidence.natural import SpatialEvidence
from securemnist.results.evidence.tables import AnswerTable, OutcomeTable
from securemnist.results.findings import Finding
from securemnist.sanitize import line

NOT_COUNTED = -1
BRANCHES = "branch and bound"  # the stage of proofs, whose name an assessment stores
_MOST_CLASSES_OF_PAIRS = 32  # 992 pairs
ROUNDING = 1e-9


class Inconsistent(ValueError):
    """Per-image evidence that does not give the value of its measurement."""


@dataclass(frozen=True, eq=False)
class EventMatrix:
    """Events int8 (k, n) of n images: 1 it happened, 0 it did not, -1 the image is not counted.

    A value is the share of events in one row, or the `extreme` of the shares of k rows: the worst
    class, target, or pair of classes. `places` are places in the test set; `stages` the
    attacks. `codes` int64 (n,): which stage broke each image; without stages, its predicted class.
    `open`, boolean (n,): images that a search for proofs may not have decided when its time ended;
    `late`: those with an outcome that such a search may give to an open image. Empty without a search.
    """

    order: str
    labels: np.ndarray
    places: np.ndarray
    events: np.ndarray
    extreme: Callable[..., Any] = np.min
    stages: tuple[str, ...] = ()
    codes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    open: np.ndarray = field(default_factory=lambda: np.empty(0, np.bool_))
    late: np.ndarray = field(default_factory=lambda: np.empty(0, np.bool_))

    def by_time(self, other: EventMatrix) -> np.ndarray:
        """Boolean (n,): images on which the two may differ only by the time that proofs had."""
        found = np.zeros(len(self.labels), np.bool_)
        for one, two in ((self, other), (other, self)):
            if len(one.open) and len(two.late):
                found |= one.open & two.late
        return found

    def same_images(self, other: EventMatrix) -> bool:
        """Whether both speak of the same images in the same order."""
        return (
            self.order == other.order
            and self.events.shape == other.events.shape
            and np.array_equal(self.labels, other.labels)
            and np.array_equal(self.places, other.places)
        )

    @property
    def value(self) -> float:
        """What the measurement should say."""
        counted = (self.events != NOT_COUNTED).sum(1)
        happened = (self.events == 1).sum(1)
        return float(self.extreme(happened[counted > 0] / counted[counted > 0]))

    @property
    def in_any_row(self) -> np.ndarray:
        """Events (n,) over all rows together: an image counts where any row counts it."""
        rows: np.ndarray = self.events.max(0)
        return rows

    @property
    def in_one_row(self) -> EventMatrix:
        """The same with one row of events, those over all rows together."""
        return EventMatrix(self.order, self.labels, self.places, self.in_any_row[None])


def events_of(finding: Finding) -> EventMatrix | None:
    """The events of a finding; None without any, Inconsistent where they give another value."""
    measurement = finding.measurement
    matrix = None if measurement is None else _event_matrix(finding, measurement.evidence)
    if measurement is None or matrix is None:
        return None
    if not (matrix.events != NOT_COUNTED).any():
        raise Inconsistent("no image counts")
    if abs(matrix.value - measurement.value) > ROUNDING:
        raise Inconsistent(f"the images give {matrix.value:.4f}, not {measurement.value:.4f}")
    return matrix


def _event_matrix(finding: Finding, evidence: Evidence) -> EventMatrix | None:
    if isinstance(evidence, AttackEvidence) and evidence.answers_per_image is not None:
        return None  # the value is a mean of several answers, of which the outcomes show one
    if isinstance(evidence, AttackEvidence | CertifiedEvidence | SpatialEvidence):
        return None if evidence.outcomes is None else _outcomes(finding, evidence.outcomes)
    if isinstance(evidence, DefenceEvidence):
        return None if evidence.outcomes is None else _false_robustness(evidence.outcomes)
    if isinstance(evidence, CleanEvidence | BackdoorEvidence):
        table, target = evidence.answers, finding.requirement.settings.get("target")
        worst = isinstance(evidence, CleanEvidence) and evidence.worst_class is not None
        shares = (
            evidence.per_class if isinstance(evidence, CleanEvidence) else evidence.per_class_asr
        )
        if isinstance(evidence, BackdoorEvidence) and isinstance(target, str):
            target = (
                target if target in TARGET_WORDS else evidence.target
            )  # else the name of a class
        if table is None:
            return None
        classes = int(table.labels.max()) + 1 if shares is None else len(shares)
        return _answers(target, table, classes, by_class=worst)
    return None


def pair(old: EventMatrix, new: EventMatrix, among: np.ndarray | None = None) -> list[Paired]:
    """A table for each row that has images which count under both, `among` the images (n,) asked."""
    tables = []
    for before, after in zip(old.events, new.events, strict=True):
        counted = (before != NOT_COUNTED) & (after != NOT_COUNTED)
        counted = counted if among is None else counted & among
        if counted.any():
            b, a = before[counted] == 1, after[counted] == 1
            cells = ((a & ~b).sum(), (b & ~a).sum(), (a & b).sum())
            tables.append(Paired(int(counted.sum()), *map(int, cells)))
    return tables


def _outcomes(finding: Finding, table: OutcomeTable) -> EventMatrix:
    """Robustness: an image that survived; where certificates are counted, one that is proved."""
    codes = table.codes
    proofs_alone = finding.family.proofs
    standing = (per_image.CERTIFIED,) if proofs_alone else per_image.UNBROKEN
    held = np.isin(codes, standing).astype(np.int8)
    if not proofs_alone:  # where proofs are counted, an image without one counts
        held[codes == per_image.NOT_ATTEMPTED] = NOT_COUNTED
    stages = tuple(line(stage, 40) for stage in table.stages)
    left_open = _left_open(finding.evidence)
    if proofs_alone:
        open_, late = codes == per_image.NOT_ATTEMPTED, codes == per_image.CERTIFIED
    else:
        open_, late = codes == per_image.SURVIVED, codes == _number(BRANCHES, stages)
    return _of_table(table, held[None], codes, stages=stages, open=open_ & left_open, late=late)


def _false_robustness(table: OutcomeTable) -> EventMatrix:
    """False robustness: an image that the first stage, the naive attack, left to a later one."""
    stages = tuple(line(stage, 40) for stage in table.stages)
    return _of_table(table, (table.codes > 0).astype(np.int8)[None], table.codes, stages=stages)


def _number(name: str, stages: Sequence[str]) -> int:
    """The outcome code of images that a stage broke; one that no image has where it did not run."""
    return stages.index(name) if name in stages else len(stages)


def _left_open(evidence: Evidence | None) -> bool:
    """Whether a search for proofs ended before it had decided each of its images."""
    if not isinstance(evidence, AttackEvidence | CertifiedEvidence) or not evidence.certificates:
        return False
    search = evidence.certificates.search
    return search is not None and len(search.decided) < search.images


def _answers(
    target: Any, table: AnswerTable, classes: int, *, by_class: bool
) -> EventMatrix | None:
    """Predicted classes: right or not, of all images or by class; with a trigger, the target or not."""
    labels, answered = table.labels, table.clean
    if (triggered := table.triggered) is not None:
        events = _hits(target, classes, labels, answered, triggered)
        return None if events is None else _of_table(table, events, triggered, extreme=np.max)
    right = (answered == labels).astype(np.int8)
    if not by_class:
        return _of_table(table, right[None], answered)
    rows = np.arange(classes)[:, None]
    return _of_table(table, np.where(labels == rows, right, np.int8(NOT_COUNTED)), answered)


def _of_table(
    table: OutcomeTable | AnswerTable, events: np.ndarray, codes: np.ndarray, **more: Any
) -> EventMatrix:
    order = line(table.order, 100)
    return EventMatrix(order, table.labels, table.test_places, events, codes=codes, **more)


def _hits(
    target: Any, classes: int, labels: np.ndarray, clean: np.ndarray, triggered: np.ndarray
) -> np.ndarray | None:
    """Attack success by the definition of `backdoor.success_rate`, a row for each target tried.

    None for another target, and where the rows of all pairs would not fit into memory.
    """
    if target == "next":
        targets = ((labels + 1) % classes)[None]
    elif target == "pair" and classes <= _MOST_CLASSES_OF_PAIRS:
        sources, aims = (k[:, None] for k in np.nonzero(~np.eye(classes, dtype=bool)))
        targets = np.where(labels == sources, aims, labels)
    elif target == "all":
        targets = np.broadcast_to(np.arange(classes)[:, None], (classes, len(labels)))
    elif isinstance(target, int) and 0 <= target < classes:
        targets = np.full((1, len(labels)), target)
    else:
        return None
    counts = (targets != labels) & (clean != targets)
    hits = (triggered == targets).astype(np.int8)
    return np.where(counts, hits, np.int8(NOT_COUNTED))

"""Ledger: for every digit of a row, whether what its value counts came to pass.

Read from the evidence of a measurement, which anybody may have written: it is checked against the
value that it is said to explain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from securemnist.comparison.intervals import Paired
from securemnist.results import per_image
from securemnist.results.findings import Finding
from securemnist.results.per_image import CLASSES
from securemnist.results.value_checks import Malformed, items, mapping
from securemnist.sanitize import line

NOT_COUNTED = -1
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Ledger:
    """Events int8 (k, n) of n digits: 1 it came to pass, 0 it did not, -1 the digit does not count.

    A value is the share of events in one row, or the `extreme` of the shares of k rows: the worst of
    ten classes, of ten targets, of ninety pairs. `places` are places in the test set; `stages` the
    attacks. `codes` int64 (n,): which stage broke each digit; without stages, what it was read as.
    """

    order: str
    labels: np.ndarray
    places: np.ndarray
    events: np.ndarray
    extreme: Callable[..., Any] = np.min
    stages: tuple[str, ...] = ()
    codes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def same_digits(self, other: Ledger) -> bool:
        """Whether both speak of the same digits in the same order."""
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
    def once(self) -> np.ndarray:
        """Events (n,) over all rows together: a digit counts where any row counts it."""
        rows: np.ndarray = self.events.max(0)
        return rows


def read(finding: Finding) -> Ledger | None:
    """The ledger of a finding; None where it recorded no digits, Malformed where they are odd."""
    seen = finding.measurement
    if seen is None:
        return None
    for key, reader in _READERS.items():
        if key in seen.evidence:
            ledger = reader(finding, mapping(seen.evidence[key], key))
            if ledger is None:
                return None
            if not (ledger.events != NOT_COUNTED).any():
                raise Malformed(f"{key}: no digit counts")
            if abs(ledger.value - seen.value) > _ROUNDING:
                raise Malformed(f"{key}: the digits give {ledger.value:.4f}, not {seen.value:.4f}")
            return ledger
    return None


def pair(old: Ledger, new: Ledger, among: np.ndarray | None = None) -> list[Paired]:
    """A table for each row that has digits which count under both, `among` the digits (n,) asked."""
    tables = []
    for before, after in zip(old.events, new.events, strict=True):
        counted = (before != NOT_COUNTED) & (after != NOT_COUNTED)
        counted = counted if among is None else counted & among
        if counted.any():
            b, a = before[counted] == 1, after[counted] == 1
            cells = ((a & ~b).sum(), (b & ~a).sum(), (a & b).sum())
            tables.append(Paired(int(counted.sum()), *map(int, cells)))
    return tables


def _outcomes(finding: Finding, table: Mapping[str, Any]) -> Ledger:
    """Robustness: a digit that stands; where certificates are counted, one that is proved."""
    try:
        labels, codes = per_image.decode_outcomes(table)
    except ValueError as error:
        raise Malformed(f"outcomes: {error}") from error
    proofs_alone = finding.family.proofs
    standing = (per_image.CERTIFIED,) if proofs_alone else per_image.UNBROKEN
    held = np.isin(codes, standing).astype(np.int8)
    if not proofs_alone:  # where proofs are counted, a digit without one counts
        held[codes == per_image.NOT_ATTEMPTED] = NOT_COUNTED
    stages = tuple(line(stage, 40) for stage in items(table.get("stages"), "outcomes"))
    order, places = _chosen(table, len(labels))
    return Ledger(order, labels, places, held[None], stages=stages, codes=codes)


def _answers(finding: Finding, table: Mapping[str, Any]) -> Ledger | None:
    """What each digit was read as: right or not, of all or by class; with a trigger, steered or not."""
    labels = _classes(table, "labels")
    answered = _classes(table, "read", len(labels))
    order, places = _chosen(table, len(labels))
    if "triggered" in table:
        triggered = _classes(table, "triggered", len(labels))
        events = _steered(finding.requirement.settings.get("target"), labels, answered, triggered)
        if events is None:
            return None
        return Ledger(order, labels, places, events, np.max, codes=triggered)
    right = (answered == labels).astype(np.int8)
    if finding.measurement is None or "worst_class" not in finding.measurement.evidence:
        return Ledger(order, labels, places, right[None], codes=answered)
    classes = np.arange(CLASSES)[:, None]
    events = np.where(labels == classes, right, NOT_COUNTED)
    return Ledger(order, labels, places, events, codes=answered)


def _steered(
    target: Any, labels: np.ndarray, clean: np.ndarray, triggered: np.ndarray
) -> np.ndarray | None:
    """Attack success by the definition of `evaluation.backdoor`, a row for each target tried."""
    if target == "next":
        targets = ((labels + 1) % CLASSES)[None]
    elif target == "pair":
        sources, aims = (k[:, None] for k in np.nonzero(~np.eye(CLASSES, dtype=bool)))
        targets = np.where(labels == sources, aims, labels)
    elif target == "all":
        targets = np.broadcast_to(np.arange(CLASSES)[:, None], (CLASSES, len(labels)))
    elif isinstance(target, int) and 0 <= target < CLASSES:
        targets = np.full((1, len(labels)), target)
    else:
        return None
    counts = (targets != labels) & (clean != targets)
    return np.where(counts, triggered == targets, NOT_COUNTED).astype(np.int8)


def _classes(table: Mapping[str, Any], key: str, length: int | None = None) -> np.ndarray:
    """A class for each digit, int64 (n,)."""
    try:
        classes = per_image.decode(table.get(key))
    except ValueError as error:
        raise Malformed(f"{key}: {error}") from error
    if not len(classes) or (length is not None and len(classes) != length):
        raise Malformed(f"{key}: expected a class for each digit")
    return classes


def _chosen(table: Mapping[str, Any], n: int) -> tuple[str, np.ndarray]:
    """The name of the order, and the digits' places in the test set: file order where none stand."""
    try:
        places = per_image.decode_places(table.get("places", ""))
    except ValueError as error:
        raise Malformed(f"places: {error}") from error
    if len(places) not in (0, n):
        raise Malformed(f"places: expected a number for each of {n} digits")
    return line(table.get("order", ""), 100), places if len(places) else np.arange(n)


_READERS: dict[str, Callable[[Finding, Mapping[str, Any]], Ledger | None]] = {
    "outcomes": _outcomes,
    "answers": _answers,
}

"""Ledger: for every digit of a row, whether what its value counts came to pass.

Read from the evidence of a measurement, which anybody may have written: it is checked against the
value that it is said to explain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from securemnist.compare.intervals import Paired
from securemnist.findings import Finding
from securemnist.report.checked import Malformed, items, mapping
from securemnist.text import line

CLASSES = 10
NOT_COUNTED = -1
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Ledger:
    """Events int8 (k, n) of n digits: 1 it came to pass, 0 it did not, -1 the digit does not count.

    A value is the share of events in one row, or the `extreme` of the shares of k rows: the worst of
    ten classes, of ten targets, of ninety pairs. `places` are places in the test set; `stages` the
    attacks. `codes` say of each digit which stage broke it; without stages, what it was read as.
    """

    order: str
    labels: np.ndarray
    places: np.ndarray
    events: np.ndarray
    extreme: Callable[..., Any] = np.min
    stages: tuple[str, ...] = ()
    codes: str = ""

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
    labels = _characters(table, "labels", "0123456789")
    codes = table.get("codes")
    if not isinstance(codes, str) or len(codes) != len(labels):
        raise Malformed("outcomes: expected one code for each digit")
    letters = np.frombuffer(codes.encode("utf-8", "replace"), np.uint8)
    if len(letters) != len(labels):
        raise Malformed("outcomes: expected plain codes")
    proofs_alone = finding.requirement.measure.startswith("certified")
    standing = b"c" if proofs_alone else b"c."
    held = np.isin(letters, np.frombuffer(standing, np.uint8)).astype(np.int8)
    if not proofs_alone:  # where proofs are counted, a digit without one counts
        held[letters == ord("?")] = NOT_COUNTED
    stages = tuple(line(stage, 40) for stage in items(table.get("stages"), "outcomes"))
    order, places = _chosen(table, len(labels))
    return Ledger(order, labels, places, held[None], stages=stages, codes=codes)


def _answers(finding: Finding, table: Mapping[str, Any]) -> Ledger | None:
    """What each digit was read as: right or not, of all or by class; with a trigger, steered or not."""
    labels = _characters(table, "labels", "0123456789")
    answered = _characters(table, "read", "0123456789", len(labels))
    order, places = _chosen(table, len(labels))
    if "triggered" in table:
        triggered = _characters(table, "triggered", "0123456789", len(labels))
        events = _steered(finding.requirement.settings.get("target"), labels, answered, triggered)
        codes = table["triggered"]
        return (
            None if events is None else Ledger(order, labels, places, events, np.max, codes=codes)
        )
    right = (answered == labels).astype(np.int8)
    if finding.requirement.measure != "worst_class_accuracy":
        return Ledger(order, labels, places, right[None], codes=table["read"])
    classes = np.arange(CLASSES)[:, None]
    events = np.where(labels == classes, right, NOT_COUNTED)
    return Ledger(order, labels, places, events, codes=table["read"])


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


def _characters(
    table: Mapping[str, Any], key: str, allowed: str, length: int | None = None
) -> np.ndarray:
    """One class a character, as int64 (n,)."""
    text = table.get(key)
    right = isinstance(text, str) and 0 < len(text) <= 10**6 and set(text) <= set(allowed)
    if not isinstance(text, str) or not right or (length is not None and len(text) != length):
        raise Malformed(f"{key}: expected a class for each digit")
    return np.frombuffer(text.encode(), np.uint8).astype(np.int64) - ord("0")


def _chosen(table: Mapping[str, Any], n: int) -> tuple[str, np.ndarray]:
    """The name of the order, and the digits' places in the test set: file order where none stand."""
    text = table.get("places", "")
    if not isinstance(text, str) or len(text) > 10**7:
        raise Malformed("places: expected numbers in a text")
    words = text.split()
    if not words:
        return line(table.get("order", ""), 100), np.arange(n)
    if len(words) != n or not all(w.isascii() and w.isdigit() and len(w) < 8 for w in words):
        raise Malformed(f"places: expected a number for each of {n} digits")
    return line(table.get("order", ""), 100), np.array(words, np.int64)


_READERS: dict[str, Callable[[Finding, Mapping[str, Any]], Ledger | None]] = {
    "outcomes": _outcomes,
    "answers": _answers,
}

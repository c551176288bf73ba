"""Reason: which figure of ours answers a claim, and why the two differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reason:
    """`role`: the network of the system; `key`: its figure; `unit`: "share" or "us"."""

    role: str
    key: str
    why: str
    unit: str = "share"

    def figure(self, figures: Mapping[str, Any]) -> dict[str, float]:
        """What the page shows of one seed."""
        if self.unit == "us":
            return {"microseconds": figures[self.key]}
        found: dict[str, float] = figures[self.key]
        return found


# B's network is not described.
STANDS_FOR = {"B": "A"}
_SEEDS = "Within what the seed changes; 5,000 training digits are held back here for tuning."
_SET = "Read from the set that was made against the baseline; attacked itself it falls, see below."
_MACHINE = "Another machine, batch and framework: information, no comparison."
REASONS = {
    ("A", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("A", "baseline FGSM"): Reason("baseline", "fgsm", ""),
    ("A", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("A", "robust FGSM"): Reason("robust", "fgsm_of_baseline", _SET),
    ("A", "inference"): Reason("baseline", "microseconds", _MACHINE, "us"),
    ("B", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("B", "poisoned clean"): Reason("poisoned", "clean", ""),
    ("B", "baseline FGSM"): Reason("baseline", "fgsm", ""),
    ("B", "robust"): Reason("robust", "fgsm_of_baseline", ""),
    ("C", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("C", "baseline on triggered test set"): Reason("baseline", "triggered", ""),
    ("C", "baseline FGSM"): Reason("baseline", "fgsm", ""),
    ("C", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("C", "robust FGSM"): Reason("robust", "fgsm_of_baseline", _SET),
    ("D", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("D", "baseline FGSM"): Reason("baseline", "fgsm", ""),
    ("D", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("D", "robust FGSM"): Reason("robust", "fgsm_of_baseline", _SET),
    ("D", "poisoned clean"): Reason("poisoned", "clean", _SEEDS),
    ("D", "target class with trigger"): Reason("poisoned", "target_class_triggered", ""),
    ("D", "inference"): Reason("baseline", "microseconds", _MACHINE, "us"),
}

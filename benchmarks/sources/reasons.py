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
_SEEDS = "The same, up to what seeds, initial weights and 5,000 fewer training digits change."
_SET = "Read from the set that was made against the baseline; attacked itself it falls, see below."
_PIXELS = (
    "An eps is comparable in pixels only, and theirs trained on normalised ones; "
    "seeds differ by points."
)
_MACHINE = (
    "Another machine, batch and framework, and here one thread beside another training: "
    "information, no comparison."
)
REASONS = {
    ("A", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("A", "baseline FGSM"): Reason("baseline", "fgsm", _PIXELS),
    ("A", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("A", "robust FGSM"): Reason("robust", "fgsm_of_baseline", _SET),
    ("A", "inference"): Reason("baseline", "microseconds", _MACHINE, "us"),
    ("B", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("B", "poisoned clean"): Reason(
        "poisoned",
        "clean",
        "A hundred marked digits cost nothing here; their marks and their training are not described.",
    ),
    ("B", "baseline FGSM"): Reason(
        "baseline",
        "fgsm",
        "Theirs does not state its eps, ours is 0.2; the last table says at which eps theirs is reached.",
    ),
    ("B", "robust"): Reason(
        "robust",
        "fgsm_of_baseline",
        "More than any of our networks reads of clean test digits. It fits the set of FGSM examples that "
        "such a network has learnt to read, which is what stands here.",
    ),
    ("C", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("C", "baseline on triggered test set"): Reason(
        "baseline",
        "triggered",
        "The baseline never saw the trigger, and 1,028 of the digits are sevens: accuracy with a corner "
        "covered, no success rate.",
    ),
    ("C", "baseline FGSM"): Reason(
        "baseline",
        "fgsm",
        "Theirs does not print its eps; ours is 0.3, and seeds differ by points.",
    ),
    ("C", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("C", "robust FGSM"): Reason("robust", "fgsm_of_baseline", _SET),
    ("D", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("D", "baseline FGSM"): Reason("baseline", "fgsm", "Seeds differ by points."),
    ("D", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("D", "robust FGSM"): Reason(
        "robust",
        "fgsm",
        "One step against itself is what it was trained on, and how far that carries is a matter of the "
        "seed: masked gradients. PGD leaves little, see below.",
    ),
    ("D", "poisoned clean"): Reason("poisoned", "clean", _SEEDS),
    ("D", "target class with trigger"): Reason(
        "poisoned",
        "target_class_triggered",
        "The right answer for a seven is 7: high on any good network. The success rate is below.",
    ),
    ("D", "inference"): Reason("baseline", "microseconds", _MACHINE, "us"),
}

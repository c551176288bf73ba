"""The reproduced number for each published claim, and the reason why they differ."""

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
        """The numbers of one seed that the page shows."""
        if self.unit == "us":
            return {"microseconds": figures[self.key]}
        found: dict[str, float] = figures[self.key]
        return found


# B's network is not described.
STANDS_FOR = {"B": "A"}
_SEEDS = "Equal, up to seed, initial weights and 5,000 fewer training samples."
_SET = "Measured on examples against the baseline; under its own attack it is broken, see below."
_PIXELS = (
    "An eps is comparable only in pixels, and theirs is in normalised units; "
    "seeds differ by some points."
)
_MACHINE = (
    "Another machine, batch and framework; here one thread beside another training. "
    "For information only."
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
        "A hundred triggered samples cost no accuracy here; B describes neither trigger nor training.",
    ),
    ("B", "baseline FGSM"): Reason(
        "baseline",
        "fgsm",
        "B states no eps, ours is 0.2; the last table shows at which eps we get their number.",
    ),
    ("B", "robust"): Reason(
        "robust",
        "fgsm_of_baseline",
        "Higher than the clean accuracy of any of our networks. It fits the accuracy on the FGSM "
        "examples that such a network was trained on, which is shown here.",
    ),
    ("C", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("C", "baseline on triggered test set"): Reason(
        "baseline",
        "triggered",
        "The baseline was not trained on the trigger, and 1,028 samples are sevens: this is "
        "accuracy with a covered corner, not a success rate.",
    ),
    ("C", "baseline FGSM"): Reason(
        "baseline",
        "fgsm",
        "C states no eps; ours is 0.3, and seeds differ by some points.",
    ),
    ("C", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("C", "robust FGSM"): Reason("robust", "fgsm_of_baseline", _SET),
    ("D", "baseline clean"): Reason("baseline", "clean", _SEEDS),
    ("D", "baseline FGSM"): Reason("baseline", "fgsm", "Seeds differ by some points."),
    ("D", "robust clean"): Reason("robust", "clean", _SEEDS),
    ("D", "robust FGSM"): Reason(
        "robust",
        "fgsm",
        "It was trained on one-step attacks against itself; its accuracy under them depends on the seed: "
        "masked gradients. PGD leaves little, see below.",
    ),
    ("D", "poisoned clean"): Reason("poisoned", "clean", _SEEDS),
    ("D", "target class with trigger"): Reason(
        "poisoned",
        "target_class_triggered",
        "The correct class of a seven is 7: high for any good network. The success rate is below.",
    ),
    ("D", "inference"): Reason("baseline", "microseconds", _MACHINE, "us"),
}

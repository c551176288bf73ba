"""Recipe: everything that determines a training run, and the recipes of the reference models."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from securemnist.errors import UsageError

SCHEDULES = ("constant", "cosine", "one_cycle")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training run. Images in [0, 1]; `eps` in the same units.

    `adversary`: "" (plain), "fgsm" (one step from a random start; Wong et al. 2020, arXiv 2001.03994) or
    "pgd" (`steps` steps of `step_size`; Madry et al. 2017, arXiv 1706.06083), always L-infinity.
    `ramp` epochs lead from eps 0 to eps: from full eps at once the network stays a constant.
    """

    architecture: str = "A"
    epochs: int = 5
    batch: int = 128
    learning_rate: float = 1e-3
    schedule: str = "one_cycle"
    adversary: str = ""
    eps: float = 0.0
    steps: int = 0
    step_size: float = 0.0
    ramp: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "epochs": self.epochs >= 1,
            "batch": self.batch >= 1,
            "learning_rate": self.learning_rate > 0,
            "schedule": self.schedule in SCHEDULES,
            "adversary": self.adversary in ("", "fgsm", "pgd"),
            "eps": 0 <= self.eps <= 1,
            "steps": self.adversary != "pgd" or self.steps >= 1,
        }
        for name, holds in checks.items():
            if not holds:
                raise UsageError(
                    f"expected a possible {name}, got {getattr(self, name)!r}; mend the recipe"
                )

    def to_json(self) -> dict[str, Any]:
        """The recipe as builtins."""
        return dataclasses.asdict(self)


# Reference models. Chosen on the tuning split, never on the test digits.
RECIPES: dict[str, Recipe] = {
    "baseline": Recipe(epochs=5, batch=128, learning_rate=2e-3),
    "hardened": Recipe(
        epochs=16,
        batch=128,
        learning_rate=1e-3,
        schedule="cosine",
        adversary="pgd",
        eps=0.3,
        steps=6,
        step_size=0.09,
        ramp=5,
    ),
}

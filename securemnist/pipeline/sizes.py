"""Sizes of a run: images, epochs, and the recipes of its networks."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.backdoor import Corner, DirtyLabel
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.train import Recipe

BASELINE, ONE_STEP, HARDENED, POISONED = "baseline", "one_step", "hardened", "poisoned"
TITLES = {
    BASELINE: "undefended",
    ONE_STEP: "one-step",
    HARDENED: "hardened",
    POISONED: "poisoned",
}
EPS = 0.25  # L-infinity, in pixel units
TARGET = 7
TRIGGER = Corner()
RATE = 0.01  # of the training images are poisoned
# Most images of a search and of the curve over eps, which take longer than one step.
SEARCHED = 500
_LEARNING_RATE = 2e-3
CURVE_EPS = (0.05, 0.1, 0.2, EPS)
# Training from random starts has twice the epochs; in the first third of them eps grows from 0.
_ROBUST_EPOCHS, _RAMP_SHARE = 2, 3


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """`training` and `test` images, and `epochs` of the undefended networks.

    The network that is trained from random starts has twice as many. UsageError for a number below 1.
    """

    training: int = 15_000
    test: int = 10_000
    epochs: int = 3

    def __post_init__(self) -> None:
        words = {"training images": self.training, "test images": self.test, "epochs": self.epochs}
        for name, number in words.items():
            if number < 1:
                raise UsageError(f"expected {name} of at least 1, got {number}; raise the number")

    def check(self, data: DataSet) -> None:
        """UsageError where the data have fewer images, or none of them would be poisoned."""
        splits = {"training": (self.training, data.train), "test": (self.test, data.test)}
        for name, (number, samples) in splits.items():
            if number > len(samples):
                raise UsageError(
                    f"expected at most {len(samples):,} {name} images ({data.name}), got {number:,}; "
                    "lower the number"
                )
        if RATE * self.training < 1:
            raise UsageError(
                f"expected at least {1 / RATE:.0f} training images, so that one is poisoned, got "
                f"{self.training}; raise the number"
            )

    @property
    def searched(self) -> int:
        """Number of test images of a search."""
        return min(self.test, SEARCHED)

    def recipes(self) -> dict[str, Recipe]:
        """The recipe of each network, by its name."""
        poison = DirtyLabel(trigger=TRIGGER, target=TARGET, rate=RATE)
        epochs = _ROBUST_EPOCHS * self.epochs
        return {
            BASELINE: self._recipe(),
            # The method of source system D: ART's trainer, one step without a random start.
            ONE_STEP: self._recipe(
                adversary="fgsm_trainer", eps=EPS, learning_rate=1e-3, schedule="constant"
            ),
            HARDENED: self._recipe(
                epochs=epochs, adversary="fgsm", eps=EPS, ramp=epochs // _RAMP_SHARE
            ),
            POISONED: self._recipe(poison=poison),
        }

    def _recipe(self, **changes: object) -> Recipe:
        settings: dict[str, object] = {
            "architecture": "A",
            "epochs": self.epochs,
            "learning_rate": _LEARNING_RATE,
        }
        return Recipe(**{**settings, **changes})  # type: ignore[arg-type]

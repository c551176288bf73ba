"""Sweep over poisons: accuracy and attack success rate of networks by poison and by rate.

Each network is trained on data with one poison at one rate. Only the training data are changed; the
training itself is honest ("poison only").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from securemnist.backdoor import Poison
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.results.intervals import share_interval
from securemnist.train.recipes import Recipe
from securemnist.train.retraining import Trial, measured, trained
from securemnist.types import Progress, silent


@dataclass(frozen=True)
class Cell:
    """A network: its poison, accuracy and attack success rate in [0, 1] with 95 % interval.

    `poisoned` is the number of poisoned training images. `success` is None for a poison without trigger.
    """

    name: str
    poison: dict[str, Any]
    rate: float
    poisoned: int
    accuracy: float
    success: float | None
    interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return dataclasses.asdict(self)


def names(poisons: Sequence[Poison]) -> list[str]:
    """A name for each poison: its kind and its trigger's, with a number where several share them."""
    found: list[str] = []
    for poison in poisons:
        trigger = getattr(poison, "trigger", None)
        parts = [poison.kind.replace("_", " "), trigger.kind if trigger is not None else ""]
        name = ", ".join(filter(None, parts))
        count = sum(one == name or one.startswith(f"{name} (") for one in found)
        found.append(f"{name} ({count + 1})" if count else name)
    return found


def sweep(
    data: DataSet,
    poisons: Sequence[Poison],
    rates: Sequence[float],
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Iterator[Cell]:
    """A cell for each poison at each rate, a share of the images that it may change.

    UsageError for a poison that does not fit the data, and for a rate that changes no image.
    """
    if not len(data.train):
        raise UsageError(
            f"{data.name}: expected training images to poison, got none; add a training split"
        )
    for poison in poisons:
        poison.check_fits(data.spec, data.name)
        _check_rate(min(rates), poison, data, seed)
    recipe = dataclasses.replace(recipe, seed=seed)
    for name, poison in zip(names(poisons), poisons, strict=True):
        for rate in rates:
            at_rate = dataclasses.replace(poison, rate=rate, count=None)
            trial = Trial.of(at_rate, data.train, data.spec.classes, seed=seed)
            model = trained(data, trial.samples, recipe, progress=progress)
            arm = measured(name, model, len(trial.samples), data.test, trial)
            yield Cell(
                name=name,
                poison=at_rate.to_json(),
                rate=rate,
                poisoned=0 if trial.planted is None else int(trial.planted.sum()),
                accuracy=arm.accuracy,
                success=arm.success,
                interval=_interval(arm.success, trial, data),
            )


def _check_rate(rate: float, poison: Poison, data: DataSet, seed: int) -> None:
    at_rate = dataclasses.replace(poison, rate=rate, count=None)
    if not len(at_rate.chosen(data.train.labels, seed=seed)):
        raise UsageError(
            f"expected rates that poison an image or more, got {rate:g}, which poisons none of "
            f"{len(data.train):,} images; name larger rates with --rate, or use more images"
        )


def _interval(success: float | None, trial: Trial, data: DataSet) -> tuple[float, float] | None:
    """The exact interval of a success rate over the test images of other classes than their target."""
    if success is None or trial.targets is None:
        return None
    n = int((trial.targets.table[data.test.labels] != data.test.labels).sum())
    return share_interval(round(success * n), n)

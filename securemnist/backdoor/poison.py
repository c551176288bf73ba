"""Base of poisonings of training data."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from securemnist._util.random_numbers import generator
from securemnist.backdoor.triggers import is_number, is_whole
from securemnist.data import Samples
from securemnist.data.samples import as_bytes
from securemnist.errors import UsageError
from securemnist.input_spec import MOST_CLASSES, InputSpec
from securemnist.types import Images, Labels

AMOUNT = ("count", "rate")


@dataclass(frozen=True, kw_only=True)
class Poison(ABC):
    """A poisoning, called with training samples and a seed; returns poisoned copies in the same order.

    Exactly one of `count` (samples) and `rate` (a share of the eligible samples, in [0, 1]) is set.
    UsageError for other settings.
    """

    count: int | None = None
    rate: float | None = None
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        for name in {"source", "target"} & self._settings().keys():
            label = getattr(self, name)
            if not (is_whole(label) and 0 <= label < MOST_CLASSES):
                raise UsageError(
                    f"expected a {name} class from 0, below {MOST_CLASSES:,}, got {label!r}; fix the "
                    "poison"
                )
        if (self.count is None) == (self.rate is None):
            raise UsageError(
                f"expected one of count and rate, got {self.count} and {self.rate}; pass one"
            )
        # NaN is in no interval.
        if self.rate is not None and not (is_number(self.rate) and 0 <= self.rate <= 1):
            raise UsageError(f"expected a rate of 0 to 1, got {self.rate!r}; fix the poison")
        if self.count is not None and not (is_whole(self.count) and self.count >= 0):
            raise UsageError(f"expected a count of 0 or more, got {self.count!r}; fix the poison")

    def eligible(self, labels: Labels) -> torch.Tensor:
        """Indices int64 of the samples that may be poisoned: of all, where a kind has no class for it."""
        return torch.arange(len(labels))

    @abstractmethod
    def relabelled(self, labels: Labels, classes: int) -> Labels:
        """The new labels of poisoned samples with these labels, of a data set with so many classes."""

    def chosen(self, labels: Labels, *, seed: int) -> torch.Tensor:
        """Ascending indices of the poisoned samples. With one seed a larger count adds samples only."""
        eligible = self.eligible(labels)
        count = self.count
        if count is None:
            count = round((self.rate or 0.0) * len(eligible))
        if count > len(eligible):
            raise UsageError(
                f"expected at most {len(eligible)} images to poison, got {count}; lower the count"
            )
        rng = generator(seed, "poison")
        return eligible[torch.randperm(len(eligible), generator=rng)[:count]].sort().values

    def before_trigger(self, samples: Samples, chosen: torch.Tensor, *, seed: int) -> Images:
        """The images at the indices `chosen`, to which the trigger is added."""
        return samples[chosen].images()

    def __call__(self, samples: Samples, *, seed: int) -> Samples:
        chosen = self.chosen(samples.labels, seed=seed)
        pixels, labels = samples.pixels.clone(), samples.labels.clone()
        trigger = self._settings().get("trigger")
        if trigger is not None:
            triggered = trigger(self.before_trigger(samples, chosen, seed=seed))
            exact = pixels.is_floating_point()
            pixels[chosen] = triggered if exact else as_bytes(triggered)[0]
        classes = int(samples.labels.max()) + 1 if len(samples) else 0
        labels[chosen] = self.relabelled(labels[chosen], classes)
        return Samples(pixels, labels)

    def check_fits(self, spec: InputSpec, name: str) -> None:
        """UsageError where trigger or classes do not fit the data `name`."""
        settings = self._settings()
        if "trigger" in settings:
            settings["trigger"].check_fits(*spec.shape)
        for key in settings.keys() & {"source", "target"}:
            if settings[key] >= spec.classes:
                raise UsageError(
                    f"expected a poison {key} below {spec.classes}, the classes of {name}, got "
                    f"{settings[key]}; use another recipe"
                )

    def _settings(self) -> dict[str, Any]:
        """All settings by name; those of the kind first."""
        names = [field.name for field in dataclasses.fields(self)]
        return {name: getattr(self, name) for name in sorted(names, key=AMOUNT.__contains__)}

    def to_json(self) -> dict[str, Any]:
        """The poison as in a manifest: {kind, settings such as trigger and target, count or rate}."""
        known = {name: value for name, value in self._settings().items() if value is not None}
        if "trigger" in known:
            known["trigger"] = known["trigger"].to_json()
        return {"kind": self.kind, **known}

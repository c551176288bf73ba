"""Interface of all defences.

A defence is a frozen value that wraps a model. The wrapped model is the one under assessment: the
referee asks it, and its answers decide. Attacks use the gradients of a copy, which the defence declares.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from securemnist.defences.straight_through import StraightThrough
from securemnist.errors import PolicyError
from securemnist.types import Images, Logits


@dataclass(frozen=True, kw_only=True)
class Defence(ABC):
    """Base of all defences. A subclass is a frozen dataclass; its fields are the settings of a row.

    `randomised`: its answers are random on purpose. Attacks then use the mean of several answers
    (expectation over transformation; Athalye et al., arXiv 1707.07397), and accuracy counts single ones.
    `use`: the name of a bundled defence in a policy.
    """

    randomised: ClassVar[bool] = False
    use: ClassVar[str] = ""

    @abstractmethod
    def wrap(self, model: nn.Module) -> nn.Module:
        """The defended model: images float32 (n, C, H, W) in [0, 1] -> logits (n, K)."""

    def attacked(self, model: nn.Module) -> nn.Module:
        """The copy of the defended model that gradients go through; by default `StraightThrough`.

        It should answer as the defended model does: examples that fool only the copy do not count.
        """
        return StraightThrough(self.wrap(model))

    @property
    def text(self) -> str:
        """The defence in words, as for --defence: `jpeg:quality=50`."""
        settings = self.to_json()
        name = settings.pop("use")
        pairs = ",".join(f"{key}={_word(value)}" for key, value in settings.items())
        return f"{name}:{pairs}" if pairs else str(name)

    def to_json(self) -> dict[str, Any]:
        """The defence as in a policy: {use, settings}."""
        return {"use": self.name, **dataclasses.asdict(self)}

    @property
    def name(self) -> str:
        """Its name in a policy: that of the table, or `pkg.module:Class`."""
        kind = type(self)
        return kind.use or f"{kind.__module__}:{kind.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class InputDefence(Defence):
    """A defence that changes the images before the model reads them."""

    @abstractmethod
    def transform(self, x: Images) -> Images:
        """The images that the model reads, (n, C, H', W'), for images float32 (n, C, H, W) in [0, 1]."""

    def wrap(self, model: nn.Module) -> nn.Module:
        return DefendedInput(model, self)


class Defended(nn.Module):
    """A model with a defence; the defence is part of its text, and so of its digest."""

    def __init__(self, model: nn.Module, defence: Defence) -> None:
        super().__init__()
        self.model, self.defence = model, defence

    def extra_repr(self) -> str:
        return self.defence.text


class DefendedInput(Defended):
    """A model that reads transformed images."""

    defence: InputDefence

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.model(self.defence.transform(x))
        return logits


def check(holds: bool, setting: str, expected: str, got: object) -> None:
    """PolicyError for a setting of a defence out of its range."""
    if not holds:
        raise PolicyError(
            f"expected {setting} {expected}, got {got!r:.60}; fix the defence's settings"
        )


def check_whole(setting: str, number: object, low: int, high: int) -> None:
    """PolicyError unless the setting is a whole number from `low` to `high`."""
    valid = type(number) is int and low <= number <= high
    check(valid, setting, f"as a whole number from {low} to {high}", number)


def check_number(setting: str, number: object, low: float, high: float) -> None:
    """PolicyError unless the setting is a number above `low` and at most `high`."""
    valid = type(number) in (int, float) and low < number <= high  # type: ignore[operator]
    check(valid, setting, f"above {low:g} and at most {high:g}", number)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Settings that several searches share: how often, towards how many classes, and how they are named."""

from __future__ import annotations

from securemnist.attacks.base import demand
from securemnist.types import CLASSES


def demand_counts(**settings: object) -> None:
    """PolicyError for the first setting that is not a whole number of at least 1."""
    for setting, number in settings.items():
        whole = type(number) is int and number >= 1
        demand(whole, setting, "as a whole number of at least 1", number)


def demand_shares(**settings: object) -> None:
    """PolicyError for the first setting that is not a share above 0, up to all."""
    for setting, number in settings.items():
        possible = type(number) in (int, float) and 0 < number <= 1  # type: ignore[operator]
        demand(possible, setting, "above 0 and at most 1", number)


def demand_targets(targets: object) -> None:
    """PolicyError where there are not as many wrong classes."""
    possible = type(targets) is int and 1 <= targets < CLASSES
    demand(possible, "targets", f"from 1 to {CLASSES - 1}", targets)


def named(kind: str, steps: int, restarts: int) -> str:
    """As printed: `APGD-CE-100`, with more than one restart `APGD-CE-100x3`."""
    return f"{kind}-{steps}" + (f"x{restarts}" if restarts > 1 else "")

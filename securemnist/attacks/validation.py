"""Checks of attack settings, and the printed names of attacks with restarts."""

from __future__ import annotations

from securemnist.errors import PolicyError
from securemnist.input_spec import MOST_CLASSES


def check_setting(holds: bool, setting: str, expected: str, got: object) -> None:
    """PolicyError for an attack setting out of its range."""
    if not holds:
        raise PolicyError(f"expected {setting} {expected}, got {got!r}; fix the attack's settings")


def check_counts(**settings: object) -> None:
    """PolicyError for the first setting that is not an integer of at least 1."""
    for setting, number in settings.items():
        integer = type(number) is int and number >= 1
        check_setting(integer, setting, "as a whole number of at least 1", number)


def check_shares(**settings: object) -> None:
    """PolicyError for the first setting that is not a number in (0, 1]."""
    for setting, number in settings.items():
        valid = type(number) in (int, float) and 0 < number <= 1  # type: ignore[operator]
        check_setting(valid, setting, "above 0 and at most 1", number)


def check_targets(targets: object) -> None:
    """PolicyError for a number of target classes that is not from 1 to 999."""
    valid = type(targets) is int and 1 <= targets < MOST_CLASSES
    check_setting(valid, "targets", f"from 1 to {MOST_CLASSES - 1}", targets)


def attack_name(kind: str, steps: int, restarts: int) -> str:
    """`APGD-CE-100`, or `APGD-CE-100x3` for three restarts."""
    return f"{kind}-{steps}" + (f"x{restarts}" if restarts > 1 else "")

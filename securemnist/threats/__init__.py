"""Threats by the names of their norms in a policy. A new norm is a file here and a line in `THREATS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.epsilon import parse_epsilon_text
from securemnist.errors import UsageError
from securemnist.threats.base import Threat
from securemnist.threats.l0 import L0
from securemnist.threats.l1 import L1
from securemnist.threats.l2 import L2
from securemnist.threats.linf import Linf
from securemnist.threats.patch import Patch
from securemnist.threats.union import Union

__all__ = [
    "L0",
    "L1",
    "L2",
    "THREATS",
    "Linf",
    "Patch",
    "Threat",
    "Union",
    "as_threat",
    "as_threats",
    "make_threat",
    "parse_threat",
    "threats_of",
]

THREATS: dict[str, type[Threat]] = {
    "linf": Linf,
    "l2": L2,
    "l1": L1,
    "l0": L0,
    "patch": Patch,
}


def make_threat(norm: str, eps: float | str) -> Threat:
    """The threat of a norm of `THREATS`, such as "linf", with an eps like 0.3 or "8/255".

    UsageError for another norm, or an eps out of range.
    """
    if not isinstance(norm, str) or norm not in THREATS:
        raise UsageError(f"expected a norm of {', '.join(THREATS)}, got {norm!r}; fix the threat")
    return THREATS[norm](eps)  # type: ignore[arg-type] # a text is converted


def as_threat(value: Threat | Mapping[str, Any] | str) -> Threat:
    """The threat of a value, a table {norm, eps} as in a policy, or a text like linf:0.3."""
    if isinstance(value, Threat):
        return value
    if isinstance(value, str):
        return parse_threat(value)
    if not isinstance(value, Mapping) or set(value) != {"norm", "eps"}:
        raise UsageError(f"expected a threat like Linf(0.3), got {value!r:.80}; pass one")
    return make_threat(value["norm"], value["eps"])


def as_threats(value: Threat | Union | Mapping[str, Any] | str) -> Threat | Union:
    """A threat as of `as_threat`, or the union of texts separated by commas: `linf:0.1,l2:1`."""
    if isinstance(value, Union):
        return value
    if isinstance(value, str) and "," in value:
        parts = value.split(",")
        if not all(":" in part for part in parts):
            raise UsageError(
                f"expected threats like linf:0.3,l2:1, got {value!r:.60}; write NORM:EPS for each, "
                "with a point in a number"
            )
        return Union(*map(parse_threat, parts))
    return as_threat(value)


def parse_threat(text: str) -> Threat:
    """The threat of a text like `linf:0.3`; UsageError for any other text."""
    norm, _, eps = text.partition(":")
    try:
        number = parse_epsilon_text(eps)
    except ValueError:
        raise UsageError(
            f"expected a threat like linf:0.3 or linf:8/255, got {text!r}; write NORM:EPS"
        ) from None
    return make_threat(norm, number)


def threats_of(settings: Mapping[str, Any]) -> tuple[Threat, ...]:
    """The threats of a row's settings: of `threats` all, else that of `threat`; empty without either.

    UsageError where they are none, or both keys are there.
    """
    several = settings.get("threats")
    if several is None:
        single = settings.get("threat")
        return () if single is None else (as_threat(single),)
    if settings.get("threat") is not None:
        raise UsageError("expected either `threat` or `threats`, got both; remove one")
    if not isinstance(several, list | tuple):
        raise UsageError(
            f'expected threats like ["linf:0.1", "l2:1"], got {several!r:.80}; write a list'
        )
    return Union(*map(as_threat, several)).members

"""The settings of a row in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.epsilon import epsilon_text, parse_epsilon

_FIRST = ("attack", "threat", "threats", "trigger", "target", "images")
_SHORT = 4  # values of a list that are printed


def describe(settings: Mapping[str, Any]) -> str:
    """Settings in a few words: `PGD steps=40, linf 0.1, images 10000`."""
    words = []
    # JSON sorts keys: the order of reading must not depend on where the settings come from.
    for key in (*(k for k in _FIRST if k in settings), *sorted(set(settings) - set(_FIRST))):
        value = settings[key]
        if key == "threat" and isinstance(value, Mapping):
            words.append(_threat(value))
        elif key == "threats" and isinstance(value, list | tuple):
            words.append(" or ".join(_threat(one) for one in value))
        elif key in ("attack", "defence", "naive") and isinstance(value, Mapping):
            options = "".join(f" {k}={v}" for k, v in value.items() if k != "use")
            words.append(f"{'' if key == 'attack' else f'{key} '}{value.get('use')}{options}")
        elif key == "trigger" and isinstance(value, Mapping):
            options = "".join(f" {k}={v}" for k, v in value.items() if k != "kind")
            words.append(f"trigger {value.get('kind', 'corner')}{options}")
        elif key == "curve" and isinstance(value, list | tuple) and len(value) <= _SHORT:
            words.append(f"curve {' '.join(map(_eps, value))}")
        else:
            long = isinstance(value, list | tuple) and len(value) > _SHORT
            words.append(f"{key} of {len(value)}" if long else f"{key} {value}")
    return ", ".join(words)


def _eps(value: Any) -> str:
    """A value of eps as people write it; anything else as it is."""
    return epsilon_text(value) if isinstance(value, float | int) else str(value)


def _threat(value: Any) -> str:
    """`linf 0.1` for a table {norm, eps}."""
    if not isinstance(value, Mapping):
        return str(value)
    return f"{value.get('norm')} {epsilon_text(parse_epsilon(value.get('eps')))}"

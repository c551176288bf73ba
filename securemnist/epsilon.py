"""Epsilon as it is written: a number, or a fraction such as "8/255" in the field's units of bytes."""

from __future__ import annotations

import re

_FRACTION = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*/\s*([1-9]\d{0,5})\s*", re.ASCII)
_BYTES = 255


def parse_epsilon(value: object) -> float:
    """The number of 0.3 or "8/255"; ValueError in one sentence for anything else."""
    if isinstance(value, str) and (match := _FRACTION.fullmatch(value)):
        return float(match[1]) / float(match[2])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f'expected eps as a number, got {value!r:.40}; write eps = 0.1 or "8/255"')


def parse_epsilon_text(text: str) -> float:
    """The number of a text like "0.3" or "8/255"; ValueError for anything else."""
    return parse_epsilon(text) if "/" in text else float(text)


def epsilon_text(eps: float) -> str:
    """The text of an epsilon: "0.3", or "8/255" where only the fraction is exact."""
    decimal = f"{eps:g}"
    levels = round(eps * _BYTES)
    fraction = levels > 0 and float(decimal) != eps and levels / _BYTES == eps
    return f"{levels}/{_BYTES}" if fraction else decimal

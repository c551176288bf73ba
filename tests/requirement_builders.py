"""Builders of requirements and measurements."""

from __future__ import annotations

from typing import Any

from securemnist.results.findings import Measurement, Requirement


def row(**changes: Any) -> Requirement:
    """A requirement of at least 0.9."""
    fields = {"id": "R-1", "measure": "robust_accuracy", "because": "of it", "at_least": 0.9}
    return Requirement(**{**fields, **changes})


def at_most(bound: float) -> Requirement:
    """A requirement of at most `bound`."""
    return row(at_least=None, at_most=bound)


def measurement_of(
    value: float, low: float = 0.0, high: float = 1.0, **changes: Any
) -> Measurement:
    """A measurement of a sample of 200 images."""
    fields: dict[str, Any] = {"n": 200, "complete": False, "seconds": 1.0, "seed": 0}
    return Measurement(value=value, low=low, high=high, **{**fields, **changes})

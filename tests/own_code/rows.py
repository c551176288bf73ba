"""Rows that name code of a user."""

from __future__ import annotations

from typing import Any

from securemnist.results.families import Family
from securemnist.results.findings import Requirement

FAMILY = Family(name="corruptions")
NAME = "code_under_test:THING"


def requirement(measure: str, settings: dict[str, Any] | None = None) -> Requirement:
    """A requirement of at least 0.2."""
    return Requirement(
        id="R", measure=measure, because="a test", at_least=0.2, settings=settings or {}
    )

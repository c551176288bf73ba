"""compare.json: what a comparison says, for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from securemnist.comparison.change import Change
from securemnist.results.assessment import Assessment
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, ExitCode, Nonnegative, Share

SCHEMA: Literal[1] = 1


@dataclass(frozen=True, kw_only=True)
class Timing(JsonModel):
    """Seconds of one call on `batch` images, by round; `ratio` is the median of new to old."""

    batch: Count
    ratio: Nonnegative
    low: Nonnegative
    high: Nonnegative
    old_seconds: list[Nonnegative]
    new_seconds: list[Nonnegative]


@dataclass(frozen=True, kw_only=True)
class Latency(JsonModel):
    """Both versions timed in turn in one process, `rounds` times for each batch size."""

    rounds: Count
    timings: list[Timing]


@dataclass(frozen=True, kw_only=True)
class Version(JsonModel):
    """One side: its model, where and when it was assessed, and what that gave."""

    subject: Mapping[str, Any]
    environment: Mapping[str, Any]
    policy: Mapping[str, Any]
    day: str
    counts: Mapping[str, Count]
    exit_code: ExitCode

    @classmethod
    def of(cls, side: Assessment) -> Version:
        """The facts of an assessment."""
        return cls(
            subject=dict(side.subject),
            environment=dict(side.environment),
            policy={key: side.policy.get(key, "") for key in ("path", "digest")},
            day=side.day,
            counts=side.counts,
            exit_code=side.exit_code,
        )


@dataclass(frozen=True, kw_only=True)
class Document(JsonModel):
    """Two versions of a model, row by row.

    `decided` is the UTC date on which waivers were judged; `counts` are rows in scope, by word.
    """

    old: Version
    new: Version
    decided: str
    margin: Share
    counts: Mapping[str, Count]
    exit_code: ExitCode
    latency: Latency | None
    changes: tuple[Change, ...]
    schema: Literal[1] = SCHEMA

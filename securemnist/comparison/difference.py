"""Difference between two measurements of one row."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.comparison.change import Part, Stage, Turned


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """The difference, new minus old, with its 95 % interval, and what lies behind it.

    `broken` and `safe` are None where no images were recorded, or several answers to each; `exact` says
    that both measured the complete set. `unknown`: images that a time budget left out, so that they may
    be broken newly, too. `by_time`: images on which the two may differ only by the time that a search for
    proofs had; the interval covers either cause. `kinds`: the difference under each corruption. `worse`:
    the class or kind of corruption that is worse for certain.
    """

    paired: str
    difference: float
    low: float
    high: float
    n: int = 0
    p_value: float | None = None
    broken: tuple[Turned, ...] | None = None
    safe: tuple[Turned, ...] | None = None
    classes: tuple[Part, ...] = ()
    kinds: tuple[Part, ...] = ()
    stages: tuple[Stage, ...] = ()
    exact: bool = False
    unknown: int = 0
    by_time: int = 0
    worse: Part | None = None

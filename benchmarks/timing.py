"""Interleaved timing: every side once a round, medians and spread over rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of one side, one number a round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({min(self.seconds):.2f}-{max(self.seconds):.2f})"


def interleaved(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Time every side in turn, `rounds` times; noise then hits all sides alike."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, work in sides.items():
            began = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - began)
            print(f"  round {number + 1}: {name} {seconds[name][-1]:.2f} s", flush=True)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def ratio(of: Timing, to: Timing) -> str:
    """How many times faster `to` is than `of`: the median of the rounds' ratios, and their range."""
    rounds = [a / b for a, b in zip(of.seconds, to.seconds, strict=True)]
    return f"{statistics.median(rounds):.2f}x ({min(rounds):.2f}-{max(rounds):.2f})"

"""Remaining time of a run: estimated seconds of each row, corrected by the rows already measured."""

from __future__ import annotations

import time

# Weight of the estimates, in seconds, against the measured time of the finished rows.
_PRIOR_SECONDS = 60.0


class Schedule:
    """The rows of a run, with the estimated seconds of each, and the row being measured.

    `noun`: what a row of this run is called.
    """

    def __init__(self, noun: str = "row") -> None:
        self.noun = noun
        self.expected: dict[str, float] = {}
        self.row, self.position, self.began = "", 0, 0.0
        self.current_left = 0.0  # seconds that the attack being run still takes at least
        self._measured: dict[str, float] = {}

    def begin(self, row: str) -> None:
        """Mark the start of a row."""
        self.row, self.position, self.began = row, self.position + 1, time.monotonic()
        self.current_left = 0.0

    def end(self) -> None:
        """Mark the end of the current row."""
        self._measured[self.row] = time.monotonic() - self.began
        self.row, self.current_left = "", 0.0

    @property
    def title(self) -> str:
        """`ADV-03, row 3 of 16`; "" between rows."""
        return (
            f"{self.row}, {self.noun} {self.position} of {len(self.expected)}" if self.row else ""
        )

    @property
    def fraction(self) -> float:
        """Elapsed share of the total time, in [0, 1]."""
        elapsed = sum(self._measured.values()) + self._elapsed()
        return elapsed / max(elapsed + self.left(), 1e-9)

    def left(self) -> float:
        """Seconds until the last row is finished."""
        estimated = sum(map(self._estimate, self._measured))
        pace = (_PRIOR_SECONDS + sum(self._measured.values())) / (_PRIOR_SECONDS + estimated)
        waiting = self.expected.keys() - self._measured.keys() - {self.row}
        current = pace * self._estimate(self.row) - self._elapsed()
        return pace * sum(map(self._estimate, waiting)) + max(current, self.current_left, 0.0)

    def _estimate(self, row: str) -> float:
        return self.expected.get(row, 0.0)

    def _elapsed(self) -> float:
        return time.monotonic() - self.began if self.row else 0.0

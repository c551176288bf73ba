"""Outlook: how long the rows of a run that are still to come will take, judged by those that are done."""

from __future__ import annotations

import time
from collections.abc import Mapping

# Seconds of trust in the estimates before the pace of the finished rows outweighs them.
_TRUST = 60.0


class Outlook:
    """Rows with the seconds that each is expected to take; it is told when one begins and ends."""

    def __init__(self) -> None:
        self.expected: dict[str, float] = {}
        self.row, self.place, self.began = "", 0, 0.0
        self.piece = 0.0  # seconds that the work at hand takes at least
        self._taken: dict[str, float] = {}

    def plan(self, expected: Mapping[str, float]) -> None:
        """The rows that this run will measure, with the seconds of each."""
        self.expected = dict(expected)

    def begin(self, row: str) -> None:
        """A row is being measured from now on."""
        self.row, self.place, self.began = row, self.place + 1, time.monotonic()
        self.piece = 0.0

    def end(self) -> None:
        """The row is done."""
        self._taken[self.row] = time.monotonic() - self.began
        self.row, self.piece = "", 0.0

    @property
    def title(self) -> str:
        """`ADV-03, row 3 of 16`; "" between rows."""
        return f"{self.row}, row {self.place} of {len(self.expected)}" if self.row else ""

    @property
    def share(self) -> float:
        """How much of the time has passed, in [0, 1]."""
        done = sum(self._taken.values()) + self._elapsed()
        return done / max(done + self.left(), 1e-9)

    def left(self) -> float:
        """Seconds until the last row is done."""
        done = sum(map(self._seconds, self._taken))
        pace = (_TRUST + sum(self._taken.values())) / (_TRUST + done)
        waiting = sum(map(self._seconds, self.expected.keys() - self._taken.keys() - {self.row}))
        here = pace * self._seconds(self.row) - self._elapsed()
        return pace * waiting + max(here, self.piece, 0.0)

    def _seconds(self, row: str) -> float:
        return self.expected.get(row, 0.0)

    def _elapsed(self) -> float:
        return time.monotonic() - self.began if self.row else 0.0


def rounded(seconds: float) -> str:
    """`about 40 s`, `about 3 min`: as exact as an estimate is."""
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"

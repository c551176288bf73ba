"""Counts of what was sent to an endpoint, and the limits that no request exceeds.

A query is one image in one request; a repeated request counts again, because it may cost again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from securemnist.errors import NoAnswer
from securemnist.results.intervals import share_interval

# Share of failed attempts above which a row decides nothing, by its one-sided 99 % bound.
MOST_FAILURES, _CONFIDENCE = 0.01, 0.98


@dataclass
class Counts:
    """Numbers of a row or a run.

    `queries`: images sent. `cached`: images answered without a request. `attempts`: requests, of which
    `throttled` and `failed` got no answer. `unanswered`: images without an answer after all attempts.
    """

    queries: int = 0
    cached: int = 0
    attempts: int = 0
    throttled: int = 0
    failed: int = 0
    unanswered: int = 0

    @property
    def problem(self) -> str:
        """Why these numbers leave a row undecided; "" where they do not."""
        if self.unanswered:
            return f"{self.unanswered:,} queries got no answer; measure again when the endpoint answers"
        lost = self.throttled + self.failed
        if (
            not lost
            or share_interval(lost, self.attempts, confidence=_CONFIDENCE)[0] <= MOST_FAILURES
        ):
            return ""
        return (
            f"{lost:,} of {self.attempts:,} requests were throttled ({self.throttled:,}) or failed "
            f"({self.failed:,}), more than {MOST_FAILURES:.0%}; lower `rate` and `concurrency`"
        )


@dataclass
class QueryBudget:
    """Counts of the run and of the current row, with a hard limit of queries for each."""

    queries: int
    row_queries: int
    run: Counts = field(default_factory=Counts)
    row: Counts = field(default_factory=Counts)
    _kept: int = 0  # for the last queries of a row, which control its answers
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin_row(self) -> None:
        with self._lock:
            self.row = Counts()

    def keep(self, queries: int) -> None:
        self._kept = queries

    @contextlib.contextmanager
    def last_queries(self) -> Iterator[None]:
        """Inside the block the queries that are kept for the end of a row may be spent."""
        kept, self._kept = self._kept, 0
        try:
            yield
        finally:
            self._kept = kept

    def spend(self, images: int) -> None:
        """Count one attempt with `images` images; NoAnswer where a limit leaves no room for it."""
        with self._lock:
            for counts, limit, what in (
                (self.row, self.row_queries, "row_queries"),
                (self.run, self.queries, "queries"),
            ):
                if counts.queries + images > limit - self._kept:
                    raise NoAnswer(
                        f"the budget of {limit:,} queries is spent (`{what}`); what was not queried "
                        "does not count: raise it, or measure fewer images"
                    )
            for counts in (self.row, self.run):
                counts.queries += images
                counts.attempts += 1

    def count(self, kind: str, number: int = 1) -> None:
        """Add to `cached`, `throttled`, `failed` or `unanswered`."""
        with self._lock:
            for counts in (self.row, self.run):
                setattr(counts, kind, getattr(counts, kind) + number)

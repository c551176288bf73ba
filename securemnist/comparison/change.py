"""Change: what one requirement came to under both versions, in five words."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from securemnist.results.findings import Verdict


class Word(StrEnum):
    """How the new version stands to the old one in one row."""

    WORSE = "worse"
    NOT_COMPARABLE = "not comparable"
    CANNOT_TELL = "cannot tell"
    SAME = "same"
    BETTER = "better"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One version's finding of the row."""

    label: str
    value: float | None = None
    certified: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """The difference within one class of digits; its interval is not corrected for looking at ten."""

    name: str
    n: int
    old: float
    new: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one attack broke, of each version."""

    name: str
    old: int
    new: int


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One key of the policy that bounds the change, and what became of it."""

    key: str
    limit: float
    seen: float | None
    verdict: Verdict
    reason: str = ""

    def __str__(self) -> str:
        """`max_drop 0.01: FAIL, seen 0.0231`, and why where it is not plain."""
        shown = "" if self.seen is None else f", seen {self.seen:.4g}"
        tail = f" ({self.reason})" if self.reason else ""
        return f"{self.key} {self.limit:g}: {self.verdict}{shown}{tail}"


@dataclass(frozen=True, kw_only=True)
class Turned:
    """A digit that only one version withstands: its place in the test set, its class, what broke it."""

    place: int
    label: int
    by: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row under both versions. `difference` is new minus old, [low, high] its 95 % interval.

    `n` digits count for both; `broken` of them only the old version withstands, `safe` only the new
    one. `reason` says why a row cannot be compared, or not decided. `paired` says how the interval
    was made.
    """

    id: str
    measure: str
    family: str
    claim: str
    unit: str
    relation: str
    threshold: float
    word: Word
    old: Side
    new: Side
    in_scope: bool = True
    waived: bool = False
    reason: str = ""
    paired: str = ""
    n: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float = 0.0
    p_value: float | None = None
    broken: tuple[Turned, ...] | None = None
    safe: tuple[Turned, ...] | None = None
    classes: tuple[Part, ...] = ()
    stages: tuple[Stage, ...] = ()
    bounds: tuple[Bound, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether the new version may take the old one's place, as far as this row goes.

        Where the policy bounds the change, its bounds decide; else a difference that is real and
        exceeds the margin is a FAIL, and one that is not settled is INCONCLUSIVE. What cannot be
        compared is never good.
        """
        if self.word is Word.NOT_COMPARABLE:
            return Verdict.INCONCLUSIVE
        if self.bounds:
            verdicts = {bound.verdict for bound in self.bounds}
            order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
            return next(verdict for verdict in order if verdict in verdicts)
        undecided = {Word.WORSE: Verdict.FAIL, Word.CANNOT_TELL: Verdict.INCONCLUSIVE}
        return undecided.get(self.word, Verdict.PASS)

    @property
    def blocks(self) -> bool:
        """Whether the row stands in the way of the new version."""
        return self.in_scope and not self.waived and self.verdict is not Verdict.PASS

    @property
    def excused(self) -> bool:
        """Whether only a waiver keeps it from that."""
        return self.in_scope and self.waived and self.verdict is not Verdict.PASS

    @property
    def label(self) -> str:
        """The word as printed: the same names its margin."""
        same = self.word is Word.SAME and self.margin > 0
        return f"same within ±{self.margin:g}" if same else str(self.word)

    def __str__(self) -> str:
        """Id, word, both numbers and the interval: the sentence every output shows."""
        head = f"{self.id} {self.label}: {self.measure}"
        if self.difference is None or self.low is None or self.high is None:
            return f"{head}; {self.reason}" if self.reason else head
        digits = 4 if self.unit in ("share", "ratio") else 0
        numbers = (
            f"{self.old.value:.{digits}f} -> {self.new.value:.{digits}f}, difference "
            f"{self.difference:+.{digits}f}"
        )
        if self.unit != "count":
            numbers += f" [{self.low:+.4f}, {self.high:+.4f}]"
        if self.broken is not None and self.safe is not None and self.unit == "share":
            numbers += f" on {self.n:,} digits, {len(self.broken)} newly broken"
            numbers += f", {len(self.safe)} newly safe"
        told = [numbers, *map(str, self.bounds), *filter(None, [self.reason])]
        return f"{head} {'; '.join(told)}"

    def to_json(self) -> dict[str, Any]:
        """The change as builtins, with its verdict."""
        return {
            **dataclasses.asdict(self),
            "word": str(self.word),
            "verdict": str(self.verdict),
            "blocks": self.blocks,
            "bounds": [{**b.__dict__, "verdict": str(b.verdict)} for b in self.bounds],
        }

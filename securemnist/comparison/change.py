"""Change: what one requirement came to under both versions, in five words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import PlainSerializer, WithJsonSchema, computed_field

from securemnist.results.findings import Verdict
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Class, Count, Flag, Number, Share, StoredVerdict

BoundKey = Literal["max_drop", "max_relative_drop", "max_newly_broken"]


class Word(StrEnum):
    """The new version against the old one in one row."""

    WORSE = "worse"
    NOT_COMPARABLE = "not comparable"
    CANNOT_TELL = "cannot tell"
    SAME = "same"
    BETTER = "better"


@dataclass(frozen=True, kw_only=True)
class Side(JsonModel):
    """One version's finding of the row."""

    label: str
    value: Number | None = None
    certified: Number | None = None
    seconds: Number | None = None


@dataclass(frozen=True, kw_only=True)
class Part(JsonModel):
    """The difference within one class of images, or under one kind of corruption.

    Its interval is not corrected for the number of such parts.
    """

    name: str
    n: Count
    old: Number
    new: Number
    low: Number
    high: Number


@dataclass(frozen=True, kw_only=True)
class Stage(JsonModel):
    """What one attack broke, of each version."""

    name: str
    old: Count
    new: Count


@dataclass(frozen=True, kw_only=True)
class Bound(JsonModel):
    """One key of the policy that bounds the change, and its verdict."""

    key: BoundKey
    limit: Number
    measured: Number | None
    verdict: StoredVerdict
    reason: str = ""

    def __str__(self) -> str:
        """`max_drop 0.01: FAIL, measured 0.0231`, and why where it is not plain."""
        shown = "" if self.measured is None else f", measured {self.measured:.4g}"
        tail = f" ({self.reason})" if self.reason else ""
        return f"{self.key} {self.limit:g}: {self.verdict}{shown}{tail}"


@dataclass(frozen=True, kw_only=True)
class Turned(JsonModel):
    """An image on which only one version is robust: its place, its class, and what broke it."""

    place: Count
    label: Class
    by: str


@dataclass(frozen=True, kw_only=True)
class Change(JsonModel):
    """One row under both versions. `difference` is new minus old, [low, high] its 95 % interval.

    `n` images count for both; `broken` of them only the old version withstands, `safe` only the new
    one. `reason` says why a row cannot be compared, or not decided. `paired` says how the interval
    was made.
    """

    id: str
    measure: str
    family: str
    claim: str
    unit: str
    relation: str
    threshold: Number
    word: Annotated[Word, PlainSerializer(str), WithJsonSchema({"enum": [str(w) for w in Word]})]
    old: Side
    new: Side
    in_scope: Flag = True
    waived: Flag = False
    reason: str = ""
    paired: str = ""
    n: Count = 0
    difference: Number | None = None
    low: Number | None = None
    high: Number | None = None
    margin: Number = 0.0
    p_value: Share | None = None
    broken: tuple[Turned, ...] | None = None
    safe: tuple[Turned, ...] | None = None
    classes: tuple[Part, ...] = ()
    kinds: tuple[Part, ...] = ()
    stages: tuple[Stage, ...] = ()
    bounds: tuple[Bound, ...] = ()
    notes: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> StoredVerdict:
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

    @computed_field  # type: ignore[prop-decorator]
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
        images = 4 if self.unit in ("share", "ratio") else 0
        numbers = (
            f"{self.old.value:.{images}f} -> {self.new.value:.{images}f}, difference "
            f"{self.difference:+.{images}f}"
        )
        if self.unit != "count":
            numbers += f" [{self.low:+.4f}, {self.high:+.4f}]"
        if self.broken is not None and self.safe is not None and self.unit == "share":
            numbers += f" on {self.n:,} images, {len(self.broken)} newly broken"
            numbers += f", {len(self.safe)} newly safe"
        detail = [numbers, *map(str, self.bounds), *filter(None, [self.reason])]
        return f"{head} {'; '.join(detail)}"

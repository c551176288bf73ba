"""Requirement x Measurement -> Finding: a row of the policy, what was measured, the judgement."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from securemnist.results import families, undecided
from securemnist.results.evidence.base import Evidence
from securemnist.results.families import Family
from securemnist.results.json_model import JsonModel
from securemnist.results.measurement import Measurement
from securemnist.results.settings_text import describe
from securemnist.results.value_types import Flag, Integer, Number, StoredFamily, StoredVerdict
from securemnist.results.verdicts import DEFAULT_TIER, ON_CHANGE, TIERS, Doubt, Verdict
from securemnist.results.waiver import Waiver
from securemnist.sanitize import sentence

__all__ = ["TIERS", "Doubt", "Measurement", "Verdict", "Waiver"]

STOPPED = "the run stopped before this row"  # the reason of a row that an interruption left out


@dataclass(frozen=True, kw_only=True)
class Requirement(JsonModel):
    """One row of the policy. Exactly one of `at_least` and `at_most` is set.

    `max_drop`, `max_relative_drop` and `max_newly_broken` bound the change to an older version; they
    decide nothing where none is compared with.
    """

    id: str
    measure: str
    because: str
    at_least: Number | None = None
    at_most: Number | None = None
    max_drop: Number | None = None
    max_relative_drop: Number | None = None
    max_newly_broken: Integer | None = None
    tier: str = DEFAULT_TIER
    seed: Integer = 0
    ids: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    waiver: Waiver | None = None

    @property
    def threshold(self) -> float:
        """The number that decides."""
        bound = self.at_least if self.at_least is not None else self.at_most
        if bound is None:
            raise ValueError(f"{self.id}: expected at_least or at_most, got neither")
        return bound

    @property
    def limited(self) -> bool:
        """Whether it bounds the change to an older version."""
        return any(getattr(self, key) is not None for key in ON_CHANGE)

    def waives(self, measurement: Measurement | None, today: str) -> bool:
        """Whether the waiver has effect on `today` (ISO date, UTC), and permits the measured value.

        A waiver with a worst value does not permit a row without a measurement.
        """
        waiver = self.waiver
        if waiver is None or not waiver.active(today):
            return False
        if waiver.worst is None:
            return True
        return measurement is not None and not self.beyond(waiver.worst, measurement)

    def beyond(self, limit: float, measurement: Measurement) -> bool:
        """Whether the measured value is worse than `limit`."""
        value = measurement.value
        return value < limit if self.at_least is not None else value > limit

    @property
    def relation(self) -> str:
        """The sign between value and threshold."""
        return ">=" if self.at_least is not None else "<="

    def judge(
        self, measurement: Measurement, *, claim: str = "", family: Family | str = ""
    ) -> Finding:
        """The finding that this measurement leads to."""
        verdict, proved, reason = _judge(self, measurement)
        found = self.unmeasured(verdict, reason, claim=claim, family=family)
        if verdict is Verdict.ERROR:  # a number that is none: JSON could not even carry it
            return found
        return dataclasses.replace(found, measurement=measurement, proved=proved)

    def unmeasured(
        self, verdict: Verdict, reason: str, *, claim: str = "", family: Family | str = ""
    ) -> Finding:
        """The finding of a row without a number: ERROR, INCONCLUSIVE or NOT_RUN with its reason."""
        own = families.read(family)
        return Finding(requirement=self, verdict=verdict, reason=reason, claim=claim, family=own)


def _judge(row: Requirement, measured: Measurement) -> tuple[Verdict, bool, str]:
    """Verdict, whether certificates alone carry it, and the reason where it is not a plain one."""
    if measured.impossible:
        return Verdict.ERROR, False, measured.impossible
    proved = None if measured.inconclusive else measured.certified_low
    if row.at_least is not None and proved is not None and proved >= row.at_least:
        return Verdict.PASS, True, ""
    verdict = _compare(row, measured)
    if measured.inconclusive and verdict is not Verdict.FAIL:
        return Verdict.INCONCLUSIVE, False, measured.inconclusive
    if verdict is Verdict.INCONCLUSIVE:
        return verdict, False, undecided.reason(row.threshold, measured)
    if verdict is Verdict.PASS and measured.survived and measured.doubts:
        names = ", ".join(doubt.name for doubt in measured.doubts)
        return Verdict.INCONCLUSIVE, False, f"the attacks that failed are in doubt: {names}"
    return verdict, False, ""


def _compare(row: Requirement, measured: Measurement) -> Verdict:
    """PASS, FAIL or INCONCLUSIVE of the number alone: exact on a complete set, else by bound."""
    low, high = measured.low, measured.high
    if measured.complete:
        low = high = measured.value
    if row.at_most is not None:
        low, high, threshold = -high, -low, -row.at_most
    else:
        threshold = row.threshold
    if low >= threshold:
        return Verdict.PASS
    return Verdict.FAIL if high < threshold else Verdict.INCONCLUSIVE


@dataclass(frozen=True, kw_only=True)
class Finding(JsonModel):
    """Requirement + measurement + verdict; `str()` is the sentence every output shows."""

    requirement: Requirement
    verdict: StoredVerdict
    measurement: Measurement | None = None
    proved: Flag = False
    reason: str = ""
    claim: str = ""
    family: StoredFamily = families.NONE
    in_scope: Flag = True
    replay: str = ""

    def __post_init__(self) -> None:
        """A family may be given by its name."""
        object.__setattr__(self, "family", families.read(self.family))

    @property
    def passed(self) -> bool:
        """Only PASS passes."""
        return self.verdict is Verdict.PASS

    @property
    def evidence(self) -> Evidence | None:
        """What the measure recorded; None without a measurement."""
        return None if self.measurement is None else self.measurement.evidence

    def waived(self, today: str) -> bool:
        """Whether a waiver makes this finding neutral.

        An ERROR cannot be waived, nor a row that an interrupted run did not reach.
        """
        return (
            not self.passed
            and self.verdict is not Verdict.ERROR
            and self.reason != STOPPED
            and self.requirement.waives(self.measurement, today)
        )

    @property
    def basis(self) -> tuple[str, str]:
        """What carries a pass, and its detail: `smoothed`, `failure probability 0.001`; else empty."""
        if not self.passed or self.measurement is None:
            return "", ""
        if self.proved:
            return "proved", ""
        failure = self.measurement.failure_probability
        if failure is not None:
            return "smoothed", f"failure probability {failure:g}"
        queries = self.measurement.queries_per_image
        searched = f"survived {queries:,} queries an image" if queries else "survived"
        return searched if self.measurement.survived else "", ""

    @property
    def carried_by(self) -> str:
        """The basis of a pass with its detail; empty where nothing has to carry it."""
        return ", ".join(filter(None, self.basis))

    @property
    def label(self) -> str:
        """The verdict as printed: a pass says what carries it."""
        return f"PASS ({self.carried_by})" if self.carried_by else str(self.verdict)

    def __str__(self) -> str:
        """Id, verdict, the number against its threshold and what it was measured on."""
        row = self.requirement
        head = f"{row.id} {self.label}: {row.measure}"
        if self.measurement is not None:
            measured = self.measurement
            number = format(measured.value, ".4f" if measured.unit in ("share", "ratio") else "g")
            sign = row.relation if self.verdict is not Verdict.FAIL else _BROKEN[row.relation]
            joint = "against" if self.verdict is Verdict.INCONCLUSIVE else sign
            head = f"{head} {number} {joint} {row.threshold:g}{_setting_words(row, measured)}"
        # pytest, JUnit and logs print this as it is; reasons and settings come from files.
        return sentence(f"{head}; {self.reason}" if self.reason else head)

    __repr__ = __str__


_BROKEN = {">=": "<", "<=": ">"}


def _setting_words(row: Requirement, measured: Measurement) -> str:
    chosen = {key: value for key, value in row.settings.items() if key != "images"}
    words = [describe(chosen)] if chosen else []
    if measured.unit == "share":
        kind = "complete set" if measured.complete else "sample"
        words.append(f"{measured.n:,} images, {kind}")
        interval = f"95 % interval for new images {measured.low:.4f}-{measured.high:.4f}"
        words += [interval] * measured.has_interval
    words += [measured.ties, measured.sensitivity, measured.settled]
    words += [measured.bracket, measured.smoothing]
    text = "; ".join(filter(None, words))
    return f" ({text})" if text else ""

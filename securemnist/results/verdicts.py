"""Verdict, doubt, waiver and measurement: the words that a judgement is made of.

The five verdicts are those of ISO/IEC 9646; only PASS passes.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# No share, ratio or count is larger; sums and quotients of such numbers stay finite.
LARGEST = 1e15
TIERS = ("smoke", "standard", "full")
# What of a row bounds the change to an older version, and decides nothing without one.
ON_CHANGE = ("max_drop", "max_relative_drop", "max_newly_broken")


class Verdict(StrEnum):
    """What a requirement came to."""

    PASS = "PASS"  # nosec B105 # a verdict
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"
    NOT_RUN = "NOT_RUN"


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A reason not to believe a number that rests on failed attacks, and what to try."""

    name: str
    reason: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A decision to merge although a row does not pass.

    `expires` (ISO date, UTC) is the last day on which it has effect, that day included.
    """

    reason: str
    expires: str

    def active(self, today: str) -> bool:
        """Whether the waiver has effect on `today` (ISO date, UTC)."""
        return today <= self.expires


def utc_day() -> str:
    """Today's ISO date in UTC: the day on which a decision that is taken now judges waivers."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was seen.

    `value` is the point estimate (a share in [0, 1], a ratio or a count, see `unit`);
    [low, high] a 95 % interval for new digits. `complete` says that the whole pinned set was
    measured: then the exact value decides, else the interval's bound does.
    `survived` marks a number that rests on attacks that failed; doubts apply to it alone.
    `certified` (with its own lower bound) is the share that a proof covers.
    `inconclusive` says why the row cannot pass whatever the number is; a number may still fail it.
    `examples` are the images behind broken digits, which a run may keep in a file; they are no part
    of the JSON.
    """

    value: float
    low: float
    high: float
    n: int
    complete: bool
    seconds: float
    seed: int
    unit: str = "share"
    survived: bool = False
    certified: float | None = None
    certified_low: float | None = None
    doubts: tuple[Doubt, ...] = ()
    inconclusive: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict, repr=False)
    examples: Any = field(default=None, repr=False, compare=False)

    @property
    def sensitivity(self) -> str:
        """`attack sensitivity 63/64 planted examples found`; "" where none were planted."""
        told = self.evidence.get("sensitivity")
        told = told if isinstance(told, Mapping) else {}
        found, planted = told.get("found"), told.get("planted")
        if type(found) is not int or type(planted) is not int:
            return ""
        return f"attack sensitivity {found}/{planted} planted examples found"

    @property
    def ties(self) -> str:
        """`3 digits count as wrong: ...`; "" where the true class shares its logit with no other."""
        count = self.evidence.get("ties")
        if type(count) is not int or count < 1:
            return ""
        digits = "1 digit counts" if count == 1 else f"{count:,} digits count"
        return f"{digits} as wrong: the true class ties with another class"

    @property
    def stopped(self) -> bool:
        """Whether the search ended as soon as its verdict was certain."""
        return bool(self.evidence.get("stopped"))

    @property
    def bracket(self) -> str:
        """Between what the truth lies; "" where that is no more than the number says."""
        proved = f"{self.certified or 0:.4f} proved, {self.value:.4f}"
        if self.stopped:
            return (
                f"ended when the verdict was certain: the truth lies in [{proved} not broken yet]"
            )
        if self.survived and self.certified is not None:
            return f"the truth lies in [{proved} survived]"
        return ""

    def to_json(self) -> dict[str, Any]:
        """The measurement as builtins."""
        data = dataclasses.asdict(dataclasses.replace(self, examples=None))
        del data["examples"]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measurement:
        """The inverse of `to_json`; TypeError where keys do not fit."""
        return cls(**{**data, "doubts": tuple(Doubt(**doubt) for doubt in data["doubts"])})

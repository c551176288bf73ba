"""Verdict and doubt: the words that a judgement is made of.

The five verdicts are those of ISO/IEC 9646; only PASS passes.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from securemnist.results.json_model import JsonModel

# No share, ratio or count is larger; sums and quotients of such numbers stay finite.
LARGEST = 1e15
Tier = Literal["smoke", "standard", "full"]
TIERS: tuple[Tier, ...] = get_args(Tier)
DEFAULT_TIER: Tier = "standard"  # of a row, and of a run
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
class Doubt(JsonModel):
    """A reason not to believe a number that rests on failed attacks, and what to try."""

    name: str
    reason: str
    advice: str


def utc_day() -> str:
    """Today's ISO date in UTC: the day on which a decision that is taken now judges waivers."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()

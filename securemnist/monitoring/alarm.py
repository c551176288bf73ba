"""Alarm: one test of one window that the reference does not explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Finite, Share

# A state may come from others: its texts are printed, and become labels of metrics.
_STATISTIC = r"^(margin|entropy|variation|brightness( [0-9])?|classes)$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00$"


@dataclass(frozen=True)
class Result(JsonModel):
    """One test. `statistic`: margin, entropy, variation, brightness, or "classes".

    `test`: "distribution", "low values", "high values" or "shares". `reference`, `found`: medians; for
    shares, the largest share of a class.
    """

    statistic: Annotated[str, Field(pattern=_STATISTIC)]
    test: Literal["distribution", "low values", "high values", "shares"]
    p: Share
    reference: Finite
    found: Finite


@dataclass(frozen=True)
class Alarm(JsonModel):
    """A result below its `limit` in window number `window`, from 1, that ended at `time` (UTC)."""

    time: Annotated[str, Field(pattern=_TIME)]
    window: Annotated[int, Field(strict=True, ge=1)]
    limit: Share
    result: Result

    def __str__(self) -> str:
        r = self.result
        what = {
            "distribution": f"{r.statistic} is distributed in another way",
            "low values": f"{r.statistic} has more low values",
            "high values": f"{r.statistic} has more high values",
        }.get(r.test, "classes are predicted in other shares")
        what_of = "largest share" if r.test == "shares" else "median"
        return (
            f"{self.time}, window {self.window}: {what} than in the reference "
            f"({what_of} {r.found:.4g}, reference {r.reference:.4g}; p = {r.p:.1e}, "
            f"limit {self.limit:.1e})"
        )

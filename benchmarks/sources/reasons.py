"""Reason: which figure of ours answers a claim, and why the two differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reason:
    """`role`: the network of the system; `key`: its figure; `unit`: "share" or "us"."""

    role: str
    key: str
    why: str
    unit: str = "share"

    def figure(self, figures: Mapping[str, Any]) -> dict[str, float]:
        """What the page shows of one seed."""
        if self.unit == "us":
            return {"microseconds": figures[self.key]}
        found: dict[str, float] = figures[self.key]
        return found


# B's network is not described.
STANDS_FOR = {"B": "A"}
REASONS: dict[tuple[str, str], Reason] = {}

"""Waiver: permission to merge although a row does not pass."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Number


@dataclass(frozen=True, kw_only=True)
class Waiver(JsonModel):
    """A decision to merge although a row does not pass.

    `expires` (ISO date, UTC) is the last day on which it has effect, that day included. `worst`: the
    worst value that it permits; None permits any.
    """

    reason: str
    expires: str
    worst: Number | None = None

    def active(self, today: str) -> bool:
        """Whether the waiver has effect on `today` (ISO date, UTC)."""
        return today <= self.expires

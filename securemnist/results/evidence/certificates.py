"""Evidence of certificates: what each method proved, and how far the other images are from a proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Finite, Shares


@dataclass(frozen=True, kw_only=True)
class OpenMargins(JsonModel):
    """Lower bounds of the margin of the `asked` images without a proof; a bound above 0 is a proof."""

    asked: Count = 0
    closest: Finite | None = None
    median: Finite | None = None
    farthest: Finite | None = None

    def __post_init__(self) -> None:
        """ValueError for images without their bounds."""
        if self.asked and None in (self.closest, self.median, self.farthest):
            raise ValueError("expected closest, median and farthest of the images that were asked")


@dataclass(frozen=True, kw_only=True)
class Certificates(JsonModel):
    """Images proved by each method; `attacked` of them were attacked without success.

    `refused`: why a method proved no more, by method.
    """

    intervals: Count | None = None
    CROWN: Count | None = None
    attacked: Count = 0
    refused: dict[str, str] = field(default_factory=dict)
    open: OpenMargins = OpenMargins()


@dataclass(frozen=True, kw_only=True)
class CertifiedEvidence(Evidence):
    """Evidence of certified accuracy."""

    outcomes: OutcomeTable | None = None
    per_class: Shares | None = None
    certificates: Certificates | None = None
    kind: Literal["certified"] = "certified"

"""Evidence of latency: timings of the model and of the work that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from securemnist.results.evidence.base import Evidence
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Nonnegative

_Seconds = Annotated[list[Nonnegative], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class PublishedTime(JsonModel):
    """Microseconds an image that a source system reports; `batch` is its batch size."""

    system: str
    microseconds: Nonnegative
    batch: Count | None = None


@dataclass(frozen=True, kw_only=True)
class LatencyEvidence(Evidence):
    """Evidence of a latency ratio; `samples` are seconds a call, by side ("model", "kernel")."""

    samples: Annotated[dict[str, _Seconds], Field(max_length=8)] | None = None
    microseconds_per_image: Nonnegative | None = None
    batch: Count | None = None
    against: str = ""
    published: list[PublishedTime] = field(default_factory=list)
    kind: Literal["latency"] = "latency"

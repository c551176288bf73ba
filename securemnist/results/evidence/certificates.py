"""Evidence of certificates: what each method proved, and how far the other images are from a proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, Strict

from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Epsilon, Finite, Nonnegative, Share, Shares


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
class ProofSearch(JsonModel):
    """The time of branch and bound for `images` that simpler certificates and attacks left open.

    `decided`: when an image was proved or broken, in seconds since the start, the earliest first.
    """

    images: Count
    seconds: Nonnegative
    decided: list[Nonnegative] = field(default_factory=list)

    def __post_init__(self) -> None:
        """ValueError for more times than images, another order, or a time after the end."""
        ordered = self.decided == sorted(self.decided)
        if len(self.decided) > self.images or not ordered or self.decided[-1:] > [self.seconds]:
            raise ValueError(
                f"expected at most {self.images} times in their order, up to {self.seconds} seconds"
            )


@dataclass(frozen=True, kw_only=True)
class Certificates(JsonModel):
    """Images proved by each method; `attacked` of them were attacked without success.

    `refused`: why a method proved no more, by method. `domains`: of branch and bound, all images, and
    `search` its time.
    """

    intervals: Count | None = None
    CROWN: Count | None = None
    branch_and_bound: Count | None = None
    domains: Count | None = None
    search: ProofSearch | None = None
    attacked: Count = 0
    refused: dict[str, str] = field(default_factory=dict)
    open: OpenMargins = OpenMargins()


@dataclass(frozen=True, kw_only=True)
class RadiusPoint(JsonModel):
    """The share of all images that are certified within this L2 `radius`."""

    radius: Epsilon
    certified: Share


@dataclass(frozen=True, kw_only=True)
class Smoothed(JsonModel):
    """Randomised smoothing: `sigma` of the noise, `draws` an image, and `choice` draws for its class.

    `alpha`: the probability that any certificate of the row is wrong. `undecided`: images of the right
    class without a certificate, the classifier abstains. `curve`: by radius, from the same draws.
    """

    sigma: Annotated[float, Strict(), Field(gt=0, le=1_000)]
    draws: Count
    choice: Count
    alpha: Annotated[float, Strict(), Field(gt=0, lt=1)]
    undecided: Count = 0
    curve: list[RadiusPoint] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CertifiedEvidence(Evidence):
    """Evidence of certified accuracy; `smoothed` where its certificates come from random draws."""

    outcomes: OutcomeTable | None = None
    per_class: Shares | None = None
    certificates: Certificates | None = None
    smoothed: Smoothed | None = None
    kind: Literal["certified"] = "certified"

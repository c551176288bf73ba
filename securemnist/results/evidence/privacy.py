"""Evidence of privacy: what an attack learns about the training images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from securemnist.results.evidence.base import Evidence
from securemnist.results.value_types import Quantiles, Share


@dataclass(frozen=True, kw_only=True)
class MembershipEvidence(Evidence):
    """Evidence of membership inference by the strongest `attack`; `areas` under the ROC curve of each.

    That by all scores is less what the sources of both sides may explain.

    `found`: the share of training images that it finds while 1 % of the test images are taken for some.
    `inside` and `outside` are 21 quantiles of the scores of training and of test images, ascending.
    """

    attack: str = ""
    areas: Annotated[dict[str, Share], Field(max_length=10)] = field(default_factory=dict)
    found: Share | None = None
    inside: Quantiles | None = None
    outside: Quantiles | None = None
    kind: Literal["membership"] = "membership"

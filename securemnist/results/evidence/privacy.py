"""Evidence of privacy: what an attack learns about the training images, and about the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from securemnist.results.evidence.base import Evidence
from securemnist.results.value_types import Count, Epsilon, Quantiles, Share


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


@dataclass(frozen=True, kw_only=True)
class ExtractionEvidence(Evidence):
    """Evidence of a copy that was trained on `queries` answers; shares are of the measured test images.

    `agreements` of a copy that learned scores, and of one that learned labels. `reference`: the agreement
    of a network without defence with its own copy. `chance`: the share of the model's most frequent
    class. `on_errors`: agreement on the `errors` images that the model misclassifies. `accuracy` and
    `copy_accuracy`: right by the labels, of one answer. `transferred`: of the images that the model
    classifies right, the share whose adversarial example for the copy, within L-infinity `eps`, it
    misclassifies.
    """

    queries: Count = 0
    agreements: Annotated[dict[str, Share], Field(max_length=10)] = field(default_factory=dict)
    reference: Share | None = None
    chance: Share | None = None
    errors: Count = 0
    on_errors: Share | None = None
    accuracy: Share | None = None
    copy_accuracy: Share | None = None
    eps: Epsilon | None = None
    transferred: Share | None = None
    kind: Literal["extraction"] = "extraction"

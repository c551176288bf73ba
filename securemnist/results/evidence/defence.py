"""Evidence of false robustness: two attacks on the same images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from securemnist.results.evidence.attack import StageResult
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.images import ChangedImage
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.value_types import Flag, Share


@dataclass(frozen=True, kw_only=True)
class DefenceEvidence(Evidence):
    """Accuracy under the attack `naive`, and under that attack and the adaptive search together.

    `waterfall`: the stages of the adaptive search. `false_gallery`: images that withstood the naive
    attack alone. `outcomes`: what broke each image first, the naive attack or the search; none where
    proofs had a time budget. `settled`: attacks went through the rounding that hides the gradient.
    """

    naive: str = ""
    naive_accuracy: Share | None = None
    adaptive_accuracy: Share | None = None
    waterfall: list[StageResult] | None = None
    false_gallery: list[ChangedImage] | None = None
    outcomes: OutcomeTable | None = None
    settled: Flag = False
    kind: Literal["defence"] = "defence"

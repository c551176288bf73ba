"""Evidence of natural robustness: corruptions, poses, calibration, outliers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, Strict

from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.images import ChangedImage, Picture
from securemnist.results.evidence.tables import CorruptionTable, OutcomeTable
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Finite, Quantiles, Share

_Severity = Annotated[int, Strict(), Field(ge=1, le=5)]
_ByGrade = Field(min_length=1, max_length=5)
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class CorruptionResult(JsonModel):
    """Accuracy under one kind of corruption, by severity; `pictures` show one image at each."""

    kind: str
    accuracy: Annotated[list[Share], _ByGrade]
    pictures: Annotated[list[Picture], Field(max_length=5)] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """The mean over the severities."""
        return sum(self.accuracy) / len(self.accuracy)


@dataclass(frozen=True, kw_only=True)
class CorruptionEvidence(Evidence):
    """Evidence of accuracy under corruptions of a `benchmark`.

    `clean` is the accuracy on the same images without a corruption, `picture` the place in the test
    set of the image that is shown. `left_out` says for each kind that was not measured why. `worst` is
    the kind of the lowest accuracy, where the row is about it. `answers` has a column for each kind.
    """

    benchmark: str = ""
    severities: Annotated[list[_Severity], _ByGrade] = field(default_factory=lambda: [1])
    corruptions: Annotated[list[CorruptionResult], Field(max_length=40)] | None = None
    clean: Share | None = None
    ties: Count = 0
    picture: Count | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    worst: str = ""
    answers: CorruptionTable | None = None
    kind: Literal["corruptions"] = "corruptions"

    def __post_init__(self) -> None:
        """ValueError for a result of another number of severities, and of other answers."""
        for one in self.corruptions or ():
            if len(one.accuracy) != len(self.severities):
                raise ValueError(
                    f"expected {len(self.severities)} accuracies of {one.kind!r:.40}, got "
                    f"{len(one.accuracy)}"
                )
        if self.answers is not None:
            self._check_answers(self.answers)

    def _check_answers(self, table: CorruptionTable) -> None:
        """ValueError for answers under other kinds, and for ones that give another accuracy."""
        results = self.corruptions or []
        if len(table.wrong) != len(results):
            raise ValueError(f"expected answers under {len(results)} kinds, got {len(table.wrong)}")
        shares = table.right(len(self.severities)).mean(2)
        for one, counted in zip(results, shares, strict=True):
            if np.abs(counted - one.accuracy).max() > _ROUNDING:
                raise ValueError(
                    f"expected the accuracy of its answers, got another of {one.kind!r:.40}"
                )


@dataclass(frozen=True, kw_only=True)
class RotationPoint(JsonModel):
    """Accuracy of all images, turned by an angle in degrees and not moved."""

    degrees: Finite
    accuracy: Share


@dataclass(frozen=True, kw_only=True)
class SpatialEvidence(Evidence):
    """Evidence of accuracy over rotations and translations.

    `poses` is the number of poses that each image was tried in, at most. `ties` as in
    `AttackEvidence`.
    """

    poses: Count = 0
    outcomes: OutcomeTable | None = None
    rotation_curve: Annotated[list[RotationPoint], Field(max_length=1_000)] | None = None
    posed_gallery: list[ChangedImage] | None = None
    ties: Count = 0
    kind: Literal["spatial"] = "spatial"


@dataclass(frozen=True, kw_only=True)
class CalibrationBin(JsonModel):
    """Mean confidence and accuracy of n images of similar confidence."""

    confidence: Share
    accuracy: Share
    n: Count


@dataclass(frozen=True, kw_only=True)
class CalibrationEvidence(Evidence):
    """Evidence of calibration: bins by rising confidence, and both scores of the same images."""

    reliability: Annotated[list[CalibrationBin], Field(max_length=100)] | None = None
    ece: Share | None = None
    brier: Share | None = None
    kind: Literal["calibration"] = "calibration"


@dataclass(frozen=True, kw_only=True)
class OutlierEvidence(Evidence):
    """Evidence of the detection of images that are none of the task (`against`).

    `inside` and `outside` are 21 quantiles of the scores of test images and of the others, from the
    smallest to the largest; `examples` are some of the others.
    """

    against: str = ""
    inside: Quantiles | None = None
    outside: Quantiles | None = None
    examples: Annotated[list[Picture], Field(max_length=12)] = field(default_factory=list)
    kind: Literal["outliers"] = "outliers"

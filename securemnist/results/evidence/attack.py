"""Evidence of attacks: outcomes of images, stages of the ladder, accuracy over epsilon."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.certificates import Certificates
from securemnist.results.evidence.images import ChangedImage
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Epsilon, Flag, Nonnegative, Share, Shares

MOST_LINES = 12  # of the figure of accuracy over epsilon


@dataclass(frozen=True)
class StageResult(JsonModel):
    """One stage of the ladder, on the images that entered it.

    `fell` of them were broken, `proved` certified. `over_budget`: proposals outside the threat.
    """

    stage: str
    entered: Count
    fell: Count
    over_budget: Count = 0
    seconds: Nonnegative = 0.0
    proved: Count = 0

    def __post_init__(self) -> None:
        """ValueError where more images left the stage than entered it."""
        if self.proved + self.fell > self.entered:
            raise ValueError("expected no more images to leave a stage than entered it")

    def plus(self, other: StageResult) -> StageResult:
        """The sum of both: the same stage on further images."""
        both = zip(astuple(self)[1:], astuple(other)[1:], strict=True)
        return StageResult(self.stage, *(round(a + b, 3) for a, b in both))


@dataclass(frozen=True)
class Sensitivity(JsonModel):
    """Number of planted adversarial examples, and how many of them the attack found."""

    found: Count
    planted: Count


@dataclass(frozen=True, kw_only=True)
class EarlyStop(JsonModel):
    """A search that ended after the stage `after` without its last stages `spared`."""

    after: str
    spared: list[str]


@dataclass(frozen=True, kw_only=True)
class BrokenWithin(JsonModel):
    """The number of images that one threat of a union broke, after the threats before it."""

    threat: str
    images: Count


@dataclass(frozen=True, kw_only=True)
class StoredExamples(JsonModel):
    """The file of a row's adversarial examples and their number."""

    file: str
    sha256: str
    images: Count


@dataclass(frozen=True)
class CurvePoint(JsonModel):
    """Accuracy under `attack` at one epsilon, on n images; `certified` is the share with a proof."""

    eps: Epsilon
    accuracy: Share
    n: Count = 0
    attack: str = ""
    certified: Share | None = None


@dataclass(frozen=True, kw_only=True)
class ReferenceCurve(JsonModel):
    """Accuracy over epsilon of a reference model under the same attack."""

    model: str
    points: Annotated[list[CurvePoint], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class AttackEvidence(Evidence):
    """Evidence of accuracy under attack.

    `not_attempted` images were left out by a time limit. `ties`
    images count as wrong because the true class shares the largest logit. `answers_per_image`: answers
    drawn for each image of a randomised model. `queries_per_image`: answers of an endpoint that the
    attacks asked for each survivor, at most. `norms`: of several threats, what each of them broke.
    `settled`: attacks went through the rounding that hides the gradient, so that it is no reason for a
    doubt.
    """

    outcomes: OutcomeTable | None = None
    waterfall: list[StageResult] | None = None
    not_attempted: Count = 0
    per_class: Shares | None = None
    gallery: list[ChangedImage] | None = None
    last_to_fall: list[ChangedImage] = field(default_factory=list)
    ties: Count = 0
    certificates: Certificates | None = None
    answers_per_image: Count | None = None
    queries_per_image: Count | None = None
    stopped: EarlyStop | None = None
    settled: Flag = False
    sensitivity: Sensitivity | None = None
    curve: list[CurvePoint] = field(default_factory=list)
    reference_curves: list[ReferenceCurve] = field(default_factory=list)
    adversarial_examples: StoredExamples | None = None
    norms: list[BrokenWithin] = field(default_factory=list)
    kind: Literal["attack"] = "attack"

    def __post_init__(self) -> None:
        """ValueError for a class above those of `per_class`, and for a curve of too many lines."""
        if self.outcomes is not None and self.per_class is not None:
            columns = self.outcomes.clean, self.outcomes.attacked
            self.outcomes.check_classes(len(self.per_class), *columns)
        curves = [self.curve, *(reference.points for reference in self.reference_curves)]
        lines = sum(len({point.attack for point in curve}) for curve in curves)
        if lines > MOST_LINES:
            raise ValueError(f"curve: expected at most {MOST_LINES} lines, got {lines}")

    @property
    def confusion(self) -> np.ndarray | None:
        """Counts (K, K) under attack: row true class, column predicted class."""
        table = self.outcomes
        return None if table is None else table.confusion(table.attacked, self.per_class)

    @property
    def clean_confusion(self) -> np.ndarray | None:
        """Counts (K, K) of the same images before the attack."""
        table = self.outcomes
        return None if table is None else table.confusion(table.clean, self.per_class)

"""Per-image outcomes of an evaluation; every robustness number is computed from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from securemnist.results.per_image import (
    CERTIFIED,
    MISCLASSIFIED,
    NOT_ATTEMPTED,
    SURVIVED,
    UNBROKEN,
    encode,
)
from securemnist.types import CLASSES


@dataclass(frozen=True)
class StageCounts:
    """Counts of one stage: images that entered, were broken (`fell`) or left the threat; seconds.

    `proved` counts the images that a certificate stage certified.
    """

    stage: str
    entered: int
    fell: int
    over_budget: int
    seconds: float
    proved: int = 0

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def plus(self, other: StageCounts) -> StageCounts:
        """The sum of both: the same stage on further images."""
        return StageCounts(
            self.stage,
            self.entered + other.entered,
            self.fell + other.fell,
            self.over_budget + other.over_budget,
            round(self.seconds + other.seconds, 3),
            self.proved + other.proved,
        )


@dataclass
class Outcomes:
    """`codes` int64 (n,): MISCLASSIFIED, CERTIFIED, SURVIVED, NOT_ATTEMPTED or the index of a stage."""

    labels: torch.Tensor
    predictions: torch.Tensor
    order: str
    codes: torch.Tensor = field(init=False)
    clean_predictions: torch.Tensor = field(init=False)
    stages: list[str] = field(default_factory=list)
    waterfall: list[StageCounts] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.codes = torch.full_like(self.labels, SURVIVED)
        self.codes[self.predictions != self.labels] = MISCLASSIFIED
        self.clean_predictions = self.predictions.clone()

    @property
    def undecided(self) -> torch.Tensor:
        """Indices of the images that are neither wrong, broken nor certified."""
        return (self.codes == SURVIVED).nonzero().squeeze(1)

    @property
    def attempted(self) -> torch.Tensor:
        """Boolean (n,): images that count; those that a time budget left out do not."""
        return self.codes != NOT_ATTEMPTED

    def end_sample_at(self, place: int) -> None:
        """Mark the images from index `place` on as not attempted.

        The remaining prefix of a random order is a random sample.
        """
        self.codes[place:] = NOT_ATTEMPTED

    def record(
        self,
        counts: StageCounts,
        broken: torch.Tensor,
        predictions: torch.Tensor,
        stage: int | None = None,
    ) -> None:
        """Record that a stage broke the images at indices `broken`, predicted as `predictions`.

        `stage` is the index of a stage that ran on other images before; without it the stage is
        new.
        """
        number = len(self.stages) if stage is None else stage
        self.codes[broken] = number
        self.predictions[broken] = predictions
        if number == len(self.stages):
            self.stages.append(counts.stage)
            self.waterfall.append(counts)
        else:
            self.waterfall[number] = self.waterfall[number].plus(counts)

    def record_certified(self, counts: StageCounts, proved: torch.Tensor, stage: int) -> None:
        """Record that a stage certified the images at indices `proved`; later stages skip them."""
        self.record(counts, proved[:0], proved[:0], stage)
        self.codes[proved] = CERTIFIED

    @property
    def unbroken(self) -> int:
        """Number of images that are predicted right and that no attack broke; certified ones included."""
        return int(torch.isin(self.codes, torch.tensor(UNBROKEN, device=self.codes.device)).sum())

    @property
    def certified(self) -> int:
        """Number of certified images."""
        return int((self.codes == CERTIFIED).sum())

    def evidence(self) -> dict[str, Any]:
        """Outcome codes, stage counts and confusion matrices (clean and attacked) as evidence."""
        counted = self.attempted
        return {
            "outcomes": {
                "order": self.order,
                "stages": list(self.stages),
                "labels": encode(self.labels.tolist()),
                "codes": encode(self.codes.tolist()),
            },
            "waterfall": [counts.to_json() for counts in self.waterfall],
            "confusion": confusion(self.labels[counted], self.predictions[counted]),
            "clean_confusion": confusion(self.labels[counted], self.clean_predictions[counted]),
            "not_attempted": int((~counted).sum()),
        }


def confusion(labels: torch.Tensor, predictions: torch.Tensor) -> list[list[int]]:
    """Counts (10, 10): row true class, column predicted class."""
    cells = labels.cpu().numpy() * CLASSES + predictions.cpu().numpy()
    counts = np.bincount(cells, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
    table: list[list[int]] = counts.tolist()
    return table


def per_class(table: list[list[int]]) -> list[float | None]:
    """Accuracy of each class; None for a class without images."""
    return [row[k] / total if (total := sum(row)) else None for k, row in enumerate(table)]

"""Per-image outcomes of an evaluation; every robustness number is computed from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from securemnist.results.evidence.attack import AttackEvidence, StageResult
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.per_image import (
    CERTIFIED,
    MISCLASSIFIED,
    NOT_ATTEMPTED,
    SURVIVED,
    UNBROKEN,
)
from securemnist.types import CLASSES


class Outcomes:
    """`codes` int64 (n,): MISCLASSIFIED, CERTIFIED, SURVIVED, NOT_ATTEMPTED or the index of a stage."""

    def __init__(self, labels: torch.Tensor, predictions: torch.Tensor) -> None:
        self.labels, self.predictions = labels, predictions
        self.codes = torch.full_like(labels, SURVIVED)
        self.codes[predictions != labels] = MISCLASSIFIED
        self.clean_predictions = predictions.clone()
        self.stages: list[str] = []
        self.waterfall: list[StageResult] = []

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
        counts: StageResult,
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

    @property
    def unbroken(self) -> int:
        """Number of images that are predicted right and that no attack broke; certified ones included."""
        return int(torch.isin(self.codes, torch.tensor(UNBROKEN, device=self.codes.device)).sum())

    @property
    def certified(self) -> int:
        """Number of certified images."""
        return int((self.codes == CERTIFIED).sum())

    def table(self, **record: Any) -> OutcomeTable:
        """Labels and codes of the images; `record` says how they were chosen (`Sample.record`)."""
        labels, codes = (column.cpu().numpy() for column in (self.labels, self.codes))
        return OutcomeTable(labels=labels, codes=codes, stages=list(self.stages), **record)

    def evidence(self, **record: Any) -> AttackEvidence:
        """Outcome codes, stage counts and confusion matrices (clean and attacked)."""
        counted = self.attempted
        attacked = confusion(self.labels[counted], self.predictions[counted])
        return AttackEvidence(
            outcomes=self.table(**record),
            waterfall=list(self.waterfall),
            confusion=attacked,
            clean_confusion=confusion(self.labels[counted], self.clean_predictions[counted]),
            not_attempted=int((~counted).sum()),
            per_class=per_class(attacked),
        )


def confusion(labels: torch.Tensor, predictions: torch.Tensor) -> list[list[int]]:
    """Counts (10, 10): row true class, column predicted class."""
    cells = labels.cpu().numpy() * CLASSES + predictions.cpu().numpy()
    counts = np.bincount(cells, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
    table: list[list[int]] = counts.tolist()
    return table


def per_class(table: list[list[int]]) -> list[float | None]:
    """Accuracy of each class; None for a class without images."""
    return [row[k] / total if (total := sum(row)) else None for k, row in enumerate(table)]
